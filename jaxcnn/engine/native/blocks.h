// The innermost loops: a block of results that is held in registers.
//
// A block has M neighbours in each of R rows of results, and NV vectors of features. The images'
// numbers are either single floats that are multiplied with vectors of features (WIDE false), or
// vectors themselves (WIDE true, NV = 1), one number per feature, where each feature has input
// channels of its own.
#pragma once

#include <cstddef>
#include <utility>

#include "plan.h"

namespace jaxcnn {

#if defined(__AVX512F__)
constexpr int MOST = 14;  // results of a block: 28 of the 32 registers with two vectors
#else
constexpr int MOST = 6;
#endif

// How a row of results is computed from images and a packed kernel. The window's elements are
// contiguous runs of numbers, as many in each of its planes.
struct Forward {
  const ptrdiff_t* offsets;  // where each run begins in the images
  int64_t length;            // numbers in a run
  int64_t per_plane;         // runs in a plane of the window
  Range planes, runs;        // the planes, and their runs, that meet more than the images' border
  ptrdiff_t step;            // from a result's pixels to those of its neighbour
  ptrdiff_t apart;           // from a result to its neighbour
  ptrdiff_t row_step;        // from a row's pixels to those of the next row
  ptrdiff_t row_apart;       // from a row of results to the next
};

template <bool WIDE, int NV, int R, int M>
void forward_block(const Forward& task, const float* x, const float* kernel, float* y, Lanes last) {
  Vec sums[R][M][NV] = {};
  const ptrdiff_t step = task.step, row = task.row_step;
  for (int64_t s = task.planes.begin; s < task.planes.end; ++s) {
    const int64_t end = s * task.per_plane + task.runs.end;
    for (int64_t run = s * task.per_plane + task.runs.begin; run < end; ++run) {
      const float* p = x + task.offsets[run];
      const float* w = kernel + run * task.length * NV * V;
      for (int64_t k = 0; k < task.length; ++k) {
        Vec b[NV];
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) b[j] = load(w + j * V);
#pragma GCC unroll 2
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
          for (int m = 0; m < M; ++m) {
            if constexpr (WIDE) {
              sums[r][m][0] += load(p + r * row + m * step) * b[0];
            } else {
#pragma GCC unroll 4
              for (int j = 0; j < NV; ++j) sums[r][m][j] += p[r * row + m * step] * b[j];
            }
          }
        }
        p += WIDE ? V : 1;
        w += NV * V;
      }
    }
  }
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      float* to = y + r * task.row_apart + m * task.apart;
#pragma GCC unroll 4
      for (int j = 0; j < NV - 1; ++j) store(to + j * V, sums[r][m][j]);
      last.store(to + (NV - 1) * V, sums[r][m][NV - 1]);
    }
  }
}

// Which pixels a kernel gradient sums over: `rows` of `columns`, with the distances between them.
struct Gradient {
  int64_t rows, columns;
  ptrdiff_t x_row, x_column, y_row, y_column;
};

template <bool WIDE, int NV, int M>
void gradient_block(const Gradient& task, const float* x, const float* y, float* sums, Lanes last) {
  // With few sums one would wait for the other: even and odd pixels have sums of their own.
  constexpr int U = M * NV < 8 ? 2 : 1;
  Vec acc[U][M][NV] = {};
  auto add = [&](const float* p, const float* q, int u) __attribute__((always_inline)) {
    Vec d[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV - 1; ++j) d[j] = load(q + j * V);
    d[NV - 1] = last.load(q + (NV - 1) * V);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      if constexpr (WIDE) {
        acc[u][m][0] += load(p + m * V) * d[0];
      } else {
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) acc[u][m][j] += p[m] * d[j];
      }
    }
  };
  for (int64_t r = 0; r < task.rows; ++r) {
    const float* p = x + r * task.x_row;
    const float* q = y + r * task.y_row;
    int64_t c = 0;
    for (; c + U <= task.columns; c += U) {
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) add(p + u * task.x_column, q + u * task.y_column, u);
      p += U * task.x_column;
      q += U * task.y_column;
    }
    if (U > 1 && c < task.columns) add(p, q, 0);
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      float* sum = sums + (m * NV + j) * V;
      Vec total = acc[0][m][j];
      if constexpr (U > 1) total += acc[1][m][j];
      store(sum, load(sum) + total);
    }
  }
}

using ForwardBlock = void (*)(const Forward&, const float*, const float*, float*, Lanes);
using GradientBlock = void (*)(const Gradient&, const float*, const float*, float*, Lanes);

// The blocks of one row of 1 to MOST results, and of two rows of up to half as many.
template <bool WIDE, int NV, int R, size_t... I>
ForwardBlock forward_of(int64_t columns, std::index_sequence<I...>) {
  static constexpr ForwardBlock table[] = {forward_block<WIDE, NV, R, I + 1>...};
  return table[columns - 1];
}

template <bool WIDE, int NV>
ForwardBlock forward_of(int64_t rows, int64_t columns) {
  if (rows == 2) return forward_of<WIDE, NV, 2>(columns, std::make_index_sequence<MOST / 2>{});
  return forward_of<WIDE, NV, 1>(columns, std::make_index_sequence<MOST>{});
}

template <bool WIDE, int NV, size_t... I>
GradientBlock gradient_of(int64_t rows, std::index_sequence<I...>) {
  static constexpr GradientBlock table[] = {gradient_block<WIDE, NV, I + 1>...};
  return table[rows - 1];
}

inline ForwardBlock forward_block_of(bool wide, int64_t vectors, int64_t rows, int64_t columns) {
  if (wide) return forward_of<true, 1>(rows, columns);
  return vectors == 1 ? forward_of<false, 1>(rows, columns) : forward_of<false, 2>(rows, columns);
}

inline GradientBlock gradient_block_of(bool wide, int64_t vectors, int64_t rows) {
  constexpr std::make_index_sequence<MOST> all;
  if (wide) return gradient_of<true, 1>(rows, all);
  return vectors == 1 ? gradient_of<false, 1>(rows, all) : gradient_of<false, 2>(rows, all);
}

}  // namespace jaxcnn
