// Images of several groups of channels, with the channels of one part side by side.
#pragma once

#include "plan.h"

namespace jaxcnn {

// The elements of a vector in another order.
struct Order {
  int32_t from[V];
  Vec operator()(Vec v) const {
#if defined(__AVX512F__)
    return (Vec)_mm512_permutexvar_ps(_mm512_loadu_si512(from), (__m512)v);
#elif defined(__AVX2__)
    const auto* order = reinterpret_cast<const __m256i*>(from);
    return (Vec)_mm256_permutevar8x32_ps((__m256)v, _mm256_loadu_si256(order));
#else
    Vec w;
    for (int i = 0; i < V; ++i) w[i] = v[from[i]];
    return w;
#endif
  }
};

// Copies one part's numbers of a run of pixels, where there are several groups.
class Gather {
 public:
  Gather(const Problem& problem, int64_t part) : problem_(problem), lanes_(1) {
    const int64_t in = problem.fan_in(), out = problem.fan_out();
    const int64_t first = problem.first_feature(part), count = problem.part_features(part);
    if (!problem.wide()) {
      start_ = part * in;
      return;
    }
    start_ = first / out * in;
    width_ = ((first + count - 1) / out + 1) * in - start_;
    lanes_ = Lanes(std::min<int64_t>(width_, V));
    if (in == 1 && out == 1) return;
    orders_.resize(in);
    for (int64_t k = 0; k < in; ++k) {
      for (int64_t l = 0; l < V; ++l) {
        const int64_t feature = first + std::min(l, count - 1);
        orders_[k].from[l] = static_cast<int32_t>(feature / out * in + k - start_);
      }
    }
  }

  void operator()(const float* from, int64_t pixels, float* to) const {
    const int64_t channels = problem_.channels, in = problem_.fan_in();
    from += start_;
    if (!problem_.wide()) {
      for (int64_t i = 0; i < pixels; ++i) memcpy(to + i * in, from + i * channels, 4 * in);
    } else if (in == 1 && problem_.fan_out() == 1) {
      for (int64_t i = 0; i < pixels; ++i) store(to + i * V, lanes_.load(from + i * channels));
    } else if (width_ <= V) {
      for (int64_t i = 0; i < pixels; ++i) {
        const Vec all = lanes_.load(from + i * channels);
        for (int64_t k = 0; k < in; ++k) store(to + (i * in + k) * V, orders_[k](all));
      }
    } else {
      for (int64_t i = 0; i < pixels; ++i)
        for (int64_t k = 0; k < in; ++k)
          for (int64_t l = 0; l < V; ++l)
            to[(i * in + k) * V + l] = from[i * channels + orders_[k].from[l]];
    }
  }

 private:
  const Problem& problem_;
  int64_t start_ = 0, width_ = 0;
  Lanes lanes_;
  std::vector<Order> orders_;
};

}  // namespace jaxcnn
