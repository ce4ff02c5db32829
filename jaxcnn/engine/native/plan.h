// The sizes of a convolution along each axis, and how its results and its kernel are cut.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "vectors.h"

namespace jaxcnn {

constexpr int AXES = 3;
constexpr int64_t PAIR = 2;  // vectors of features that are computed together

// One spatial axis of the problem; the names are those of `jaxcnn.engine.problem`.
struct Axis {
  int64_t size, window, stride, low, dilation, input_dilation, out;
};

// The results at `start`, `start + input_dilation`, … of an axis: a convolution without input
// dilation, with the taps `first`, `first + step`, … of the window, the first `offset` pixels from
// the result's place.
struct Phase {
  int64_t start, count, first, step, taps, offset, dilation;
};

inline Phase phase_of(const Axis& axis, int64_t start) {
  const int64_t gap = axis.input_dilation, common = std::gcd(gap, axis.dilation);
  Phase phase = {start, (axis.out - start + gap - 1) / gap, 0, gap / common, 0, 0,
                 axis.dilation / common};
  for (int64_t a = 0; a < std::min(axis.window, phase.step); ++a) {
    const int64_t place = start + a * axis.dilation - axis.low;
    if (place % gap == 0) {
      phase.first = a;
      phase.taps = (axis.window - a + phase.step - 1) / phase.step;
      phase.offset = place / gap;
    }
  }
  return phase;
}

// A range of results, or of elements of a window, along an axis.
struct Range {
  int64_t begin, end;
};

// The elements of the window that meet pixels of the image, not its border, for one result.
inline Range taps_met(const Axis& axis, const Phase& phase, int64_t result) {
  const int64_t first = result * axis.stride + phase.offset;
  const int64_t above = first < 0 ? (phase.dilation - 1 - first) / phase.dilation : 0;
  const int64_t end = first < axis.size ? (axis.size - 1 - first) / phase.dilation + 1 : 0;
  const int64_t begin = std::min(above, phase.taps);
  return {begin, std::max(begin, std::min(end, phase.taps))};
}

// The results of a range whose pixel under one element of the window is within the image.
inline Range results_met(const Axis& axis, const Phase& phase, int64_t tap, const Range& range) {
  const int64_t first = tap * phase.dilation + phase.offset, room = axis.size - 1 - first;
  const int64_t begin = first < 0 ? (axis.stride - 1 - first) / axis.stride : 0;
  const int64_t end = room < 0 ? 0 : room / axis.stride + 1;
  const int64_t from = std::max(begin, range.begin);
  return {from, std::max(from, std::min(end, range.end))};
}

struct Problem {
  int64_t batch, channels, features, groups;
  Axis axis[AXES];

  explicit Problem(const int64_t* n) : batch(n[0]), channels(n[1]), features(n[2]), groups(n[3]) {
    for (int i = 0; i < AXES; ++i) {
      const int64_t* a = n + 4 + 7 * i;
      axis[i] = {a[0], a[1], a[2], a[3], a[4], a[5], a[6]};
    }
  }

  int64_t fan_in() const { return channels / groups; }
  int64_t fan_out() const { return features / groups; }
  // Whether the groups are so narrow that each feature of a vector gets its own channels.
  bool wide() const { return groups > 1 && 2 * fan_out() <= V; }
  // The number of parts, each computed by itself: groups, or vectors of features.
  int64_t parts() const { return wide() ? (features + V - 1) / V : groups; }
  int64_t part_features(int64_t part) const {
    return wide() ? std::min<int64_t>(V, features - part * V) : fan_out();
  }
  int64_t first_feature(int64_t part) const { return part * (wide() ? V : fan_out()); }
  // Numbers per pixel that a part reads.
  int64_t depth() const { return fan_in() * (wide() ? V : 1); }
  int64_t vectors() const { return wide() ? 1 : (fan_out() + V - 1) / V; }
  int64_t pairs() const { return (vectors() + PAIR - 1) / PAIR; }
  int64_t units() const { return parts() * pairs(); }
  int64_t window() const { return axis[0].window * axis[1].window * axis[2].window; }
  int64_t kernel() const { return window() * fan_in() * features; }
  int64_t pixels() const { return axis[0].size * axis[1].size * axis[2].size; }

  int64_t phases() const {
    return axis[0].input_dilation * axis[1].input_dilation * axis[2].input_dilation;
  }
};

// A block of results, and the box of pixels that it is computed from, which may reach over the
// image's edges.
struct Box {
  Range range[AXES];
  int64_t low[AXES], count[AXES];
  bool inside = true;

