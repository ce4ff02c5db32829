// Direct convolution on a CPU, and the gradient in its kernel, for `jaxcnn.engine.direct`.
//
// A result is a sum of products over contiguous runs of pixels, read where they are: no windows are
// written out. A block of neighbouring results by one or two vectors of features stays in registers
// while the products are summed up (the layout of Zhang, Franchetti and Low, "High Performance
// Zero-Memory Overhead Direct Convolutions", 2018; the blocks of Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication", 2008).

#pragma once

#include "blocks.h"
#include "images.h"
#include "parallel.h"
#include "plan.h"

namespace jaxcnn {

// The longest equal blocks, of at most MOST rows, that a number of rows is cut into.
inline int64_t block_rows(int64_t rows) {
  const int64_t blocks = (rows + MOST - 1) / MOST;
  return (rows + blocks - 1) / std::max<int64_t>(blocks, 1);
}

struct Panels {
  Phase phase[AXES];
  int64_t length;   // products per result
  ptrdiff_t start;  // where the phase's panels begin

  ptrdiff_t of(const Problem& problem, int64_t part, int64_t vector) const {
    return start + (part * problem.vectors() + vector) * length * V;
  }
};

inline std::vector<Panels> panels_of(const Problem& problem) {
  std::vector<Panels> all(problem.phases());
  ptrdiff_t start = 0;
  for (int64_t i = 0; i < problem.phases(); ++i) {
    Panels& panels = all[i];
    problem.phase(i, panels.phase);
    const Phase* phase = panels.phase;
    panels.length = phase[0].taps * phase[1].taps * phase[2].taps * problem.fan_in();
    panels.start = start;
    start += panels.length * problem.parts() * problem.vectors() * V;
  }
  return all;
}

// The numbers of one part and one or two of its vectors of features, in the order of the products:
// calls `visit(row of features in the kernel, number of the product)`.
template <typename Visit>
void each_product(const Problem& problem, const Phase* phase, const Visit& visit) {
  const Axis* axis = problem.axis;
  int64_t number = 0;
  for (int64_t a = 0; a < phase[0].taps; ++a)
    for (int64_t b = 0; b < phase[1].taps; ++b)
      for (int64_t c = 0; c < phase[2].taps; ++c) {
        const int64_t i = phase[0].first + a * phase[0].step;
        const int64_t j = phase[1].first + b * phase[1].step;
        const int64_t k = phase[2].first + c * phase[2].step;
        const int64_t tap = (i * axis[1].window + j) * axis[2].window + k;
        for (int64_t d = 0; d < problem.fan_in(); ++d)
          visit((tap * problem.fan_in() + d) * problem.features, number++);
      }
}

inline void pack(const Problem& problem, const Panels& panels, int64_t part, int64_t vector,
                 const float* kernel, float* packed) {
  const int64_t wide = std::min(PAIR, problem.vectors() - vector) * V;
  const int64_t count = std::min(wide, problem.part_features(part) - vector * V);
  const int64_t first = problem.first_feature(part) + vector * V;
  float* to = packed + panels.of(problem, part, vector);
  each_product(problem, panels.phase, [&](int64_t row, int64_t number) {
    memcpy(to + number * wide, kernel + row + first, 4 * count);
    memset(to + number * wide + count, 0, 4 * (wide - count));
  });
}

// The runs of a window that meet more than the border of the image.
class Met {
 public:
  explicit Met(const Runs& runs) : runs_(runs) {}

  void choose(const Range& planes, const Range& rows, ptrdiff_t numbers) {
    const int64_t wanted[] = {planes.begin, planes.end, rows.begin, rows.end};
    if (std::equal(wanted, wanted + 4, chosen_)) return;
    std::copy(wanted, wanted + 4, chosen_);
    offsets.clear();
    starts.clear();
    for (int64_t a = planes.begin; a < planes.end; ++a)
      for (int64_t b = rows.begin; b < rows.end; ++b)
        for (int64_t c = 0; c < runs_.across; ++c) {
          const int64_t run = (a * runs_.rows + b) * runs_.across + c;
          offsets.push_back(runs_.offsets[run]);
          starts.push_back(run * numbers);
        }
  }

  std::vector<ptrdiff_t> offsets, starts;

