// Direct convolution on a CPU, and the gradient in its kernel, for `jaxcnn.engine.direct`.
//
// A result is a sum of products over contiguous runs of pixels, read where they are: no windows are
// written out. A block of neighbouring results by one or two vectors of features stays in registers
// while the products are summed up (the layout of Zhang, Franchetti and Low, "High Performance
// Zero-Memory Overhead Direct Convolutions", 2018; the blocks of Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication", 2008).

#pragma once

#include "blocks.h"
#include "epilogue.h"
#include "images.h"
#include "parallel.h"
#include "plan.h"

namespace jaxcnn {

// The longest equal blocks, of at most MOST rows, that a number of rows is cut into.
inline int64_t block_rows(int64_t rows) {
  const int64_t blocks = (rows + MOST - 1) / MOST;
  return (rows + blocks - 1) / std::max<int64_t>(blocks, 1);
}

// How a kernel lies in memory: `(*window, channels, features)`; as the gradient in the images reads
// the kernel of its convolution, with the window reversed, and channels and features swapped; or in
// the panels of `pack`. The numbers are those of `jaxcnn.engine.algorithm.Order`.
enum class KernelOrder : int64_t { plain, mirrored, packed };

// Calls `visit(unit, element of the window, place in the panels)` for the products of each unit's
// features with each element's channels, in parallel.
template <typename Visit>
void each_element(xla::ffi::ThreadPool& pool, const Plan& plan, const Visit& visit) {
  const Problem& problem = plan.problem;
  const Axis* axis = problem.axis;
  in_parallel(pool, problem.phases() * plan.units, [&](int64_t number) {
    const Panels& of = plan.panels[number / plan.units];
    const Phase* phase = of.phase;
    const Unit unit(problem, number % plan.units);
    ptrdiff_t place = of.of(problem, unit.part, unit.vector);
    for (int64_t a = 0; a < phase[0].taps; ++a)
      for (int64_t b = 0; b < phase[1].taps; ++b)
        for (int64_t c = 0; c < phase[2].taps; ++c) {
          const int64_t i = phase[0].first + a * phase[0].step;
          const int64_t j = phase[1].first + b * phase[1].step;
          const int64_t k = phase[2].first + c * phase[2].step;
          visit(unit, (i * axis[1].window + j) * axis[2].window + k, place);
          place += problem.fan_in() * unit.vectors * V;
        }
  });
}

// What is computed at once: the results of one phase in a block of an image, for one unit.
class Piece {
 public:
  Piece(const Problem& problem, const Panels& panels, const Unit& unit, const Box& box,
        const Pixels& pixels, int64_t image)
      : problem_(problem), axis_(problem.axis), phase_(panels.phase), unit_(unit), box_(box),
        pixels_(pixels), runs_(problem, panels.phase, pixels), image_(image),
        panel_(panels.of(problem, unit.part, unit.vector)) {
    for (int i = 0; i < AXES; ++i)
      range_[i] = {box.range[i].begin, std::min(box.range[i].end, phase_[i].count)};
  }

  // Computes the results, and completes them if there is more to do than to sum up.
  void forward(const float* packed, const Epilogue* epilogue, float* y) const {
    const int64_t columns = range_[2].end - range_[2].begin, most = block_rows(columns);
    // Short rows are computed two at a time: more sums for each number of the kernel that is read.
    const int64_t together = 2 * columns <= MOST ? 2 : 1;
    const Lanes last = unit_.last();
    Forward task = {};
    task.offsets = runs_.offsets.data();
    task.length = runs_.length;
    task.per_plane = runs_.rows * runs_.across;
    task.step = axis_[2].stride * pixels_.step[2];
    task.apart = axis_[2].input_dilation * problem_.features;
    task.row_step = axis_[1].stride * pixels_.step[1];
    task.row_apart = axis_[1].input_dilation * axis_[2].out * problem_.features;
    for (int64_t a = range_[0].begin; a < range_[0].end; ++a) {
      task.planes = taps_met(axis_[0], phase_[0], a);
      for (int64_t b = range_[1].begin, rows; b < range_[1].end; b += rows) {
        rows = std::min(together, range_[1].end - b);
        task.runs = {taps_met(axis_[1], phase_[1], b + rows - 1).begin * runs_.across,
                     taps_met(axis_[1], phase_[1], b).end * runs_.across};
        const Row row = row_of(a, b);
        for (int64_t c = 0; c < columns; c += most) {
          const int64_t m = std::min(most, columns - c);
          forward_block_of(problem_.wide(), unit_.vectors, rows, m)(
              task, row.pixels + c * task.step, packed + panel_, y + row.place + c * task.apart,
              last);
        }
        for (int64_t r = 0; epilogue != nullptr && r < rows; ++r)
          epilogue->complete(y + row.place + r * task.row_apart, columns, task.apart, unit_);
      }
    }
  }

