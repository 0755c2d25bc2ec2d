#include <cassert>

#include "kernels/batchnorm/channel_formulas.h"
#include "kernels/batchnorm/implementations.h"

namespace trainer::batchnorm {
namespace {

Moments from_sums(const Sums& sums, double count, float shift) {
  const double distance = sums.first / count;
  const double variance = sums.second / count - distance * distance;
  return {static_cast<double>(shift) + distance, variance < 0 ? 0 : variance};  // rounding only; a NaN must stay
}

class Highway : public BatchNorm {
 public:
  Highway(const Shape& shape, float epsilon) : shape_(shape), epsilon_(static_cast<double>(epsilon)) {}

  void feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                   std::span<const float> shift, ChannelMoments moments, Tensor& Y) override {
    assert(Z.shape() == shape_ && Y.shape() == shape_);
    for_each_channel(shape_, [&](int64_t c) {
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
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      normalise_channel(Z, gamma[at], beta[at], mean[at], variance[at], c, Y);
    });
  }

  void backpropagate(const Tensor& dY, const Tensor& Z, std::span<const float> gamma, std::span<const float> mean,
                     std::span<const float> variance, Tensor& dZ, std::span<float> dgamma,
                     std::span<float> dbeta) override {
    assert(dY.shape() == shape_ && Z.shape() == shape_ && dZ.shape() == shape_);
    const auto count = static_cast<size_t>(shape_.channel_size());
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      const Sums sums = gradient_sums(dY.channel(c), Z.channel(c), count, mean[at]);
      const GradientFormula formula = gradient_formula(sums, count, gamma[at], variance[at], epsilon_);
      dgamma[at] = formula.dgamma;
      dbeta[at] = formula.dbeta;
      combine(dY.channel(c), Z.channel(c), count, mean[at], formula.a, formula.b, formula.c, dZ.channel(c));
    });
  }

 private:
  void normalise_channel(const Tensor& Z, float gamma, float beta, float mean, float variance, int64_t c,
                         Tensor& Y) const {
    scale_and_offset(Z.channel(c), static_cast<size_t>(shape_.channel_size()), mean,
                     scale_of(gamma, variance, epsilon_), beta, Y.channel(c));
  }

  Shape shape_;
  double epsilon_;
};

}  // namespace

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

std::unique_ptr<BatchNorm> make_highway(const Shape& shape, float epsilon) {
  return std::make_unique<Highway>(shape, epsilon);
}

}  // namespace trainer::batchnorm