  Box(const Problem& problem, const Range* results) {
    std::copy(results, results + AXES, range);
    for (int i = 0; i < AXES; ++i) {
      const Axis& axis = problem.axis[i];
      int64_t least = INT64_MAX, most = INT64_MIN;
      for (int64_t r = 0; r < axis.input_dilation; ++r) {
        const Phase phase = phase_of(axis, r);
        if (phase.taps == 0 || phase.count <= 0) continue;
        least = std::min(least, phase.offset);
        most = std::max(most, phase.offset + (phase.taps - 1) * phase.dilation);
      }
      if (least > most) least = most = 0;
      low[i] = range[i].begin * axis.stride + least;
      count[i] = (range[i].end - 1) * axis.stride + most + 1 - low[i];
      inside = inside && low[i] >= 0 && low[i] + count[i] <= axis.size;
    }
  }
};

// The blocks that the results of an image are cut into, small enough for a core's cache.
struct Blocks {
  int64_t size[AXES], count[AXES];

  explicit Blocks(const Problem& problem) {
    constexpr int64_t cache = 48 * 1024;  // floats
    for (int i = 0; i < AXES; ++i) size[i] = i == 0 ? 1 : length(problem, i);
    for (int i : {1, 2})
      while (size[i] > 1 && numbers(problem) > cache) size[i] = (size[i] + 1) / 2;
    for (int i = 0; i < AXES; ++i) count[i] = (length(problem, i) + size[i] - 1) / size[i];
  }

  int64_t total() const { return count[0] * count[1] * count[2]; }

  Box box(const Problem& problem, int64_t number) const {
    Range range[AXES];
    for (int i = AXES - 1; i >= 0; --i) {
      const int64_t begin = number % count[i] * size[i];
      range[i] = {begin, std::min(begin + size[i], length(problem, i))};
      number /= count[i];
    }
    return Box(problem, range);
  }

  static int64_t length(const Problem& problem, int i) {
    const Axis& axis = problem.axis[i];
    return (axis.out + axis.input_dilation - 1) / axis.input_dilation;
  }

 private:
  int64_t numbers(const Problem& problem) const {
    const Range range[] = {{0, size[0]}, {0, size[1]}, {0, size[2]}};
    const Box box(problem, range);
    return box.count[0] * box.count[1] * box.count[2] * problem.depth();
  }
};

// A pair of vectors of one part's features, which are computed together; the last may be alone.
struct Unit {
  int64_t part, vector, vectors;
  int64_t first, count;  // the features

  Unit(const Problem& problem, int64_t number)
      : part(number / problem.pairs()), vector(number % problem.pairs() * PAIR) {
    vectors = std::min(PAIR, problem.vectors() - vector);
    first = problem.first_feature(part) + vector * V;
    count = std::min(vectors * V, problem.part_features(part) - vector * V);
  }

  Lanes last() const { return Lanes(count - (vectors - 1) * V); }
};

// The numbers of the kernel that one phase needs, in the order of its products.
struct Panels {
  Phase phase[AXES];
  int64_t length;   // products per result
  ptrdiff_t start;  // where the phase's panels begin

  ptrdiff_t of(const Problem& problem, int64_t part, int64_t vector) const {
    return start + (part * problem.vectors() + vector) * length * V;
  }
};

// How the work is cut: the kernel into panels and units, the results of all images into blocks.
struct Plan {
  const Problem& problem;
  const Blocks blocks;
  const int64_t units, tasks;
  std::vector<Panels> panels;  // one for each phase
  int64_t size = 0;            // numbers in all panels

  explicit Plan(const Problem& problem)
      : problem(problem), blocks(problem), units(problem.units()),
        tasks(problem.batch * blocks.total()), panels(problem.phases()) {
    for (int64_t number = 0; number < problem.phases(); ++number) {
      Phase* phase = panels[number].phase;
      for (int64_t i = AXES - 1, rest = number; i >= 0; --i) {
        phase[i] = phase_of(problem.axis[i], rest % problem.axis[i].input_dilation);
        rest /= problem.axis[i].input_dilation;
      }
      panels[number].length = phase[0].taps * phase[1].taps * phase[2].taps * problem.fan_in();
      panels[number].start = size;
      size = panels[number].of(problem, problem.parts(), 0);
    }
  }
};

// Memory that a thread keeps, so that it is not fetched from the system again and again.
inline float* scratch(int64_t numbers, int which) {
  struct Buffer {
    float* data = nullptr;
    int64_t size = 0;
    ~Buffer() { free(data); }
  };
  static thread_local Buffer buffers[3];
  Buffer& buffer = buffers[which];
  if (buffer.size < numbers) {
    free(buffer.data);
    buffer.size = numbers;
    buffer.data = static_cast<float*>(aligned_alloc(64, (4 * numbers + 63) / 64 * 64));
    if (buffer.data == nullptr) abort();
  }
  return buffer.data;
}

}  // namespace jaxcnn
