// Max pooling and sum pooling on a CPU, and their gradients.
//
// Windows are computed as vectors of neighbouring numbers that do not belong to a window's axes:
// the channels of images whose channels come last.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "parallel.h"
#include "vectors.h"

namespace jaxcnn {

typedef int32_t Ints __attribute__((vector_size(4 * V)));

// The windows of `jaxcnn.engine.pool_windows` over an array of shape (outer, *sizes, inner).
struct Windows {
  struct Axis {
    int64_t size, window, stride, dilation, low, out;
  };
  int64_t outer, inner;
  Axis axis[3];

  explicit Windows(const int64_t* n) : outer(n[0]), inner(n[1]) {
    for (int i = 0; i < 3; ++i) {
      const int64_t* a = n + 2 + 6 * i;
      axis[i] = {a[0], a[1], a[2], a[3], a[4], a[5]};
    }
  }

  int64_t image() const { return axis[0].size * axis[1].size * axis[2].size * inner; }
  int64_t windows() const { return axis[0].out * axis[1].out * axis[2].out; }
};

// The elements of one window along an axis that lie within the array.
struct Held {
  int64_t first, count, step;

  Held(const Windows::Axis& axis, int64_t window) : step(axis.dilation) {
    const int64_t start = window * axis.stride - axis.low;
    const int64_t skipped = start < 0 ? (-start + step - 1) / step : 0;
    first = start + skipped * step;
    const int64_t room = first < axis.size ? (axis.size - 1 - first) / step + 1 : 0;
    count = std::max<int64_t>(0, std::min(axis.window - skipped, room));
  }

  int64_t end() const { return count > 0 ? first + (count - 1) * step + 1 : 0; }
};

using Offsets = std::vector<int64_t>;

// Where the elements of a window lie, from its first one.
class Taps {
 public:
  explicit Taps(const Windows& windows)
      : pixel_(windows.inner),
        row_(windows.axis[2].size * pixel_),
        plane_(windows.axis[1].size * row_) {}

  // The window's place in the image; `offsets` are kept where they are those of the last window.
  int64_t at(const Held& a, const Held& b, const Held& c) {
    const int64_t counts[] = {a.count, b.count, c.count};
    if (!std::equal(counts, counts + 3, counts_)) {
      std::copy(counts, counts + 3, counts_);
      offsets.clear();
      for (int64_t i = 0; i < a.count; ++i)
        for (int64_t j = 0; j < b.count; ++j)
          for (int64_t k = 0; k < c.count; ++k)
            offsets.push_back(i * a.step * plane_ + j * b.step * row_ + k * c.step * pixel_);
    }
    return a.first * plane_ + b.first * row_ + c.first * pixel_;
  }

  Offsets offsets;

