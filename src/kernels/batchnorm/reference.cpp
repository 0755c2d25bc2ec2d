#include <cassert>
#include <cmath>

#include "kernels/batchnorm/implementations.h"

namespace trainer::batchnorm {
namespace {

class Reference : public BatchNorm {
 public:
  Reference(const Shape& shape, float epsilon) : shape_(shape), epsilon_(static_cast<double>(epsilon)) {}

  void feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                   std::span<const float> /*shift*/, ChannelMoments moments, Tensor& Y) override {
    assert(Z.shape() == shape_);
    const int64_t m = shape_.channel_size();
    for (int64_t c = 0; c < shape_.c; ++c) {
      const float* z = Z.channel(c);
      double sum = 0;
      for (int64_t i = 0; i < m; ++i) {
        sum += z[i];
      }
      const double mean = sum / static_cast<double>(m);
      double squares = 0;
      for (int64_t i = 0; i < m; ++i) {
        squares += (z[i] - mean) * (z[i] - mean);
      }
      moments.mean[static_cast<size_t>(c)] = static_cast<float>(mean);
      moments.variance[static_cast<size_t>(c)] = static_cast<float>(squares / static_cast<double>(m));
    }
    normalise(Z, gamma, beta, moments.mean, moments.variance, Y);
  }

  void normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                 std::span<const float> mean, std::span<const float> variance, Tensor& Y) override {
    assert(Z.shape() == shape_ && Y.shape() == shape_);
    for (int64_t c = 0; c < shape_.c; ++c) {
      const auto at = static_cast<size_t>(c);
      const double r = 1 / std::sqrt(variance[at] + epsilon_);
      for (int64_t i = 0; i < shape_.channel_size(); ++i) {
        const double xhat = (static_cast<double>(Z.channel(c)[i]) - mean[at]) * r;
        Y.channel(c)[i] = static_cast<float>(gamma[at] * xhat + beta[at]);
      }
    }
  }

  /// dZ = gamma * r / m * (m * dY - sum(dY) - xhat * sum(dY * xhat)), Ioffe & Szegedy 2015, section 3.
  void backpropagate(const Tensor& dY, const Tensor& Z, std::span<const float> gamma, std::span<const float> mean,
                     std::span<const float> variance, Tensor& dZ, std::span<float> dgamma,
                     std::span<float> dbeta) override {
    assert(dY.shape() == shape_ && Z.shape() == shape_ && dZ.shape() == shape_);
    const auto m = static_cast<double>(shape_.channel_size());
    for (int64_t c = 0; c < shape_.c; ++c) {
      const auto at = static_cast<size_t>(c);
      const double r = 1 / std::sqrt(variance[at] + epsilon_);
      const auto xhat = [&](int64_t i) { return (static_cast<double>(Z.channel(c)[i]) - mean[at]) * r; };
      double sum = 0;
      double product = 0;
      for (int64_t i = 0; i < shape_.channel_size(); ++i) {
        const double dy = dY.channel(c)[i];
        sum += dy;
        product += dy * xhat(i);
      }
      dbeta[at] = static_cast<float>(sum);
      dgamma[at] = static_cast<float>(product);
      for (int64_t i = 0; i < shape_.channel_size(); ++i) {
        const double dy = dY.channel(c)[i];
        dZ.channel(c)[i] = static_cast<float>(gamma[at] * r / m * (m * dy - sum - xhat(i) * product));
      }
    }
  }

 private:
  Shape shape_;
  double epsilon_;
};

}  // namespace

std::unique_ptr<BatchNorm> make_reference(const Shape& shape, float epsilon) {
  return std::make_unique<Reference>(shape, epsilon);
}

}  // namespace trainer::batchnorm
