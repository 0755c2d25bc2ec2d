#include "kernels/convolution/axis.h"

#include <algorithm>

namespace trainer {
namespace {

/// Fills first, reach, taps and planes from the shifts of the taps that are used.
void place_taps(Axis& axis, const std::vector<int64_t>& shifts, const std::vector<bool>& used) {
  axis.taps.resize(shifts.size());
  bool any = false;
  for (size_t i = 0; i < shifts.size(); ++i) {
    if (used[i]) {
      axis.first = any ? std::min(axis.first, shifts[i]) : shifts[i];
      any = true;
    }
  }
  for (size_t i = 0; i < shifts.size(); ++i) {
    if (!used[i]) {
      continue;
    }
    const int64_t distance = shifts[i] - axis.first;
    const int64_t phase = distance % axis.input_step;
    const auto plane = std::find(axis.planes.begin(), axis.planes.end(), phase);
    axis.taps[i] = {true, plane - axis.planes.begin(), distance / axis.input_step, 0};
    if (plane == axis.planes.end()) {
      axis.planes.push_back(phase);
    }
    axis.reach = std::max(axis.reach, axis.taps[i].offset);
  }
}

Axis forward_axis(int64_t input, int64_t output, int64_t kernel, const ConvolutionGeometry& geometry) {
  Axis axis;
  axis.input_extent = input;
  axis.input_step = geometry.stride;
  axis.count = output;
  axis.phases = {{0, output}};
  std::vector<int64_t> shifts;
  for (int64_t i = 0; i < kernel; ++i) {
    shifts.push_back(i * geometry.dilation - geometry.padding);
  }
  place_taps(axis, shifts, std::vector<bool>(shifts.size(), true));
  return axis;
}

/// Positions phase, phase + stride, ... of dX.
OutputPhase backward_phase(int64_t input, int64_t phase, const ConvolutionGeometry& geometry) {
  return {phase, (input - phase + geometry.stride - 1) / geometry.stride};
}

Axis backward_axis(int64_t output, int64_t kernel, const ConvolutionGeometry& geometry) {
  Axis axis;
  axis.input_extent = output;
  axis.output_step = geometry.stride;
  axis.taps.resize(static_cast<size_t>(kernel));
  return axis;
}

/// The phases that taps reach: position phase + stride*i meets kernel index r where
/// stride * z = phase + stride*i + padding - r*dilation has a whole solution z, the position in dZ.
Axis backward_axis_with_taps(int64_t input, int64_t output, int64_t kernel, const ConvolutionGeometry& geometry) {
  Axis axis = backward_axis(output, kernel, geometry);
  std::vector<int64_t> shifts(static_cast<size_t>(kernel));
  std::vector<bool> used(static_cast<size_t>(kernel));
  std::vector<int64_t> index(static_cast<size_t>(kernel));
  for (int64_t phase = 0; phase < std::min(geometry.stride, input); ++phase) {
    bool reached = false;
    for (int64_t i = 0; i < kernel; ++i) {
      const int64_t distance = phase + geometry.padding - i * geometry.dilation;
      if (distance % geometry.stride == 0) {
        const auto tap = static_cast<size_t>(i);
        shifts[tap] = distance / geometry.stride;
        used[tap] = true;
        index[tap] = static_cast<int64_t>(axis.phases.size());
        reached = true;
      }
    }
    if (reached) {
      axis.phases.push_back(backward_phase(input, phase, geometry));
      axis.count = std::max(axis.count, axis.phases.back().count);
    }
  }
  place_taps(axis, shifts, used);
  for (size_t i = 0; i < axis.taps.size(); ++i) {
    axis.taps[i].phase = index[i];
  }
  return axis;
}

Axis backward_axis_without_taps(int64_t input, int64_t output, int64_t kernel, int64_t phase,
                                const ConvolutionGeometry& geometry) {
  Axis axis = backward_axis(output, kernel, geometry);
  axis.phases = {backward_phase(input, phase, geometry)};
  axis.count = axis.phases.front().count;
  return axis;
}

bool has_phase(const Axis& axis, int64_t first) {
  return std::ranges::find(axis.phases, first, &OutputPhase::first) != axis.phases.end();
}

}  // namespace

int64_t Axis::used_taps() const {
  return std::count_if(taps.begin(), taps.end(), [](const Tap& tap) { return tap.used; });
}

Pass forward_pass(const ConvolutionGeometry& geometry) {
  return {forward_axis(geometry.h, geometry.p(), geometry.r, geometry),
          forward_axis(geometry.w, geometry.q(), geometry.s, geometry)};
}

std::vector<Pass> backward_passes(const ConvolutionGeometry& geometry) {
  const Pass all{backward_axis_with_taps(geometry.h, geometry.p(), geometry.r, geometry),
                 backward_axis_with_taps(geometry.w, geometry.q(), geometry.s, geometry)};
  std::vector<Pass> passes;
  if (all.phases() > 0) {
    passes.push_back(all);
  }
  for (int64_t y = 0; y < std::min(geometry.stride, geometry.h); ++y) {
    for (int64_t x = 0; x < std::min(geometry.stride, geometry.w); ++x) {
      if (!has_phase(all.rows, y) || !has_phase(all.columns, x)) {
        passes.push_back({backward_axis_without_taps(geometry.h, geometry.p(), geometry.r, y, geometry),
                          backward_axis_without_taps(geometry.w, geometry.q(), geometry.s, x, geometry)});
      }
    }
  }
  return passes;
}

}  // namespace trainer
