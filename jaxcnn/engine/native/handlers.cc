// What XLA calls: the handlers that `jaxcnn.engine.compiler` registers.

#include "winograd.h"

namespace ffi = xla::ffi;

using Numbers = ffi::Buffer<ffi::F32>;
using Result = ffi::Result<Numbers>;
using Sizes = ffi::Span<const int64_t>;

// How many numbers a kernel has in the panels of `jaxcnn::pack`.
extern "C" int64_t jaxcnn_packed_size(const int64_t* sizes) {
  return jaxcnn::Plan(jaxcnn::Problem(sizes)).size;
}

static ffi::Error Pack(ffi::ThreadPool pool, Numbers kernel, Result packed, Sizes sizes) {
  const jaxcnn::Problem problem(sizes.begin());
  jaxcnn::pack(pool, jaxcnn::Plan(problem), kernel.typed_data(), jaxcnn::KernelOrder::plain,
               packed->typed_data());
  return ffi::Error::Success();
}

static ffi::Error WinogradPack(ffi::ThreadPool pool, Numbers kernel, Result values, Sizes sizes) {
  jaxcnn::all_window_values(pool, jaxcnn::Tiles(jaxcnn::Problem(sizes.begin())),
                            kernel.typed_data(), jaxcnn::KernelOrder::plain, values->typed_data());
  return ffi::Error::Success();
}

template <auto convolve>
static ffi::Error Convolution(ffi::ThreadPool pool, Numbers x, Numbers kernel, Result y,
                              Sizes sizes, int64_t order) {
  convolve(pool, jaxcnn::Problem(sizes.begin()), x.typed_data(), kernel.typed_data(),
           jaxcnn::KernelOrder(order), nullptr, y->typed_data());
  return ffi::Error::Success();
}

template <auto convolve>
static ffi::Error Completed(ffi::ThreadPool pool, Numbers x, Numbers kernel, Numbers factor,
                            Numbers offset, Numbers residual, Result y, Sizes sizes, int64_t order,
                            float low, float high) {
  // An array of no numbers stands for no residual.
  const float* added = residual.element_count() > 0 ? residual.typed_data() : nullptr;
  const jaxcnn::Epilogue epilogue = {
      factor.typed_data(), offset.typed_data(), added, low, high, y->typed_data()};
  convolve(pool, jaxcnn::Problem(sizes.begin()), x.typed_data(), kernel.typed_data(),
           jaxcnn::KernelOrder(order), &epilogue, y->typed_data());
  return ffi::Error::Success();
}

template <auto differentiate>
static ffi::Error KernelGradient(ffi::ThreadPool pool, Numbers x, Numbers y, Result kernel,
                                 Sizes sizes) {
  differentiate(pool, jaxcnn::Problem(sizes.begin()), x.typed_data(), y.typed_data(),
                kernel->typed_data());
  return ffi::Error::Success();
}

// Registers a function whose operands, and attributes besides the sizes, follow its name.
#define JAXCNN_HANDLER(name, function, operands, ...)                                            \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(                                                                 \
      name, function,                                                                            \
      ffi::Ffi::Bind().Ctx<ffi::ThreadPool>() operands.Ret<Numbers>().Attr<Sizes>("sizes")       \
          __VA_ARGS__)
#define JAXCNN_TWO .Arg<Numbers>().Arg<Numbers>()
#define JAXCNN_ORDER .Attr<int64_t>("order")
#define JAXCNN_BOUNDS .Attr<float>("low").Attr<float>("high")

JAXCNN_HANDLER(jaxcnn_pack, Pack, .Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_winograd_pack, WinogradPack, .Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_convolution, Convolution<jaxcnn::convolve>, JAXCNN_TWO, JAXCNN_ORDER);
JAXCNN_HANDLER(jaxcnn_winograd, Convolution<jaxcnn::winograd>, JAXCNN_TWO, JAXCNN_ORDER);
JAXCNN_HANDLER(jaxcnn_completed_convolution, Completed<jaxcnn::convolve>,
               JAXCNN_TWO JAXCNN_TWO.Arg<Numbers>(), JAXCNN_ORDER JAXCNN_BOUNDS);
JAXCNN_HANDLER(jaxcnn_completed_winograd, Completed<jaxcnn::winograd>,
               JAXCNN_TWO JAXCNN_TWO.Arg<Numbers>(), JAXCNN_ORDER JAXCNN_BOUNDS);
JAXCNN_HANDLER(jaxcnn_kernel_gradient, KernelGradient<jaxcnn::differentiate>, JAXCNN_TWO);
JAXCNN_HANDLER(jaxcnn_winograd_gradient, KernelGradient<jaxcnn::winograd_gradient>, JAXCNN_TWO);

// The handlers of pools, and of sums over channels.
#include "channel_handlers.h"
#include "pool_handlers.h"
