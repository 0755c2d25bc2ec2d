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
    axis.taps[i] = {true, plane - axis.planes.begin(), distance / axis.input_step};
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
  std::vector<int64_t> shifts;
  for (int64_t i = 0; i < kernel; ++i) {
    shifts.push_back(i * geometry.dilation - geometry.padding);
  }
  place_taps(axis, shifts, std::vector<bool>(shifts.size(), true));
  return axis;
}

/// Positions phase, phase + stride, ... of dX: position phase + stride*i meets kernel index r where
/// stride * z = phase + stride*i + padding - r*dilation has a whole solution z, the position in dZ.
Axis backward_axis(int64_t input, int64_t output, int64_t kernel, int64_t phase, const ConvolutionGeometry& geometry) {
  Axis axis;
  axis.input_extent = output;
  axis.count = input > phase ? (input - phase + geometry.stride - 1) / geometry.stride : 0;
  axis.output_step = geometry.stride;
  axis.output_phase = phase;
  std::vector<int64_t> shifts;
  std::vector<bool> used;
  for (int64_t i = 0; i < kernel; ++i) {
    const int64_t distance = phase + geometry.padding - i * geometry.dilation;
    used.push_back(distance % geometry.stride == 0);
    shifts.push_back(distance / geometry.stride);
  }
  place_taps(axis, shifts, used);
  return axis;
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
  std::vector<Pass> passes;
  for (int64_t y = 0; y < std::min(geometry.stride, geometry.h); ++y) {
    for (int64_t x = 0; x < std::min(geometry.stride, geometry.w); ++x) {
      Pass pass{backward_axis(geometry.h, geometry.p(), geometry.r, y, geometry),
                backward_axis(geometry.w, geometry.q(), geometry.s, x, geometry)};
      if (pass.rows.count > 0 && pass.columns.count > 0) {
        passes.push_back(std::move(pass));
      }
    }
  }
  return passes;
}

}  // namespace trainer
