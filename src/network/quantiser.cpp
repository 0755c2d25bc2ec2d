#include "network/quantiser.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "kernels/elementwise/round_values.h"

namespace trainer {

Quantiser::Quantiser(const Precision& precision, size_t nodes)
    : precision_(precision), nodes_(nodes), scales_(1 + 2 * nodes), history_(scales_.size() * kHistory, 0.0F) {}

void Quantiser::round_images(const Tensor& images, bool training, Tensor& rounded) {
  round(0, precision_.forward, training, images.values(), rounded.values());
}

void Quantiser::round_output(size_t node, bool training, Tensor& output) {
  round(1 + node, precision_.forward, training, output.values(), output.values());
}

void Quantiser::round_gradient(size_t node, Tensor& gradient) {
  const float largest = round(1 + nodes_ + node, precision_.gradient, true, gradient.values(), gradient.values());
  const ScaledFormat widest = {precision_.gradient, largest_scale(precision_.gradient)};
  if (!(largest <= widest.largest())) {  // NaN too
    overflowed_ = true;
  }
}

float Quantiser::round(size_t tensor, const FloatFormat& format, bool record, std::span<const float> from,
                       std::span<float> to) {
  Scale& scale = scales_[tensor];
  const float reach = scale.delayed > 0 ? scale.delayed : largest_magnitude(from);
  const ScaledFormat scaled = scaled_for(format, reach);
  scale.exponent = scaled.scale;
  const float largest = round_values(scaled, Overflow::saturate, from, to);
  if (record && std::isfinite(largest)) {
    scale.present = std::max(scale.present, largest);
  }
  return largest;
}

void Quantiser::step_done(bool overflowed) {
  for (size_t tensor = 0; tensor < scales_.size(); ++tensor) {
    Scale& scale = scales_[tensor];
    if (!overflowed) {
      const auto history = std::span(history_).subspan(tensor * kHistory, kHistory);
      std::shift_right(history.begin(), history.end(), 1);
      history.front() = scale.present;
      scale.delayed = std::ranges::max(history);
    }
    scale.present = 0;
  }
  overflowed_ = false;
}

void Quantiser::restore(std::span<const float> history) {
  assert(history.size() == history_.size());
  std::ranges::copy(history, history_.begin());
  for (size_t tensor = 0; tensor < scales_.size(); ++tensor) {
    scales_[tensor] = {std::ranges::max(history.subspan(tensor * kHistory, kHistory))};
  }
  overflowed_ = false;
}

}  // namespace trainer
