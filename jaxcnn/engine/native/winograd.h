// Winograd's convolution of images with windows of 3x3, for `jaxcnn.engine.winograd_tiles`.
//
// A tile of 4x4 results takes 6x6 products per channel and feature instead of 4x4x3x3: the tile's
// pixels and the window are read as polynomials and multiplied by their values at six points along
// each axis (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016). The values
// of some tiles stay in a core's cache from the pixels to the results (Jia, Zlateski, Durand and
// Li, "Optimizing N-dimensional, Winograd-based convolution for manycore CPUs", 2018).
#pragma once

#include "convolution.h"

namespace jaxcnn {

constexpr int TILE = 4, WINDOW = 3, POINTS = 6, VALUES = POINTS * POINTS;

// The points are 0, A, -A, B, -B and infinity. With A² = 1/2 and B² = 2 the errors are a quarter of
// those with the usual 1 and 2.
constexpr float A = 0.70710678118654752f, B = 1.41421356237309505f, A2 = 0.5f, B2 = 2.0f;

// The pixels of a tile, along one axis, to their values.
struct PixelValues {
  static constexpr int from = POINTS, to = POINTS;
  static void of(const Vec* d, Vec* v) {
    const Vec even_a = fused(-B2, d[2], d[4]), odd_a = fused(-B2, d[1], d[3]);
    const Vec even_b = fused(-A2, d[2], d[4]), odd_b = fused(-A2, d[1], d[3]);
    v[0] = fused(-(A2 + B2), d[2], d[0]) + d[4];
    v[1] = fused(A, odd_a, even_a);
    v[2] = fused(-A, odd_a, even_a);
    v[3] = fused(B, odd_b, even_b);
    v[4] = fused(-B, odd_b, even_b);
    v[5] = fused(-(A2 + B2), d[3], d[1]) + d[5];
  }
};

// The values of a tile's products to its results.
struct Results {
  static constexpr int from = POINTS, to = TILE;
  static void of(const Vec* v, Vec* y) {
    const Vec even_a = v[1] + v[2], odd_a = v[1] - v[2];
    const Vec even_b = v[3] + v[4], odd_b = v[3] - v[4];
    y[0] = v[0] + (even_a + even_b);
    y[1] = fused(A, odd_a, B * odd_b);
    y[2] = fused(A2, even_a, B2 * even_b);
    y[3] = fused(A * A2, odd_a, fused(B * B2, odd_b, v[5]));
  }
};

// A cotangent of the results to one of the values: the transpose of `Results`.
struct ResultValues {
  static constexpr int from = TILE, to = POINTS;
  static void of(const Vec* y, Vec* v) {
    const Vec even_a = fused(A2, y[2], y[0]), odd_a = fused(A2, y[3], y[1]);
    const Vec even_b = fused(B2, y[2], y[0]), odd_b = fused(B2, y[3], y[1]);
    v[0] = y[0];
    v[1] = fused(A, odd_a, even_a);
    v[2] = fused(-A, odd_a, even_a);
    v[3] = fused(B, odd_b, even_b);
    v[4] = fused(-B, odd_b, even_b);
    v[5] = y[3];
  }
};

// A window to its values, divided by what the pixels' values are too large by.
struct WindowValues {
  static constexpr int from = WINDOW, to = POINTS;
  static constexpr float over_a = 1 / (2 * A2 * (A2 - B2)), over_b = 1 / (2 * B2 * (B2 - A2));
  static void of(const Vec* w, Vec* v) {
    const Vec even_a = over_a * fused(A2, w[2], w[0]), even_b = over_b * fused(B2, w[2], w[0]);
    v[0] = w[0];
    v[1] = fused(over_a * A, w[1], even_a);
    v[2] = fused(-over_a * A, w[1], even_a);
    v[3] = fused(over_b * B, w[1], even_b);
    v[4] = fused(-over_b * B, w[1], even_b);
    v[5] = w[2];
  }
};

// A cotangent of the values to one of the window: the transpose of `WindowValues`.
struct WindowGradient {
  static constexpr int from = POINTS, to = WINDOW;
  static void of(const Vec* v, Vec* w) {
    constexpr float over_a = WindowValues::over_a, over_b = WindowValues::over_b;
    const Vec even_a = v[1] + v[2], even_b = v[3] + v[4];
    w[0] = fused(over_a, even_a, fused(over_b, even_b, v[0]));
    w[1] = fused(over_a * A, v[1] - v[2], (over_b * B) * (v[3] - v[4]));
    w[2] = fused(over_a * A2, even_a, fused(over_b * B2, even_b, v[5]));
  }
};

// Applies a transformation along both axes; `get(i, j)` reads, `put(i, j, vector)` writes.
template <typename Line, typename Get, typename Put>
inline __attribute__((always_inline)) void transform(const Get& get, const Put& put) {
  constexpr int from = Line::from, to = Line::to;
  Vec half[to][from];
#pragma GCC unroll 6
  for (int j = 0; j < from; ++j) {
    Vec in[from], out[to];
#pragma GCC unroll 6
    for (int i = 0; i < from; ++i) in[i] = get(i, j);
    Line::of(in, out);
#pragma GCC unroll 6
    for (int i = 0; i < to; ++i) half[i][j] = out[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < to; ++i) {
    Vec out[to];
    Line::of(half[i], out);
#pragma GCC unroll 6
    for (int j = 0; j < to; ++j) put(i, j, out[j]);
  }
}

// The tiles of all images, and how many of them are computed together.
class Tiles {
 public:
  explicit Tiles(const Problem& problem)
      : channels(problem.channels), features(problem.features), y_(problem.axis[1]),
        x_(problem.axis[2]), rows_((y_.out + TILE - 1) / TILE),
        columns_((x_.out + TILE - 1) / TILE), count(problem.batch * rows_ * columns_) {
    constexpr int64_t cache = 192 * 1024, least_tasks = 16;  // floats; enough for any threads
    const int64_t fit = cache / (VALUES * channels);
    wide = fit < 2 * MOST && pairs() >= 4;
    const int64_t most = wide ? 4 * MOST : std::min(fit, count / least_tasks);
    together = std::clamp<int64_t>(most / MOST * MOST, MOST, 8 * MOST);
    tasks = (count + together - 1) / together;
  }

  int64_t pairs() const { return (features / V + PAIR - 1) / PAIR; }
  int64_t vectors(int64_t pair) const { return std::min(PAIR, features / V - pair * PAIR); }
  // Where a pair's numbers begin among those of the window's values.
  ptrdiff_t panel(int64_t pair) const { return pair * PAIR * V * VALUES * channels; }
  ptrdiff_t panel_end(int64_t pair) const {
    return panel(pair) + vectors(pair) * V * VALUES * channels;
  }
  int64_t kernel_values() const { return VALUES * channels * features; }
  // A line more than needed: else the values of all points would compete for one place in a cache.
  int64_t apart(int64_t numbers) const { return together * numbers + V; }

  // Writes the values of a task's pixels, `apart(channels)` from point to point.
  void pixel_values(const float* images, int64_t task, float* values) const {
    const int64_t plane = apart(channels), row = x_.size * channels;
    each(task, [&](int64_t t, int64_t image, int64_t top, int64_t left) {
      top -= y_.low, left -= x_.low;
      const float* corner = images + ((image * y_.size + top) * x_.size + left) * channels;
      const bool inside = top >= 0 && left >= 0 && top + POINTS <= y_.size &&
                          left + POINTS <= x_.size;
      for (int64_t c = 0; c < channels; c += V) {
        float* to = values + t * channels + c;
        const auto put = [&](int i, int j, Vec v) { store(to + (i * POINTS + j) * plane, v); };
        const auto at = [&](int i, int j) { return load(corner + i * row + j * channels + c); };
        if (inside) {
          transform<PixelValues>(at, put);
        } else {
          transform<PixelValues>(
              [&](int i, int j) {
                const bool there = top + i >= 0 && left + j >= 0 && top + i < y_.size &&
                                   left + j < x_.size;
                return there ? at(i, j) : Vec{};
              },
              put);
        }
      }
    });
  }

  // Calls `visit(number in the task, image, first row, first column)` for the tiles of a task.
  template <typename Visit>
  void each(int64_t task, const Visit& visit) const {
    for (int64_t t = 0, end = size(task); t < end; ++t) {
      const int64_t tile = task * together + t, in_image = tile % (rows_ * columns_);
      visit(t, tile / (rows_ * columns_), in_image / columns_ * TILE, in_image % columns_ * TILE);
    }
  }

  // The place of a tile's first result, for some features; and how many rows and columns it has.
  ptrdiff_t place(int64_t image, int64_t top, int64_t left, int64_t feature) const {
    return ((image * y_.out + top) * x_.out + left) * features + feature;
  }
  ptrdiff_t result(int i, int j) const { return (i * x_.out + j) * features; }
  bool has(int64_t top, int64_t left, int i, int j) const {
    return top + i < y_.out && left + j < x_.out;
  }
  // As many tasks as have room for the values of their pixels at once: the room is kept by each
  // thread that ever computes a wide convolution.
  int64_t some_tasks() const {
    constexpr int64_t room = 8 << 20;  // numbers
    return std::max<int64_t>(1, room / (VALUES * apart(channels)));
  }
  int64_t size(int64_t task) const { return std::min(together, count - task * together); }

  const int64_t channels, features;

 private:
  const Axis y_, x_;
  const int64_t rows_, columns_;

 public:
  const int64_t count;
  int64_t together, tasks;
  // Whether a task's values would have room for a few tiles only: then the values of all tiles are
  // written to memory, and threads share the features instead of the tiles.
  bool wide;
};

// The values of the windows of a pair's features, from a kernel that is plain or mirrored.
inline void window_values(const Tiles& tiles, int64_t pair, const float* kernel, KernelOrder order,
                          float* values) {
  const int64_t C = tiles.channels, K = tiles.features, width = tiles.vectors(pair) * V;
  const int64_t first = pair * PAIR * V;
  if (order == KernelOrder::plain) {
    for (int64_t c = 0; c < C; ++c)
      for (int64_t k = 0; k < width; k += V) {
        const float* from = kernel + c * K + first + k;
        float* to = values + c * width + k;
        transform<WindowValues>([&](int i, int j) { return load(from + (i * WINDOW + j) * C * K); },
                                [&](int i, int j, Vec v) {
                                  store(to + (i * POINTS + j) * C * width, v);
                                });
      }
    return;
  }
  // The features of a vector lie apart: they are brought together for a vector of channels.
  constexpr int ELEMENTS = WINDOW * WINDOW;
  alignas(64) float together[ELEMENTS][V][V];
  for (int64_t c = 0; c < C; c += V)
    for (int64_t k = 0; k < width; k += V) {
      for (int e = 0; e < ELEMENTS; ++e) {
        const float* from = kernel + ((ELEMENTS - 1 - e) * K + first + k) * C + c;
        for (int64_t l = 0; l < V; ++l)
          for (int64_t d = 0; d < V; ++d) together[e][d][l] = from[l * C + d];
      }
      for (int64_t d = 0; d < V; ++d) {
        float* to = values + (c + d) * width + k;
        transform<WindowValues>([&](int i, int j) { return load(together[i * WINDOW + j][d]); },
                                [&](int i, int j, Vec v) {
                                  store(to + (i * POINTS + j) * C * width, v);
                                });
      }
    }
}

// A pair's results of the tiles of one task, from the values of their pixels and of the windows.
inline void tile_results(const Tiles& tiles, int64_t task, int64_t pair, const float* pixels,
                         const float* window, const Epilogue* epilogue, float* products,
                         float* y) {
  const int64_t C = tiles.channels, vectors = tiles.vectors(pair), width = vectors * V;
  const int64_t plane = tiles.apart(width);
  const ptrdiff_t offset = 0;
  const Forward sum = {&offset, C, 1, {0, 1}, {0, 1}, C, width, 0, 0};
  for (int64_t p = 0; p < VALUES; ++p)
    for (int64_t t = 0, end = tiles.size(task); t < end; t += MOST)
      forward_block_of(false, vectors, 1, std::min<int64_t>(MOST, end - t))(
          sum, pixels + p * tiles.apart(C) + t * C, window + p * C * width,
          products + p * plane + t * width, Lanes(V));
  tiles.each(task, [&](int64_t t, int64_t image, int64_t top, int64_t left) {
    for (int64_t k = 0; k < width; k += V) {
      const float* from = products + t * width + k;
      const int64_t feature = pair * PAIR * V + k;
      float* to = y + tiles.place(image, top, left, feature);
      transform<Results>([&](int i, int j) { return load(from + (i * POINTS + j) * plane); },
                         [&](int i, int j, Vec v) {
                           if (!tiles.has(top, left, i, j)) return;
                           float* place = to + tiles.result(i, j);
                           store(place, epilogue ? epilogue->of(v, feature, place) : v);
                         });
    }
  });
}

// Adds what the tiles of one task give to the gradient in the values of a pair's windows.
inline void add_gradient(const Tiles& tiles, int64_t task, int64_t pair, const float* pixels,
                         const float* y, float* values, float* sums) {
  const int64_t C = tiles.channels, vectors = tiles.vectors(pair), width = vectors * V;
  const int64_t plane = tiles.apart(width), rows = block_rows(C);
  tiles.each(task, [&](int64_t t, int64_t image, int64_t top, int64_t left) {
    for (int64_t k = 0; k < width; k += V) {
      const float* from = y + tiles.place(image, top, left, pair * PAIR * V + k);
      float* to = values + t * width + k;
      transform<ResultValues>(
          [&](int i, int j) {
            return tiles.has(top, left, i, j) ? load(from + tiles.result(i, j)) : Vec{};
          },
          [&](int i, int j, Vec v) { store(to + (i * POINTS + j) * plane, v); });
    }
  });
  const Gradient sum = {1, tiles.size(task), 0, C, 0, width};
  for (int64_t p = 0; p < VALUES; ++p)
    for (int64_t c = 0; c < C; c += rows)
      gradient_block_of(false, vectors, std::min(rows, C - c))(
          sum, pixels + p * tiles.apart(C) + c, values + p * plane, sums + (p * C + c) * width,
          Lanes(V));
}

// Some channels' gradients in a pair's windows, from `shares` of sums that lie `apart`.
inline void window_gradient(const Tiles& tiles, int64_t pair, const Range& channels,
                            const float* sums, int64_t shares, int64_t apart, float* kernel) {
  const int64_t C = tiles.channels, K = tiles.features, width = tiles.vectors(pair) * V;
  for (int64_t c = channels.begin; c < channels.end; ++c)
    for (int64_t k = 0; k < width; k += V) {
      const float* from = sums + c * width + k;
      float* to = kernel + c * K + pair * PAIR * V + k;
      transform<WindowGradient>(
          [&](int i, int j) {
            Vec total = {};
            for (int64_t share = 0; share < shares; ++share)
              total += load(from + share * apart + (i * POINTS + j) * C * width);
            return total;
          },
          [&](int i, int j, Vec v) { store(to + (i * WINDOW + j) * C * K, v); });
    }
}

// Calls `visit(pair, tasks, values)` for each pair of features, in parallel, and some tasks at a
// time, with the values of their pixels, one task behind the other.
template <typename Visit>
void each_pair(xla::ffi::ThreadPool& pool, const Tiles& tiles, const float* x,
               const Visit& visit) {
  const int64_t size = VALUES * tiles.apart(tiles.channels), some = tiles.some_tasks();
  float* values = scratch(std::min(some, tiles.tasks) * size, 1);
  for (int64_t first = 0; first < tiles.tasks; first += some) {
    const Range tasks = {first, std::min(first + some, tiles.tasks)};
    in_parallel(pool, tasks.end - first, [&](int64_t i) {
      tiles.pixel_values(x, first + i, values + i * size);
    });
    in_parallel(pool, tiles.pairs(), [&](int64_t pair) { visit(pair, tasks, values); });
  }
}

// Writes the values of all windows, those of a pair of features behind those of the last.
inline void all_window_values(xla::ffi::ThreadPool& pool, const Tiles& tiles, const float* kernel,
                              KernelOrder order, float* values) {
  in_parallel(pool, tiles.pairs(), [&](int64_t pair) {
    window_values(tiles, pair, kernel, order, values + tiles.panel(pair));
  });
}

inline void winograd(xla::ffi::ThreadPool& pool, const Problem& problem, const float* x,
                     const float* kernel, KernelOrder order, const Epilogue* epilogue, float* y) {
  const Tiles tiles(problem);
  const int64_t pixels = VALUES * tiles.apart(tiles.channels);
  const int64_t products = VALUES * tiles.apart(PAIR * V);
  const bool packed = order == KernelOrder::packed;
  if (tiles.wide) {
    each_pair(pool, tiles, x, [&](int64_t pair, const Range& tasks, const float* values) {
      float* own = scratch(products + tiles.panel(1), 0);
      const float* window = packed ? kernel + tiles.panel(pair) : own + products;
      // The values of all windows are not written to memory: those of a pair stay in a cache.
      if (!packed) window_values(tiles, pair, kernel, order, own + products);
      for (int64_t task = tasks.begin; task < tasks.end; ++task, values += pixels)
        tile_results(tiles, task, pair, values, window, epilogue, own, y);
    });
    return;
  }
  const float* windows = kernel;
  if (!packed) {
    float* room = scratch(tiles.kernel_values(), 1);
    all_window_values(pool, tiles, kernel, order, room);
    windows = room;
  }
  in_parallel(pool, tiles.tasks, [&](int64_t task) {
    float* own = scratch(products + pixels, 0);
    tiles.pixel_values(x, task, own + products);
    for (int64_t pair = 0; pair < tiles.pairs(); ++pair)
      tile_results(tiles, task, pair, own + products, windows + tiles.panel(pair), epilogue, own,
                   y);
  });
}

inline void winograd_gradient(xla::ffi::ThreadPool& pool, const Problem& problem, const float* x,
                              const float* y, float* kernel) {
  const Tiles tiles(problem);
  const int64_t pixels = VALUES * tiles.apart(tiles.channels);
  const int64_t cotangent = VALUES * tiles.apart(PAIR * V), size = tiles.kernel_values();
  if (tiles.wide) {
    float* sums = scratch(size, 2);
    each_pair(pool, tiles, x, [&](int64_t pair, const Range& tasks, const float* values) {
      float *own = scratch(cotangent, 0), *total = sums + tiles.panel(pair);
      if (tasks.begin == 0) memset(total, 0, 4 * (tiles.panel_end(pair) - tiles.panel(pair)));
      for (int64_t task = tasks.begin; task < tasks.end; ++task, values += pixels)
        add_gradient(tiles, task, pair, values, y, own, total);
      if (tasks.end == tiles.tasks)
        window_gradient(tiles, pair, {0, tiles.channels}, total, 1, 0, kernel);
    });
    return;
  }
  // The shares are fixed, so that any number of threads makes the same sums in the same order.
  constexpr int64_t enough = 16, room = 4 << 20;  // numbers that the sums may take
  const int64_t shares = std::max<int64_t>(1, std::min({tiles.tasks, enough, room / size}));
  float* sums = scratch(shares * size, 1);
  in_parallel(pool, shares, [&](int64_t share) {
    float* own = scratch(cotangent + pixels, 0);
    memset(sums + share * size, 0, 4 * size);
    const int64_t end = tiles.tasks * (share + 1) / shares;
    for (int64_t task = tiles.tasks * share / shares; task < end; ++task) {
      tiles.pixel_values(x, task, own + cotangent);
      for (int64_t pair = 0; pair < tiles.pairs(); ++pair)
        add_gradient(tiles, task, pair, own + cotangent, y, own,
                     sums + share * size + tiles.panel(pair));
    }
  });
  in_parallel(pool, tiles.channels, [&](int64_t c) {
    for (int64_t pair = 0; pair < tiles.pairs(); ++pair)
      window_gradient(tiles, pair, {c, c + 1}, sums + tiles.panel(pair), shares, size, kernel);
  });
}

}  // namespace jaxcnn
