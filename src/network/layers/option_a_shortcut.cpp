#include "network/layers/option_a_shortcut.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "network/layers/require_inputs.h"

namespace trainer::layers {

OptionAShortcut::OptionAShortcut(const OptionAOptions& options) : options_(options) {
  if (options.out_channels < 1 || options.stride < 1) {
    throw UsageError(fmt::format("option-A shortcut to {} channels with stride {}: both must be at least 1",
                                 options.out_channels, options.stride));
  }
}

Shape OptionAShortcut::output_shape(std::span<const Shape> inputs) const {
  require_inputs(kind(), inputs, 1);
  const Shape& X = inputs[0];
  if (X.c > options_.out_channels) {
    throw UsageError(fmt::format("an option-A shortcut to {} channels cannot drop channels of its input {}",
                                 options_.out_channels, to_string(X)));
  }
  const int64_t stride = options_.stride;
  return {X.n, options_.out_channels, (X.h + stride - 1) / stride, (X.w + stride - 1) / stride};
}

void OptionAShortcut::plan(int /*index*/, const std::string& /*name*/, std::span<const Shape> inputs,
                           KernelPath /*path*/) {
  channels_before_ = (options_.out_channels - inputs[0].c) / 2;
}

void OptionAShortcut::feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool /*training*/,
                                  StepHook* /*hook*/) {
  const Tensor& X = *inputs[0];
  const Shape& shape = output.shape();
  parallel_for(shape.c, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t c = k - channels_before_;
      if (c < 0 || c >= X.shape().c) {
        std::fill_n(output.channel(k), shape.channel_size(), 0.0F);
        continue;
      }
      for (int64_t p = 0; p < shape.h; ++p) {
        for (int64_t q = 0; q < shape.w; ++q) {
          std::copy_n(X.data() + X.index(0, c, p * options_.stride, q * options_.stride), shape.n,
                      output.data() + output.index(0, k, p, q));
        }
      }
    }
  });
}

void OptionAShortcut::backpropagate(const BackwardView& view, StepHook* /*hook*/) {
  if (view.dinputs[0] == nullptr) {
    return;
  }
  Tensor& dX = *view.dinputs[0];
  const Tensor& dY = view.doutput;
  const Shape& shape = dY.shape();
  parallel_for(dX.shape().c, 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      std::fill_n(dX.channel(c), dX.shape().channel_size(), 0.0F);
      for (int64_t p = 0; p < shape.h; ++p) {
        for (int64_t q = 0; q < shape.w; ++q) {
          std::copy_n(dY.data() + dY.index(0, c + channels_before_, p, q), shape.n,
                      dX.data() + dX.index(0, c, p * options_.stride, q * options_.stride));
        }
      }
    }
  });
}

}  // namespace trainer::layers
