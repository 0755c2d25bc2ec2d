#include "kernels/convolution/axis.h"

#include <algorithm>

namespace trainer {
namespace {

/// Fills first, reach and planes, and the places of the taps that are used, from the taps' shifts.
void place_taps(Axis& axis, const std::vector<int64_t>& shifts) {
  bool any = false;
  for (size_t i = 0; i < shifts.size(); ++i) {
    if (axis.taps[i].used) {
      axis.first = any ? std::min(axis.first, shifts[i]) : shifts[i];
      any = true;
    }
  }
  for (size_t i = 0; i < shifts.size(); ++i) {
    Tap& tap = axis.taps[i];
    if (!tap.used) {
      continue;
    }
    const int64_t distance = shifts[i] - axis.first;
    const auto plane = std::ranges::find(axis.planes, distance % axis.input_step);
    tap.plane = plane - axis.planes.begin();
    tap.offset = distance / axis.input_step;
    if (plane == axis.planes.end()) {
      axis.planes.push_back(distance % axis.input_step);
    }
    axis.reach = std::max(axis.reach, tap.offset);
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
    axis.taps.push_back({.used = true});
    shifts.push_back(i * geometry.dilation - geometry.padding);
  }
  place_taps(axis, shifts);
  return axis;
}

/// An axis of dX, without phases.
Axis backward_axis(int64_t output, int64_t kernel, const ConvolutionGeometry& geometry) {
  Axis axis;
  axis.input_extent = output;
  axis.output_step = geometry.stride;
  axis.taps.resize(static_cast<size_t>(kernel));
  return axis;
}

/// Adds positions first, first + stride, ... of dX.
void add_phase(Axis& axis, int64_t input, int64_t first) {
  axis.phases.push_back({first, (input - first + axis.output_step - 1) / axis.output_step});
  axis.count = std::max(axis.count, axis.phases.back().count);
}

/// The phases that taps reach: position first + stride*i meets kernel index r where
/// stride * z = first + stride*i + padding - r*dilation has a whole solution z, the position in dZ.
Axis backward_axis_with_taps(int64_t input, int64_t output, int64_t kernel, const ConvolutionGeometry& geometry) {
  Axis axis = backward_axis(output, kernel, geometry);
  std::vector<int64_t> shifts(axis.taps.size());
  for (int64_t first = 0; first < std::min(geometry.stride, input); ++first) {
    bool reached = false;
    for (size_t i = 0; i < shifts.size(); ++i) {
      const int64_t distance = first + geometry.padding - static_cast<int64_t>(i) * geometry.dilation;
      if (distance % geometry.stride == 0) {
        axis.taps[i] = {.used = true, .phase = static_cast<int64_t>(axis.phases.size())};
        shifts[i] = distance / geometry.stride;
        reached = true;
      }
    }
    if (reached) {
      add_phase(axis, input, first);
    }
  }
  place_taps(axis, shifts);
  return axis;
}

Axis backward_axis_without_taps(int64_t input, int64_t output, int64_t kernel, int64_t first,
                                const ConvolutionGeometry& geometry) {
  Axis axis = backward_axis(output, kernel, geometry);
  add_phase(axis, input, first);
  return axis;
}

bool has_phase(const Axis& axis, int64_t first) {
  return std::ranges::find(axis.phases, first, &OutputPhase::first) != axis.phases.end();
}

}  // namespace

int64_t Axis::used_taps() const {
  return std::count_if(taps.begin(), taps.end(), [](const Tap& tap) { return tap.used; });
}

ConvolutionPass forward_pass(const ConvolutionGeometry& geometry) {
  return {forward_axis(geometry.h, geometry.p(), geometry.r, geometry),
          forward_axis(geometry.w, geometry.q(), geometry.s, geometry)};
}

std::vector<ConvolutionPass> backward_passes(const ConvolutionGeometry& geometry) {
  const ConvolutionPass all{backward_axis_with_taps(geometry.h, geometry.p(), geometry.r, geometry),
                            backward_axis_with_taps(geometry.w, geometry.q(), geometry.s, geometry)};
  std::vector<ConvolutionPass> passes;
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
