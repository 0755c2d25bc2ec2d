#include <cassert>
#include <cmath>

#include "base/parallel.h"
#include "kernels/batchnorm/highway_channel.h"
#include "kernels/batchnorm/implementations.h"
#include "kernels/elementwise/pieces.h"

namespace trainer::batchnorm {
namespace {

struct Moments {
  double mean;
  double variance;
};

Moments from_sums(const Sums& sums, double count, float shift) {
  const double distance = sums.first / count;
  const double variance = sums.second / count - distance * distance;
  return {static_cast<double>(shift) + distance, variance < 0 ? 0 : variance};  // rounding only; a NaN must stay
}

/// FP32 sums of squares lose 1 + (mean - shift)^2 / variance in relative precision. Where the shift turns out to be
/// more than two standard deviations off (the first steps, before the running mean has settled), the sums are taken
/// again around the mean just found.
Moments moments_of(const float* z, size_t count, float shift) {
  const auto m = static_cast<double>(count);
  const Moments moments = from_sums(shifted_sums(z, count, shift), m, shift);
  const double distance = moments.mean - static_cast<double>(shift);
  if (distance * distance > 4 * moments.variance) {
    const auto near_mean = static_cast<float>(moments.mean);
    return from_sums(shifted_sums(z, count, near_mean), m, near_mean);
  }
  return moments;
}

class Highway : public BatchNorm {
 public:
  Highway(const Shape& shape, float epsilon) : shape_(shape), epsilon_(static_cast<double>(epsilon)) {}

  void feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                   std::span<const float> shift, ChannelMoments moments, Tensor& Y) override {
    assert(Z.shape() == shape_ && Y.shape() == shape_);
    for_each_channel([&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      const auto count = static_cast<size_t>(shape_.channel_size());
      const Moments of_channel = moments_of(Z.channel(c), count, shift[at]);
      moments.mean[at] = static_cast<float>(of_channel.mean);
      moments.variance[at] = static_cast<float>(of_channel.variance);
      normalise_channel(Z, gamma[at], beta[at], moments.mean[at], moments.variance[at], c, Y);
    });
  }

  void normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                 std::span<const float> mean, std::span<const float> variance, Tensor& Y) override {
    assert(Z.shape() == shape_ && Y.shape() == shape_);
    for_each_channel([&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      normalise_channel(Z, gamma[at], beta[at], mean[at], variance[at], c, Y);
    });
  }

  // With r = 1/sqrt(variance + epsilon), S1 = sum(dY), S2 = sum(dY * (Z - mean)):
  //   dbeta = S1, dgamma = r*S2, dZ = a*dY + b*(Z - mean) + c, a = gamma*r, b = -a*r^2*S2/m, c = -a*S1/m.
  void backpropagate(const Tensor& dY, const Tensor& Z, std::span<const float> gamma, std::span<const float> mean,
                     std::span<const float> variance, Tensor& dZ, std::span<float> dgamma,
                     std::span<float> dbeta) override {
    assert(dY.shape() == shape_ && Z.shape() == shape_ && dZ.shape() == shape_);
    const auto count = static_cast<size_t>(shape_.channel_size());
    const auto m = static_cast<double>(count);
    for_each_channel([&](int64_t channel) {
      const auto at = static_cast<size_t>(channel);
      const Sums sums = gradient_sums(dY.channel(channel), Z.channel(channel), count, mean[at]);
      const double r = reciprocal_deviation(variance[at]);
      dbeta[at] = static_cast<float>(sums.first);
      dgamma[at] = static_cast<float>(r * sums.second);
      const double a = static_cast<double>(gamma[at]) * r;
      const double b = -a * r * r * sums.second / m;
      const double c = -a * sums.first / m;
      combine(dY.channel(channel), Z.channel(channel), count, mean[at], static_cast<float>(a), static_cast<float>(b),
              static_cast<float>(c), dZ.channel(channel));
    });
  }

 private:
  template <typename Body>
  void for_each_channel(const Body& body) const {
    parallel_for(shape_.c, channels_per_piece(shape_.channel_size()), [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        body(c);
      }
    });
  }

  double reciprocal_deviation(float variance) const { return 1 / std::sqrt(static_cast<double>(variance) + epsilon_); }

  void normalise_channel(const Tensor& Z, float gamma, float beta, float mean, float variance, int64_t c,
                         Tensor& Y) const {
    const double scale = static_cast<double>(gamma) * reciprocal_deviation(variance);
    scale_and_offset(Z.channel(c), static_cast<size_t>(shape_.channel_size()), mean, static_cast<float>(scale), beta,
                     Y.channel(c));
  }

  Shape shape_;
  double epsilon_;
};

}  // namespace

std::unique_ptr<BatchNorm> make_highway(const Shape& shape, float epsilon) {
  return std::make_unique<Highway>(shape, epsilon);
}

}  // namespace trainer::batchnorm
