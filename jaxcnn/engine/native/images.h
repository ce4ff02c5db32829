// Images as the innermost loops read them: padded, and with the channels of one part side by side.
#pragma once

#include "groups.h"
#include "plan.h"

namespace jaxcnn {

// The address of the first pixel of a box, and the distances between its pixels.
struct Pixels {
  const float* data;
  ptrdiff_t step[AXES];
};

// A copy of a box of an image, with zeros beyond its edges; `copy(from, pixels, to)` copies a run.
template <typename Copy>
Pixels padded(const Problem& problem, const float* image, const Box& box, const Copy& copy) {
  const Axis* axis = problem.axis;
  const int64_t channels = problem.channels, depth = problem.depth();
  const ptrdiff_t row = axis[2].size * channels, plane = axis[1].size * row;
  const ptrdiff_t to_row = box.count[2] * depth, to_plane = box.count[1] * to_row;
  float* data = scratch(box.count[0] * to_plane, 0);
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
      copy(from, right - left, to + left * depth);
      memset(to + right * depth, 0, 4 * (box.count[2] - right) * depth);
    }
  }
  return {data, {to_plane, to_row, depth}};
}

// One part of a box of an image; copied, unless it can be read where it is.
inline Pixels read(const Problem& problem, const float* image, const Box& box, int64_t part) {
  if (problem.groups > 1) return padded(problem, image, box, Gather(problem, part));
  const Axis* axis = problem.axis;
  const ptrdiff_t pixel = problem.channels, row = axis[2].size * pixel, plane = axis[1].size * row;
  const ptrdiff_t first = box.low[0] * plane + box.low[1] * row + box.low[2] * pixel;
  if (box.inside) return {image + first, {plane, row, pixel}};
  return padded(problem, image, box, [pixel](const float* from, int64_t pixels, float* to) {
    memcpy(to, from, 4 * pixels * pixel);
  });
}

// The contiguous runs of a window: whole rows of it where its pixels are neighbours.
struct Runs {
  int64_t length;                  // numbers, or vectors where the problem is wide
  int64_t rows, across;            // how many there are along the axes of a plane of the window
  std::vector<ptrdiff_t> offsets;  // where each begins, from the window's first pixel

  Runs(const Problem& problem, const Phase* phase, const Pixels& pixels) {
    const ptrdiff_t* step = pixels.step;
    const bool joined = phase[2].dilation == 1 && step[2] == problem.depth();
    length = problem.fan_in() * (joined ? phase[2].taps : 1);
    rows = phase[1].taps;
    across = joined ? std::min<int64_t>(phase[2].taps, 1) : phase[2].taps;
    for (int64_t a = 0; a < phase[0].taps; ++a)
      for (int64_t b = 0; b < rows; ++b)
        for (int64_t c = 0; c < across; ++c)
          offsets.push_back(a * phase[0].dilation * step[0] + b * phase[1].dilation * step[1] +
                            c * phase[2].dilation * step[2]);
  }
};

}  // namespace jaxcnn