 private:
  const Runs& runs_;
  int64_t chosen_[4] = {-1, -1, -1, -1};
};

// The results of one block of an image, for a pair of vectors of one part's features.
inline void forward(const Problem& problem, const Panels& panels, const Range* range, int64_t part,
                    int64_t vector, const Pixels& pixels, const Box& box, const float* packed,
                    float* y) {
  const Phase* phase = panels.phase;
  Range of[AXES];
  for (int i = 0; i < AXES; ++i) of[i] = {range[i].begin, std::min(range[i].end, phase[i].count)};
  const Runs runs(problem, phase, pixels, box, range);
  const Axis* axis = problem.axis;
  const int64_t columns = of[2].end - of[2].begin, most = block_rows(columns);
  // Short rows are computed two at a time: more sums for each number of the kernel that is read.
  const int64_t together = 2 * columns <= MOST ? 2 : 1;
  const int64_t vectors = std::min(PAIR, problem.vectors() - vector);
  const Lanes last(problem.lanes(part, vector + vectors - 1));
  const float* kernel = packed + panels.of(problem, part, vector);
  Met met(runs);
  for (int64_t a = of[0].begin; a < of[0].end; ++a) {
    const Range planes = taps_met(axis[0], phase[0], a);
    for (int64_t b = of[1].begin, rows; b < of[1].end; b += rows) {
      rows = std::min(together, of[1].end - b);
      const Range top = taps_met(axis[1], phase[1], b);
      const Range bottom = taps_met(axis[1], phase[1], b + rows - 1);
      met.choose(planes, {bottom.begin, top.end}, runs.length * vectors * V);
      const Forward task = {static_cast<int64_t>(met.offsets.size()),
                            met.offsets.data(),
                            met.starts.data(),
                            runs.length,
                            axis[2].stride * pixels.step[2],
                            static_cast<ptrdiff_t>(axis[2].input_dilation * problem.features),
                            axis[1].stride * pixels.step[1],
                            static_cast<ptrdiff_t>(axis[1].input_dilation * axis[2].out *
                                                   problem.features)};
      const float* x = pixels.data + (a - range[0].begin) * axis[0].stride * pixels.step[0] +
                       (b - range[1].begin) * axis[1].stride * pixels.step[1];
      const int64_t plane = phase[0].start + a * axis[0].input_dilation;
      const int64_t row = plane * axis[1].out + phase[1].start + b * axis[1].input_dilation;
      const int64_t column = phase[2].start + of[2].begin * axis[2].input_dilation;
      const int64_t place = row * axis[2].out + column;
      float* to = y + place * problem.features + problem.first_feature(part) + vector * V;
      for (int64_t c = 0; c < columns; c += most) {
        const int64_t m = std::min(most, columns - c);
        forward_block_of(problem.wide(), vectors, rows, m)(task, x + c * task.step, kernel,
                                                           to + c * task.apart, last);
      }
    }
  }
}

inline void convolve(xla::ffi::ThreadPool& pool, const Problem& problem, const float* x,
                     const float* kernel, float* y) {
  const std::vector<Panels> panels = panels_of(problem);
  const int64_t parts = problem.parts(), size = panels.back().of(problem, parts, 0);
  float* packed = scratch(size, 1);
  const int64_t pairs = problem.pairs(), units = problem.units();
  in_parallel(pool, problem.phases() * units, [&](int64_t i) {
    pack(problem, panels[i / units], i % units / pairs, i % pairs * PAIR, kernel, packed);
  });
  const Blocks blocks(problem);
  const int64_t images = problem.batch * blocks.total();
  // A large kernel is taken in slices, each of which stays in a core's cache for all images.
  constexpr int64_t large = 256 * 1024;  // numbers
  const int64_t slices = std::min(units, (size + large - 1) / large);
  in_parallel(pool, slices * images, [&](int64_t number) {
    const int64_t slice = number / images, n = number % images / blocks.total();
    const int64_t begin = units * slice / slices, end = units * (slice + 1) / slices;
    Range range[AXES];
    blocks.range(problem, number % blocks.total(), range);
    const Box box(problem, range);
    const float* image = x + n * problem.pixels() * problem.channels;
    float* to = y + n * problem.places() * problem.features;
    Pixels pixels = {};
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t part = unit / pairs, vector = unit % pairs * PAIR;
      if (unit == begin || vector == 0) pixels = read(problem, image, box, part);
      for (const Panels& of : panels)
        forward(problem, of, range, part, vector, pixels, box, packed, to);
    }
  });
}