 private:
  int64_t pixel_, row_, plane_;
  int64_t counts_[3] = {-1, -1, -1};
};

// A NaN is larger than any number; among equals the first one stays.
inline Ints beats(Vec value, Vec best) { return (Ints)((value > best) | (value != value)); }

// Calls `visit(image, first number of a vector, lanes)` for a share of the vectors of each image.
template <typename Visit>
void each_share(xla::ffi::ThreadPool& pool, const Windows& windows, const Visit& visit) {
  constexpr int64_t enough = 16, least = 4 * V;
  const int64_t wanted = (enough + windows.outer - 1) / windows.outer;
  const int64_t slices = std::min(wanted, (windows.inner + least - 1) / least);
  const int64_t slice = ((windows.inner + slices - 1) / slices + V - 1) / V * V;
  const int64_t chunk = std::max<int64_t>(1, windows.outer / (4 * enough));
  const int64_t chunks = (windows.outer + chunk - 1) / chunk;
  in_parallel(pool, chunks * slices, [&](int64_t task) {
    const int64_t begin = task % slices * slice, end = std::min(begin + slice, windows.inner);
    const int64_t last = std::min((task / slices + 1) * chunk, windows.outer);
    if (begin < end)
      for (int64_t n = task / slices * chunk; n < last; ++n) visit(n, begin, end);
  });
}

// Calls `visit(number of a window, its place in the image, its elements)` for all of an image.
template <typename Visit>
void each_window(const Windows& windows, const Visit& visit) {
  const Windows::Axis* axis = windows.axis;
  Taps taps(windows);
  int64_t number = 0;
  for (int64_t i = 0; i < axis[0].out; ++i) {
    const Held a(axis[0], i);
    for (int64_t j = 0; j < axis[1].out; ++j) {
      const Held b(axis[1], j);
      const int64_t rows = axis[0].size == 1 ? b.end() : axis[1].size;
      const int64_t touched = (a.end() - 1) * axis[1].size + rows;
      for (int64_t k = 0; k < axis[2].out; ++k) {
        const int64_t place = taps.at(a, b, Held(axis[2], k));
        visit(number++, place, taps.offsets, a.count > 0 && b.count > 0 ? touched : 0);
      }
    }
  }
}

// Calls `compute(elements of a window, first of its numbers of the image, its result)` for all, V
// numbers at a time.
template <typename Compute>
void each_result(xla::ffi::ThreadPool& pool, const Windows& windows, const float* x, float* y,
                 const Compute& compute) {
  each_share(pool, windows, [&](int64_t n, int64_t begin, int64_t end) {
    const float* image = x + n * windows.image();
    float* to = y + n * windows.windows() * windows.inner;
    each_window(windows, [&](int64_t window, int64_t place, const Offsets& offsets,
                             int64_t) {
      for (int64_t c = begin; c < end; c += V)
        compute(offsets, image + place + c, to + window * windows.inner + c,
                Lanes(std::min<int64_t>(V, end - c)));
    });
  });
}

// The same for a gradient: the image is set to zero row by row, before windows add to it, so that
// it is in the cache then. `x` may be null.
template <typename Compute>
void each_cotangent(xla::ffi::ThreadPool& pool, const Windows& windows, const float* t,
                    const float* x, float* dx, const Compute& compute) {
  const int64_t row = windows.axis[2].size * windows.inner;
  const int64_t rows = windows.axis[0].size * windows.axis[1].size;
  each_share(pool, windows, [&](int64_t n, int64_t begin, int64_t end) {
    const float* image = x + (x == nullptr ? 0 : n * windows.image());
    const float* from = t + n * windows.windows() * windows.inner;
    float* to = dx + n * windows.image();
    int64_t cleared = 0;
    auto clear = [&](int64_t until) {
      for (; cleared < until; ++cleared) {
        float* p = to + cleared * row + begin;
        if (end - begin == windows.inner) {
          memset(p, 0, 4 * row);
        } else {
          for (int64_t i = 0; i < windows.axis[2].size; ++i)
            memset(p + i * windows.inner, 0, 4 * (end - begin));
        }
      }
    };
    each_window(windows, [&](int64_t window, int64_t place, const Offsets& offsets,
                             int64_t touched) {
      clear(touched);
      for (int64_t c = begin; c < end; c += V)
        compute(offsets, image + (x == nullptr ? 0 : place + c), to + place + c,
                from + window * windows.inner + c, Lanes(std::min<int64_t>(V, end - c)));
    });
    clear(rows);
  });
}

inline void max_pool(xla::ffi::ThreadPool& pool, const Windows& windows, const float* x, float* y) {
  each_result(pool, windows, x, y,
              [](const Offsets& offsets, const float* p, float* to, const Lanes& lanes) {
                Vec best = Vec{} - std::numeric_limits<float>::infinity();
                for (const int64_t offset : offsets) {
                  const Vec value = lanes.load(p + offset);
                  best = beats(value, best) ? value : best;
                }
                lanes.store(to, best);
              });
}

inline void sum_pool(xla::ffi::ThreadPool& pool, const Windows& windows, const float* x, float* y) {
  each_result(pool, windows, x, y,
              [](const Offsets& offsets, const float* p, float* to, const Lanes& lanes) {
                Vec sum = {};
                for (const int64_t offset : offsets) sum += lanes.load(p + offset);
                lanes.store(to, sum);
              });
}

// The cotangent `t` of each window's maximum is added to the cotangent `dx` of its winner.
inline void max_pool_gradient(xla::ffi::ThreadPool& pool, const Windows& windows, const float* t,
                              const float* x, float* dx) {
  each_cotangent(pool, windows, t, x, dx, [](const Offsets& offsets, const float* p, float* to,
                                             const float* from, const Lanes& lanes) {
    const int32_t count = static_cast<int32_t>(offsets.size());
    if (count == 0) return;
    Vec best = lanes.load(p + offsets[0]);
    Ints winner = {};
    for (int32_t i = 1; i < count; ++i) {
      const Vec value = lanes.load(p + offsets[i]);
      const Ints better = beats(value, best);
      best = better ? value : best;
      winner = better ? Ints{} + i : winner;
    }
    const Vec share = lanes.load(from);
    for (int32_t i = 0; i < count; ++i) {
      const Vec old = lanes.load(to + offsets[i]);
      lanes.store(to + offsets[i], winner == i ? old + share : old);
    }
  });
}

// The cotangent `t` of each window's sum is added to those of all its elements.
inline void sum_pool_gradient(xla::ffi::ThreadPool& pool, const Windows& windows, const float* t,
                              float* dx) {
  each_cotangent(pool, windows, t, nullptr, dx,
                 [](const Offsets& offsets, const float*, float* to, const float* from,
                    const Lanes& lanes) {
                   const Vec share = lanes.load(from);
                   for (const int64_t offset : offsets)
                     lanes.store(to + offset, lanes.load(to + offset) + share);
                 });
}

}  // namespace jaxcnn
