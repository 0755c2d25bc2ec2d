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

template <class Value>
class OfValues {
 public:
  OfValues(const Shape& shape, double epsilon)
      : shape_(shape), count_(static_cast<size_t>(shape.channel_size())), epsilon_(epsilon) {}

  void feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                   std::span<const float> shift, ChannelMoments moments, Tensor& Y) const {
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      const Moments of_channel = moments_of(channel_of<Value>(Z, c), count_, shift[at]);
      moments.mean[at] = static_cast<float>(of_channel.mean);
      moments.variance[at] = static_cast<float>(of_channel.variance);
      normalise_channel(Z, gamma[at], beta[at], moments.mean[at], moments.variance[at], c, Y);
    });
  }

  void normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                 std::span<const float> mean, std::span<const float> variance, Tensor& Y) const {
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      normalise_channel(Z, gamma[at], beta[at], mean[at], variance[at], c, Y);
    });
  }

  void backpropagate(const Tensor& dY, const Tensor& Z, std::span<const float> gamma, std::span<const float> mean,
                     std::span<const float> variance, Tensor& dZ, std::span<float> dgamma,
                     std::span<float> dbeta) const {
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      const Value* dy = channel_of<Value>(dY, c);
      const Value* z = channel_of<Value>(Z, c);
      const Sums sums = kernels_.gradient_sums(dy, z, count_, mean[at]);
      const GradientFormula formula = gradient_formula(sums, count_, gamma[at], variance[at], epsilon_);
      dgamma[at] = formula.dgamma;
      dbeta[at] = formula.dbeta;
      kernels_.combine(dy, z, count_, mean[at], formula.a, formula.b, formula.c, channel_of<Value>(dZ, c));
    });
  }

 private:
  void normalise_channel(const Tensor& Z, float gamma, float beta, float mean, float variance, int64_t c,
                         Tensor& Y) const {
    kernels_.scale_and_offset(channel_of<Value>(Z, c), count_, mean, scale_of(gamma, variance, epsilon_), beta,
                              channel_of<Value>(Y, c));
  }

  const Shape& shape_;
  size_t count_;
  double epsilon_;
  const ChannelKernels<Value>& kernels_ = channel_kernels<Value>();
};

class Highway : public BatchNorm {
 public:
  Highway(const Shape& shape, float epsilon) : shape_(shape), epsilon_(static_cast<double>(epsilon)) {}

  void feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                   std::span<const float> shift, ChannelMoments moments, Tensor& Y) override {
    assert(Z.shape() == shape_ && Y.shape() == shape_ && Y.format() == Z.format());
    with_value_type(Z.format(), [&](auto value) {
      OfValues<decltype(value)>(shape_, epsilon_).feedforward(Z, gamma, beta, shift, moments, Y);
    });
  }

  void normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                 std::span<const float> mean, std::span<const float> variance, Tensor& Y) override {
    assert(Z.shape() == shape_ && Y.shape() == shape_ && Y.format() == Z.format());
    with_value_type(Z.format(), [&](auto value) {
      OfValues<decltype(value)>(shape_, epsilon_).normalise(Z, gamma, beta, mean, variance, Y);
    });
  }

  void backpropagate(const Tensor& dY, const Tensor& Z, std::span<const float> gamma, std::span<const float> mean,
                     std::span<const float> variance, Tensor& dZ, std::span<float> dgamma,
                     std::span<float> dbeta) override {
    assert(dY.shape() == shape_ && Z.shape() == shape_ && dZ.shape() == shape_);
    assert(dY.format() == Z.format() && dZ.format() == Z.format());
    with_value_type(Z.format(), [&](auto value) {
      OfValues<decltype(value)>(shape_, epsilon_).backpropagate(dY, Z, gamma, mean, variance, dZ, dgamma, dbeta);
    });
  }

 private:
  Shape shape_;
  double epsilon_;
};

}  // namespace

template <class Value>
Moments moments_of(const Value* z, size_t count, float shift, const Sums& sums) {
  const auto m = static_cast<double>(count);
  const Moments moments = from_sums(sums, m, shift);
  const double distance = moments.mean - static_cast<double>(shift);
  if (distance * distance > 4 * moments.variance) {
    const auto near_mean = static_cast<float>(moments.mean);
    return from_sums(channel_kernels<Value>().shifted_sums(z, count, near_mean), m, near_mean);
  }
  return moments;
}

template <class Value>
Moments moments_of(const Value* z, size_t count, float shift) {
  return moments_of(z, count, shift, channel_kernels<Value>().shifted_sums(z, count, shift));
}

template Moments moments_of(const float* z, size_t count, float shift);
template Moments moments_of(const Half* z, size_t count, float shift);
template Moments moments_of(const float* z, size_t count, float shift, const Sums& sums);
template Moments moments_of(const Half* z, size_t count, float shift, const Sums& sums);

std::unique_ptr<BatchNorm> make_highway(const Shape& shape, float epsilon) {
  return std::make_unique<Highway>(shape, epsilon);
}

}  // namespace trainer::batchnorm