// Adds one block's share of a pair of vectors of the gradient to `sums`, in the order of the panels.
inline void gradient(const Problem& problem, const Panels& panels, const Range* range, int64_t part,
                     int64_t vector, const Pixels& pixels, const Box& box, const float* y,
                     float* sums) {
  const Phase* phase = panels.phase;
  const Axis* axis = problem.axis;
  Range of[AXES];
  for (int i = 0; i < AXES; ++i) of[i] = {range[i].begin, std::min(range[i].end, phase[i].count)};
  const Runs runs(problem, phase, pixels, box, range);
  const ptrdiff_t row = axis[2].out * problem.features;
  Gradient task = {of[1].end - of[1].begin, of[2].end - of[2].begin,
                         static_cast<ptrdiff_t>(axis[1].stride * pixels.step[1]),
                         static_cast<ptrdiff_t>(axis[2].stride * pixels.step[2]),
                         static_cast<ptrdiff_t>(axis[1].input_dilation * row),
                         static_cast<ptrdiff_t>(axis[2].input_dilation * problem.features)};
  if (task.rows <= 0 || task.columns <= 0 || runs.length == 0) return;
  const int64_t most = block_rows(runs.length), unit = problem.wide() ? V : 1;
  const int64_t vectors = std::min(PAIR, problem.vectors() - vector);
  const Lanes last(problem.lanes(part, vector + vectors - 1));
  const int64_t per_plane = runs.rows * runs.across;
  for (int64_t a = of[0].begin; a < of[0].end; ++a) {
    const float* x = pixels.data + (a - range[0].begin) * axis[0].stride * pixels.step[0];
    const int64_t plane = (phase[0].start + a * axis[0].input_dilation) * axis[1].out +
                          phase[1].start + of[1].begin * axis[1].input_dilation;
    const float* from = y + plane * row +
                        (phase[2].start + of[2].begin * axis[2].input_dilation) * problem.features +
                        problem.first_feature(part) + vector * V;
    const Range planes = taps_met(axis[0], phase[0], a);
    float* to = sums + panels.of(problem, part, vector);
    for (int64_t run = planes.begin * per_plane; run < planes.end * per_plane; ++run) {
      // Pixels of the border add nothing.
      const int64_t tap = run / runs.across % runs.rows;
      const Range rows = results_met(axis[1], phase[1], tap, of[1]);
      task.rows = rows.end - rows.begin;
      const int64_t skipped = rows.begin - of[1].begin;
      const float* p = x + runs.offsets[run] + skipped * task.x_row;
      for (int64_t k = 0; k < runs.length; k += most) {
        const int64_t m = std::min(most, runs.length - k);
        gradient_block_of(problem.wide(), vectors, m)(
            task, p + k * unit, from + skipped * task.y_row,
            to + (run * runs.length + k) * vectors * V, last);
      }
    }
  }
}

// How the sums over all pixels are shared among threads: by images, each share with sums of its
// own, and by features. Fixed, so that the same sums are made in the same order by any number of
// threads.
struct Shares {
  int64_t images, features;

  Shares(const Problem& problem, int64_t tasks, int64_t numbers) {
    constexpr int64_t enough = 16, room = 4 << 20;  // numbers that the sums may take
    images = std::max<int64_t>(1, std::min({tasks, enough, room / std::max<int64_t>(numbers, 1)}));
    features = std::min((enough + images - 1) / images, problem.units());
  }
};

inline void differentiate(xla::ffi::ThreadPool& pool, const Problem& problem, const float* x,
                          const float* y, float* kernel) {
  const std::vector<Panels> panels = panels_of(problem);
  const int64_t size = panels.back().of(problem, problem.parts(), 0);
  const Blocks blocks(problem);
  const int64_t tasks = problem.batch * blocks.total();
  const Shares shares(problem, tasks, size);
  const int64_t pairs = problem.pairs(), units = problem.units();
  float* sums = scratch(shares.images * size, 1);
  in_parallel(pool, shares.images, [&](int64_t i) { memset(sums + i * size, 0, 4 * size); });
  in_parallel(pool, shares.images * shares.features, [&](int64_t number) {
    const int64_t share = number / shares.features, slice = number % shares.features;
    const int64_t begin = units * slice / shares.features;
    const int64_t end = units * (slice + 1) / shares.features;
    float* own = sums + share * size;
    for (int64_t i = tasks * share / shares.images; i < tasks * (share + 1) / shares.images; ++i) {
      const int64_t n = i / blocks.total();
      Range range[AXES];
      blocks.range(problem, i % blocks.total(), range);
      const Box box(problem, range);
      const float* image = x + n * problem.pixels() * problem.channels;
      const float* from = y + n * problem.places() * problem.features;
      Pixels pixels = {};
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t part = unit / pairs, vector = unit % pairs * PAIR;
        if (unit == begin || vector == 0) pixels = read(problem, image, box, part);
        for (const Panels& of : panels)
          gradient(problem, of, range, part, vector, pixels, box, from, own);
      }
    }
  });
  memset(kernel, 0, 4 * problem.kernel());
  in_parallel(pool, problem.phases() * units, [&](int64_t number) {
    const Panels& of = panels[number / units];
    const int64_t part = number % units / pairs;
    const int64_t vector = number % pairs * PAIR;
    const int64_t width = std::min(PAIR, problem.vectors() - vector) * V;
    const int64_t count = std::min(width, problem.part_features(part) - vector * V);
    const float* from = sums + of.of(problem, part, vector);
    each_product(problem, of.phase, [&](int64_t row, int64_t k) {
      float* to = kernel + row + problem.first_feature(part) + vector * V;
      for (int64_t share = 0; share < shares.images; ++share)
        for (int64_t l = 0; l < count; ++l) to[l] += from[share * size + k * width + l];
    });
  });
}

}  // namespace jaxcnn
