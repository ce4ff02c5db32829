// Images as the innermost loops read them: padded, and with the channels of one part side by side.
#pragma once

#include "plan.h"

namespace jaxcnn {

// The address of the first pixel of a box, and the distances between its pixels.
struct Pixels {
  const float* data;
  ptrdiff_t step[AXES];
};

// Copies one part's numbers of a run of pixels.
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
      if (problem_.groups == 1) {
        memcpy(to, from, 4 * pixels * channels);
        return;
      }
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

// One part of a box of an image; copied, unless it can be read where it is.
inline Pixels read(const Problem& problem, const float* image, const Box& box, int64_t part) {
  const Axis* axis = problem.axis;
  const int64_t channels = problem.channels, depth = problem.depth();
  const ptrdiff_t row = axis[2].size * channels, plane = axis[1].size * row;
  if (box.inside && problem.groups == 1) {
    const float* data = image + box.low[0] * plane + box.low[1] * row + box.low[2] * channels;
    return {data, {plane, row, channels}};
  }
  const ptrdiff_t to_row = box.count[2] * depth, to_plane = box.count[1] * to_row;
  float* data = scratch(box.count[0] * to_plane, 0);
  const Gather gather(problem, part);
  const int64_t left = std::clamp<int64_t>(-box.low[2], 0, box.count[2]);
  const int64_t right = std::clamp<int64_t>(axis[2].size - box.low[2], left, box.count[2]);
  for (int64_t i = 0; i < box.count[0]; ++i) {
    for (int64_t j = 0; j < box.count[1]; ++j) {
      const int64_t a = box.low[0] + i, b = box.low[1] + j;
      float* to = data + i * to_plane + j * to_row;
      if (a < 0 || a >= axis[0].size || b < 0 || b >= axis[1].size) {
        memset(to, 0, 4 * to_row);
        continue;
      }
      memset(to, 0, 4 * left * depth);
      const float* from = image + a * plane + b * row + (box.low[2] + left) * channels;
      gather(from, right - left, to + left * depth);
      memset(to + right * depth, 0, 4 * (box.count[2] - right) * depth);
    }
  }
  return {data, {to_plane, to_row, depth}};
}

// The contiguous runs of a window: whole rows of it where its pixels are neighbours.
struct Runs {
  int64_t length;                  // numbers, or vectors where the problem is wide
  int64_t planes, rows, across;    // how many there are along each axis of the window
  std::vector<ptrdiff_t> offsets;  // where each begins, from the window's own place

  Runs(const Problem& problem, const Phase* phase, const Pixels& pixels, const Box& box,
       const Range* range) {
    const ptrdiff_t* step = pixels.step;
    const bool joined = phase[2].dilation == 1 && step[2] == problem.depth();
    length = problem.fan_in() * (joined ? phase[2].taps : 1);
    planes = phase[0].taps;
    rows = phase[1].taps;
    across = joined ? std::min<int64_t>(phase[2].taps, 1) : phase[2].taps;
    ptrdiff_t base = 0;
    for (int i = 0; i < AXES; ++i)
      base += (range[i].begin * problem.axis[i].stride + phase[i].offset - box.low[i]) * step[i];
    for (int64_t a = 0; a < planes; ++a)
      for (int64_t b = 0; b < rows; ++b)
        for (int64_t c = 0; c < across; ++c)
          offsets.push_back(base + a * phase[0].dilation * step[0] +
                            b * phase[1].dilation * step[1] + c * phase[2].dilation * step[2]);
  }
};

}  // namespace jaxcnn
