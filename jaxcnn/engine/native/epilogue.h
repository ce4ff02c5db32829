// What becomes of a convolution's results while they are still in the cache: per feature a factor
// and an offset, then the numbers of another array, then bounds.
#pragma once

#include "plan.h"

namespace jaxcnn {

struct Epilogue {
  const float *factor, *offset;  // one number for each feature
  const float* residual;         // as many numbers as results; null for none
  float low, high;
  const float* results;  // where all results begin

  // A vector of results, of the features from `feature` on, that is to be written to `to`. NaNs
  // pass the bounds.
  Vec of(Vec sum, int64_t feature, const float* to) const {
    Vec y = sum * load(factor + feature) + load(offset + feature);
    if (residual != nullptr) y += load(residual + (to - results));
    return cut(y);
  }

  // Completes the results of one unit at `columns` places of a row.
  void complete(float* row, int64_t columns, ptrdiff_t apart, const Unit& unit) const {
    const Lanes last = unit.last();
    const int64_t full = (unit.vectors - 1) * V;
    const float *factors = factor + unit.first, *offsets = offset + unit.first;
    const Vec last_factor = last.load(factors + full), last_offset = last.load(offsets + full);
    for (int64_t c = 0; c < columns; ++c, row += apart) {
      if (full > 0) store(row, of(load(row), unit.first, row));
      float* to = row + full;
      Vec y = last.load(to) * last_factor + last_offset;
      if (residual != nullptr) y += last.load(residual + (to - results));
      last.store(to, cut(y));
    }
  }

 private:
  Vec cut(Vec y) const {
    const Vec least = Vec{} + low, most = Vec{} + high;
    y = y < least ? least : y;
    return y > most ? most : y;
  }
};

}  // namespace jaxcnn
