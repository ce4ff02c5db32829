// The handlers of convolutions whose kernel is packed once; `handlers.cc` includes them behind its
// types.
#pragma once

#include "winograd.h"

// The numbers of a kernel in the panels of `jaxcnn::pack`; Python asks before it makes the array.
extern "C" int64_t jaxcnn_packed_size(const int64_t* sizes) {
  return jaxcnn::Plan(jaxcnn::Problem(sizes)).size;
}

static ffi::Error Pack(ffi::ThreadPool pool, Numbers kernel, Result packed, Sizes sizes) {
  const jaxcnn::Problem problem(sizes.begin());
  jaxcnn::pack(pool, jaxcnn::Plan(problem), kernel.typed_data(), packed->typed_data());
  return ffi::Error::Success();
}

static ffi::Error PackedConvolution(ffi::ThreadPool pool, Numbers x, Numbers packed, Result y,
                                    Sizes sizes) {
  const jaxcnn::Problem problem(sizes.begin());
  jaxcnn::convolve_packed(pool, jaxcnn::Plan(problem), x.typed_data(), packed.typed_data(),
                          y->typed_data());
  return ffi::Error::Success();
}

static ffi::Error WinogradPack(ffi::ThreadPool pool, Numbers kernel, Result values, Sizes sizes) {
  const jaxcnn::Problem problem(sizes.begin());
  jaxcnn::all_window_values(pool, jaxcnn::Tiles(problem), kernel.typed_data(),
                            values->typed_data());
  return ffi::Error::Success();
}

static ffi::Error PackedWinograd(ffi::ThreadPool pool, Numbers x, Numbers values, Result y,
                                 Sizes sizes) {
  jaxcnn::winograd_packed(pool, jaxcnn::Problem(sizes.begin()), x.typed_data(),
                          values.typed_data(), y->typed_data());
  return ffi::Error::Success();
}

JAXCNN_HANDLER(jaxcnn_pack, Pack, .Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_packed_convolution, PackedConvolution, .Arg<Numbers>().Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_winograd_pack, WinogradPack, .Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_packed_winograd, PackedWinograd, .Arg<Numbers>().Arg<Numbers>());
