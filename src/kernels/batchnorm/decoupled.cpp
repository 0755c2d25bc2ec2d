#include "kernels/batchnorm/decoupled.h"

#include "kernels/batchnorm/channel_formulas.h"

namespace trainer {

void take_moments(const Tensor& Z, std::span<const float> shift, std::span<const batchnorm::Sums> sums,
                  ChannelMoments moments) {
  const auto count = static_cast<size_t>(Z.shape().channel_size());
  with_value_type(Z.format(), [&](auto value) {
    using Value = decltype(value);
    batchnorm::for_each_channel(Z.shape(), [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      const batchnorm::Moments of_channel =
          batchnorm::moments_of(batchnorm::channel_of<Value>(Z, c), count, shift[at], sums[at]);
      moments.mean[at] = static_cast<float>(of_channel.mean);
      moments.variance[at] = static_cast<float>(of_channel.variance);
    });
  });
}

}  // namespace trainer
