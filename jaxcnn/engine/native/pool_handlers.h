// The handlers of pools; `handlers.cc` includes them behind its types.
#pragma once

#include "pools.h"

static ffi::Error MaxPool(ffi::ThreadPool pool, Numbers x, Result y, Sizes sizes) {
  jaxcnn::max_pool(pool, jaxcnn::Windows(sizes.begin()), x.typed_data(), y->typed_data());
  return ffi::Error::Success();
}

static ffi::Error MaxPoolGradient(ffi::ThreadPool pool, Numbers t, Numbers x, Result dx,
                                  Sizes sizes) {
  jaxcnn::max_pool_gradient(pool, jaxcnn::Windows(sizes.begin()), t.typed_data(), x.typed_data(),
                            dx->typed_data());
  return ffi::Error::Success();
}

static ffi::Error SumPool(ffi::ThreadPool pool, Numbers x, Result y, Sizes sizes) {
  jaxcnn::sum_pool(pool, jaxcnn::Windows(sizes.begin()), x.typed_data(), y->typed_data());
  return ffi::Error::Success();
}

static ffi::Error SumPoolGradient(ffi::ThreadPool pool, Numbers t, Result dx, Sizes sizes) {
  jaxcnn::sum_pool_gradient(pool, jaxcnn::Windows(sizes.begin()), t.typed_data(),
                            dx->typed_data());
  return ffi::Error::Success();
}

JAXCNN_HANDLER(jaxcnn_max_pool, MaxPool, .Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_max_pool_gradient, MaxPoolGradient, .Arg<Numbers>().Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_sum_pool, SumPool, .Arg<Numbers>());
JAXCNN_HANDLER(jaxcnn_sum_pool_gradient, SumPoolGradient, .Arg<Numbers>());
