// What XLA calls: the handlers that `jaxcnn.engine.compiler` registers.

#include "winograd.h"

namespace ffi = xla::ffi;

using Numbers = ffi::Buffer<ffi::F32>;
using Result = ffi::Result<Numbers>;
using Sizes = ffi::Span<const int64_t>;

static ffi::Error Convolution(ffi::ThreadPool pool, Numbers x, Numbers kernel, Result y,
                              Sizes sizes) {
  jaxcnn::convolve(pool, jaxcnn::Problem(sizes.begin()), x.typed_data(), kernel.typed_data(),
                   y->typed_data());
  return ffi::Error::Success();
}

static ffi::Error KernelGradient(ffi::ThreadPool pool, Numbers x, Numbers y, Result kernel,
                                 Sizes sizes) {
  jaxcnn::differentiate(pool, jaxcnn::Problem(sizes.begin()), x.typed_data(), y.typed_data(),
                        kernel->typed_data());
  return ffi::Error::Success();
}

static ffi::Error Winograd(ffi::ThreadPool pool, Numbers x, Numbers kernel, Result y,
                           Sizes sizes) {
  jaxcnn::winograd(pool, jaxcnn::Problem(sizes.begin()), x.typed_data(), kernel.typed_data(),
                   y->typed_data());
  return ffi::Error::Success();
}

static ffi::Error WinogradGradient(ffi::ThreadPool pool, Numbers x, Numbers y, Result kernel,
                                   Sizes sizes) {
  jaxcnn::winograd_gradient(pool, jaxcnn::Problem(sizes.begin()), x.typed_data(), y.typed_data(),
                            kernel->typed_data());
  return ffi::Error::Success();
}

#define JAXCNN_HANDLER(name, function, ...)                                                    \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, function,                                                \
                                ffi::Ffi::Bind()                                               \
                                    .Ctx<ffi::ThreadPool>() __VA_ARGS__.Ret<Numbers>().Attr<Sizes>( \
                                        "sizes"))

JAXCNN_HANDLER(jaxcnn_convolution, Convolution, .Arg<Numbers>().Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_kernel_gradient, KernelGradient, .Arg<Numbers>().Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_winograd, Winograd, .Arg<Numbers>().Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_winograd_gradient, WinogradGradient, .Arg<Numbers>().Arg<Numbers>());

// The handlers of packed kernels, of pools, and of sums over channels.
#include "channel_handlers.h"
#include "packed_handlers.h"
#include "pool_handlers.h"
