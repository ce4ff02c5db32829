// Work shared among the threads of XLA's own pool.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "xla/ffi/api/ffi.h"

namespace jaxcnn {

// Calls `work(0)`, …, `work(count - 1)`, each once, and returns when all have returned.
//
// The caller takes part, and waits only for calls that have begun: so it ends even where all the
// threads of the pool are callers themselves.
template <typename Work>
void in_parallel(xla::ffi::ThreadPool& pool, int64_t count, const Work& work) {
  struct Shared {
    std::atomic<int64_t> next{0}, done{0};
  };
  const auto shared = std::make_shared<Shared>();
  const Work* task = &work;  // alive as long as a number below `count` can still be drawn
  auto run = [shared, task, count] {
    for (int64_t i = shared->next++; i < count; i = shared->next++) {
      (*task)(i);
      shared->done.fetch_add(1, std::memory_order_release);
    }
  };
  const int64_t helpers = std::min<int64_t>(pool.num_threads(), count) - 1;
  for (int64_t i = 0; i < helpers; ++i) pool.Schedule(decltype(run)(run));
  run();
  while (shared->done.load(std::memory_order_acquire) < count) std::this_thread::yield();
}

}  // namespace jaxcnn