  // Adds the piece's share of the gradient to `sums`, in the order of the panels.
  void gradient(const float* y, float* sums) const {
    Gradient task = {};
    task.columns = range_[2].end - range_[2].begin;
    task.x_row = axis_[1].stride * pixels_.step[1];
    task.x_column = axis_[2].stride * pixels_.step[2];
    task.y_row = axis_[1].input_dilation * axis_[2].out * problem_.features;
    task.y_column = axis_[2].input_dilation * problem_.features;
    if (task.columns <= 0 || runs_.length == 0) return;
    const int64_t most = block_rows(runs_.length), number = problem_.wide() ? V : 1;
    const Lanes last = unit_.last();
    const int64_t per_plane = runs_.rows * runs_.across;
    for (int64_t a = range_[0].begin; a < range_[0].end; ++a) {
      const Range planes = taps_met(axis_[0], phase_[0], a);
      for (int64_t run = planes.begin * per_plane; run < planes.end * per_plane; ++run) {
        // Pixels of the border add nothing.
        const int64_t tap = run / runs_.across % runs_.rows;
        const Range rows = results_met(axis_[1], phase_[1], tap, range_[1]);
        task.rows = rows.end - rows.begin;
        const Row row = row_of(a, rows.begin);
        float* to = sums + panel_ + run * runs_.length * unit_.vectors * V;
        for (int64_t k = 0; k < runs_.length; k += most) {
          const int64_t m = std::min(most, runs_.length - k);
          gradient_block_of(problem_.wide(), unit_.vectors, m)(
              task, row.pixels + runs_.offsets[run] + k * number, y + row.place,
              to + k * unit_.vectors * V, last);
        }
      }
    }
  }

 private:
  // The first result of a row: the first pixel of its window, and its place.
  struct Row {
    const float* pixels;
    ptrdiff_t place;
  };

  Row row_of(int64_t a, int64_t b) const {
    const int64_t at[] = {a, b, range_[2].begin};
    ptrdiff_t pixel = 0, place = image_;
    for (int i = 0; i < AXES; ++i) {
      pixel += (at[i] * axis_[i].stride + phase_[i].offset - box_.low[i]) * pixels_.step[i];
      place = place * axis_[i].out + phase_[i].start + at[i] * axis_[i].input_dilation;
    }
    return {pixels_.data + pixel, place * problem_.features + unit_.first};
  }

