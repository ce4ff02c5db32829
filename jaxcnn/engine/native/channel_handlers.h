// The handlers of sums over channels; `handlers.cc` includes them behind its types.
#pragma once

#include "channels.h"

static ffi::Error Moments(ffi::ThreadPool pool, Numbers x, Result shift, Result rest,
                          Result variance, Sizes sizes) {
  jaxcnn::moments(pool, jaxcnn::Rows(sizes.begin()), x.typed_data(), shift->typed_data(),
                  rest->typed_data(), variance->typed_data());
  return ffi::Error::Success();
}

static ffi::Error ChannelSums(ffi::ThreadPool pool, Numbers t, Numbers x, Numbers shift,
                              Numbers factor, Numbers offset, Result plain, Result along,
                              Sizes sizes, float low, float high) {
  const jaxcnn::Gate gate{factor.typed_data(), offset.typed_data(), low, high};
  const auto compute = gate.open() ? jaxcnn::sums<false> : jaxcnn::sums<true>;
  compute(pool, jaxcnn::Rows(sizes.begin()), t.typed_data(), x.typed_data(), shift.typed_data(),
          gate, plain->typed_data(), along->typed_data());
  return ffi::Error::Success();
}

JAXCNN_HANDLER(jaxcnn_moments, Moments, .Arg<Numbers>().Ret<Numbers>().Ret<Numbers>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxcnn_channel_sums, ChannelSums,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Numbers>()
                                  .Arg<Numbers>()
                                  .Arg<Numbers>()
                                  .Arg<Numbers>()
                                  .Arg<Numbers>()
                                  .Ret<Numbers>()
                                  .Ret<Numbers>()
                                  .Attr<Sizes>("sizes")
                                  .Attr<float>("low")
                                  .Attr<float>("high"));
