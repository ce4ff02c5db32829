// Sums over the pixels of channels-last arrays, one per channel: what batch norm and its gradient
// need of a whole batch. Each reads its arrays from memory once.
#pragma once

#include <cmath>
#include <vector>

#include "parallel.h"

namespace jaxcnn {

// An array of `outer` batches, each of `rows` rows of `channels` numbers, in the order of memory.
struct Rows {
  explicit Rows(const int64_t* sizes) : outer(sizes[0]), rows(sizes[1]), channels(sizes[2]) {}

  int64_t outer, rows, channels;
};

// How the rows of a batch are cut: into blocks that stay in the first cache while they are read
// twice, and these into steps of several rows, so that few channels fill the vectors as well.
struct Cut {
  static constexpr int64_t kBlock = 8192, kLeast = 64, kStep = 128;

  explicit Cut(const Rows& size)
      : step(size.channels * std::max<int64_t>(1, kStep / size.channels)),
        rows(std::max(kLeast, kBlock / size.channels)),
        blocks((size.rows + rows - 1) / rows) {}

  int64_t step;    // the numbers of a step: whole rows
  int64_t rows;    // the rows of a block
  int64_t blocks;  // the blocks of a batch
};

// `values` of the channels, repeated for each row of a step.
inline std::vector<float> repeated(const float* values, const Rows& size, const Cut& cut) {
  std::vector<float> all(cut.step);
  for (int64_t i = 0; i < cut.step; i += size.channels)
    std::copy_n(values, size.channels, all.data() + i);
  return all;
}

// Adds up the sums of a step's rows, into the first row.
inline void fold(float* sums, const Rows& size, const Cut& cut) {
  for (int64_t i = size.channels; i < cut.step; i += size.channels)
    for (int64_t c = 0; c < size.channels; ++c) sums[c] += sums[i + c];
}

// Mean and squared deviations of one block: from deviations from its first row, and then from the
// mean that these give, so that neither a large mean nor a long sum costs digits.
inline void block_moments(const float* x, int64_t count, const Rows& size, const Cut& cut,
                          float* mean, float* rest, float* square) {
  const int64_t C = size.channels, step = cut.step;
  const float share = 1.0f / (count / C);
  std::vector<float> from = repeated(x, size, cut), sum(step), squares(step);
  for (int64_t at = 0; at < count; at += step) {
    const float* p = x + at;
    for (int64_t i = 0, n = std::min(step, count - at); i < n; ++i) sum[i] += p[i] - from[i];
  }
  fold(sum.data(), size, cut);
  for (int64_t c = 0; c < C; ++c) mean[c] = from[c] + sum[c] * share;
  from = repeated(mean, size, cut);
  std::fill(sum.begin(), sum.end(), 0.0f);
  for (int64_t at = 0; at < count; at += step) {
    const float* p = x + at;
    for (int64_t i = 0, n = std::min(step, count - at); i < n; ++i) {
      const float d = p[i] - from[i];
      sum[i] += d;
      squares[i] += d * d;
    }
  }
  fold(sum.data(), size, cut);
  fold(squares.data(), size, cut);
  for (int64_t c = 0; c < C; ++c) {
    rest[c] = sum[c] * share;
    // Deviations whose squares overflow have an infinite variance, and not a NaN.
    const float moved = sum[c] * rest[c];
    square[c] = squares[c] - (moved < squares[c] ? moved : 0.0f);
  }
}

// The mean of each channel, as a number and what rounding took from it, and the variance.
//
// The blocks are joined as in Chan, Golub and LeVeque, "Algorithms for computing the sample
// variance" (1983).
inline void moments(xla::ffi::ThreadPool& pool, const Rows& size, const float* x, float* shift,
                    float* rest, float* variance) {
  const Cut cut(size);
  const int64_t C = size.channels, each = 3 * C;
  std::vector<float> found(size.outer * cut.blocks * each);
  in_parallel(pool, size.outer * cut.blocks, [&](int64_t i) {
    const int64_t first = i % cut.blocks * cut.rows;
    const int64_t rows = std::min(cut.rows, size.rows - first);
    float* its = found.data() + i * each;
    block_moments(x + (i / cut.blocks * size.rows + first) * C, rows * C, size, cut, its, its + C,
                  its + 2 * C);
  });
  std::vector<double> mean(C), square(C);
  for (int64_t o = 0; o < size.outer; ++o) {
    double seen = 0;
    for (int64_t b = 0; b < cut.blocks; ++b) {
      const float* its = found.data() + (o * cut.blocks + b) * each;
      const double rows = std::min(cut.rows, size.rows - b * cut.rows);
      const double share = rows / (seen + rows), weight = seen * share;
      for (int64_t c = 0; c < C; ++c) {
        const double own = static_cast<double>(its[c]) + its[C + c];
        const double apart = b ? own - mean[c] : 0;
        mean[c] = b ? mean[c] + apart * share : own;
        square[c] = (b ? square[c] : 0) + its[2 * C + c] + apart * apart * weight;
      }
      seen += rows;
    }
    for (int64_t c = 0; c < C; ++c) {
      shift[o * C + c] = mean[c];
      rest[o * C + c] = mean[c] - shift[o * C + c];
      variance[o * C + c] = square[c] / seen;
    }
  }
}

// What lets numbers of a gradient through: where `low < (x - shift) * factor + offset < high`.
struct Gate {
  bool open() const { return std::isinf(low) && std::isinf(high); }