  const Problem& problem_;
  const Axis* axis_;
  const Phase* phase_;
  const Unit& unit_;
  const Box& box_;
  const Pixels& pixels_;
  const Runs runs_;
  const int64_t image_;
  const ptrdiff_t panel_;  // where the unit's numbers begin in the panels
  Range range_[AXES];
};

// Calls `visit(piece)` for the pieces of some units of one block.
template <typename Visit>
void each_piece(const Plan& plan, int64_t task, const Range& units, const float* x,
                const Visit& visit) {
  const Problem& problem = plan.problem;
  const int64_t image = task / plan.blocks.total();
  const Box box = plan.blocks.box(problem, task % plan.blocks.total());
  Pixels pixels = {};
  for (int64_t i = units.begin; i < units.end; ++i) {
    const Unit unit(problem, i);
    if (i == units.begin || unit.vector == 0)
      pixels = read(problem, x + image * problem.pixels() * problem.channels, box, unit.part);
    for (const Panels& of : plan.panels) visit(Piece(problem, of, unit, box, pixels, image));
  }
}

// Writes the kernel into panels, in the order in which its numbers are read.
inline void pack(xla::ffi::ThreadPool& pool, const Plan& plan, const float* kernel,
                 KernelOrder order, float* packed) {
  const Problem& problem = plan.problem;
  const int64_t channels = problem.fan_in(), features = problem.features;
  const int64_t window = problem.window();
  each_element(pool, plan, [&](const Unit& unit, int64_t element, ptrdiff_t place) {
    const int64_t width = unit.vectors * V;
    float* to = packed + place;
    if (order == KernelOrder::plain) {
      const float* from = kernel + element * channels * features + unit.first;
      for (int64_t d = 0; d < channels; ++d, from += features, to += width) {
        memcpy(to, from, 4 * unit.count);
        memset(to + unit.count, 0, 4 * (width - unit.count));
      }
      return;
    }
    // Some channels at a time, so that the lines that are written stay in the cache.
    constexpr int64_t some = 16;
    const float* from = kernel + ((window - 1 - element) * features + unit.first) * channels;
    for (int64_t first = 0; first < channels; first += some) {
      const int64_t end = std::min(first + some, channels);
      for (int64_t l = 0; l < unit.count; ++l)
        for (int64_t d = first; d < end; ++d) to[d * width + l] = from[l * channels + d];
      for (int64_t d = first; d < end; ++d)
        memset(to + d * width + unit.count, 0, 4 * (width - unit.count));
    }
  });
}

inline void convolve(xla::ffi::ThreadPool& pool, const Problem& problem, const float* x,
                     const float* kernel, KernelOrder order, const Epilogue* epilogue, float* y) {
  const Plan plan(problem);
  const float* packed = kernel;
  if (order != KernelOrder::packed) {
    float* panels = scratch(plan.size, 1);
    pack(pool, plan, kernel, order, panels);
    packed = panels;
  }
  // A large kernel is taken in slices, each of which stays in a core's cache for all images.
  constexpr int64_t large = 256 * 1024;  // numbers
  const int64_t slices = std::min(plan.units, (plan.size + large - 1) / large);
  in_parallel(pool, slices * plan.tasks, [&](int64_t number) {
    const int64_t slice = number / plan.tasks;
    const Range units = {plan.units * slice / slices, plan.units * (slice + 1) / slices};
    each_piece(plan, number % plan.tasks, units, x,
               [&](const Piece& piece) { piece.forward(packed, epilogue, y); });
  });
}

inline void differentiate(xla::ffi::ThreadPool& pool, const Problem& problem, const float* x,
                          const float* y, float* kernel) {
  const Plan plan(problem);
  const int64_t size = plan.size, tasks = plan.tasks;
  // Threads share the sums by images, each share with sums of its own, and by features. The shares
  // are fixed, so that the same sums are made in the same order by any number of threads.
  constexpr int64_t enough = 16, room = 4 << 20;  // numbers that the sums may take
  const int64_t shares =
      std::max<int64_t>(1, std::min({tasks, enough, room / std::max<int64_t>(size, 1)}));
  const int64_t slices = std::min((enough + shares - 1) / shares, plan.units);
  float* sums = scratch(shares * size, 1);
  in_parallel(pool, shares, [&](int64_t i) { memset(sums + i * size, 0, 4 * size); });
  in_parallel(pool, shares * slices, [&](int64_t number) {
    const int64_t share = number / slices, slice = number % slices;
    const Range units = {plan.units * slice / slices, plan.units * (slice + 1) / slices};
    for (int64_t i = tasks * share / shares; i < tasks * (share + 1) / shares; ++i)
      each_piece(plan, i, units, x,
                 [&](const Piece& piece) { piece.gradient(y, sums + share * size); });
  });
  memset(kernel, 0, 4 * problem.kernel());
  const int64_t channels = problem.fan_in(), features = problem.features;
  each_element(pool, plan, [&](const Unit& unit, int64_t element, ptrdiff_t place) {
    float* to = kernel + element * channels * features + unit.first;
    for (int64_t d = 0; d < channels; ++d, to += features, place += unit.vectors * V)
      for (int64_t share = 0; share < shares; ++share)
        for (int64_t l = 0; l < unit.count; ++l) to[l] += sums[share * size + place + l];
  });
}

}  // namespace jaxcnn
