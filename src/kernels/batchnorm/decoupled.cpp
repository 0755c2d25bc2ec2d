#include "kernels/batchnorm/decoupled.h"

#include <cassert>

#include "kernels/batchnorm/channel_formulas.h"

namespace trainer {

using batchnorm::channel_of;

namespace {

/// moments_of(first value of channel c, c) for every channel.
template <class Value, class MomentsOf>
void take_each(const Tensor& Z, ChannelMoments moments, const MomentsOf& moments_of) {
  batchnorm::for_each_channel(Z.shape(), [&](int64_t c) {
    const auto at = static_cast<size_t>(c);
    const batchnorm::Moments of_channel = moments_of(channel_of<Value>(Z, c), at);
    moments.mean[at] = static_cast<float>(of_channel.mean);
    moments.variance[at] = static_cast<float>(of_channel.variance);
  });
}

}  // namespace

void take_moments(const Tensor& Z, std::span<const float> shift, std::span<const batchnorm::Sums> sums,
                  ChannelMoments moments) {
  const auto count = static_cast<size_t>(Z.shape().channel_size());
  with_value_type(Z.format(), [&](auto value) {
    take_each<decltype(value)>(
        Z, moments, [&](const auto* z, size_t c) { return batchnorm::moments_of(z, count, shift[c], sums[c]); });
  });
}

void take_moments(const Tensor& Z, std::span<const float> shift, ChannelMoments moments) {
  const auto count = static_cast<size_t>(Z.shape().channel_size());
  with_value_type(Z.format(), [&](auto value) {
    take_each<decltype(value)>(Z, moments,
                               [&](const auto* z, size_t c) { return batchnorm::moments_of(z, count, shift[c]); });
  });
}

void take_scales(std::span<const float> gamma, std::span<const float> variance, float epsilon,
                 std::span<float> scales) {
  for (size_t c = 0; c < scales.size(); ++c) {
    scales[c] = batchnorm::scale_of(gamma[c], variance[c], static_cast<double>(epsilon));
  }
}

void apply_map(const InputMap& map, const Tensor& Z, Tensor& A) {
  assert(A.shape() == Z.shape() && A.format() == Z.format());
  const auto count = static_cast<size_t>(Z.shape().channel_size());
  with_value_type(Z.format(), [&](auto value) {
    using Value = decltype(value);
    const auto& kernels = batchnorm::channel_kernels<Value>();
    batchnorm::for_each_channel(Z.shape(), [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      const Value* z = channel_of<Value>(Z, c);
      Value* a = channel_of<Value>(A, c);
      if (map.rectify) {
        kernels.scale_offset_rectify(z, nullptr, count, map.mean[at], map.scale[at], map.offset[at], map.ceiling, a);
      } else {
        kernels.scale_and_offset(z, count, map.mean[at], map.scale[at], map.offset[at], a);
      }
    });
  });
}

}  // namespace trainer