  const float *factor, *offset;
  float low, high;
};

// For each channel the sums of `t` and of `t * (x - shift)`, where the gate lets `t` through.
template <bool gated>
void sums(xla::ffi::ThreadPool& pool, const Rows& size, const float* t, const float* x,
          const float* shift, const Gate& gate, float* plain, float* along) {
  const Cut cut(size);
  const int64_t C = size.channels, step = cut.step;
  std::vector<float> found(size.outer * cut.blocks * 2 * C);
  in_parallel(pool, size.outer * cut.blocks, [&](int64_t block) {
    const int64_t o = block / cut.blocks, first = block % cut.blocks * cut.rows;
    const int64_t count = std::min(cut.rows, size.rows - first) * C;
    const int64_t start = (o * size.rows + first) * C;
    const std::vector<float> from = repeated(shift + o * C, size, cut);
    std::vector<float> factor, offset, one(step), other(step);
    if (gated) factor = repeated(gate.factor + o * C, size, cut);
    if (gated) offset = repeated(gate.offset + o * C, size, cut);
    for (int64_t at = 0; at < count; at += step) {
      const float *p = x + start + at, *q = t + start + at;
      for (int64_t i = 0, n = std::min(step, count - at); i < n; ++i) {
        const float d = p[i] - from[i];
        float g = q[i];
        if (gated) {
          const float z = d * factor[i] + offset[i];
          g = (z > gate.low) & (z < gate.high) ? g : 0.0f;
        }
        one[i] += g;
        other[i] += g * d;
      }
    }
    fold(one.data(), size, cut);
    fold(other.data(), size, cut);
    std::copy_n(one.data(), C, found.data() + block * 2 * C);
    std::copy_n(other.data(), C, found.data() + block * 2 * C + C);
  });
  std::vector<double> total(2 * C);
  for (int64_t o = 0; o < size.outer; ++o) {
    std::fill(total.begin(), total.end(), 0.0);
    for (int64_t b = 0; b < cut.blocks; ++b)
      for (int64_t i = 0; i < 2 * C; ++i) total[i] += found[(o * cut.blocks + b) * 2 * C + i];
    for (int64_t c = 0; c < C; ++c) {
      plain[o * C + c] = total[c];
      along[o * C + c] = total[C + c];
    }
  }
}

}  // namespace jaxcnn
