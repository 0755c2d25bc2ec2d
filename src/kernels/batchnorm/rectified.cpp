#include "kernels/batchnorm/rectified.h"

#include <cassert>

#include "kernels/batchnorm/channel_formulas.h"

namespace trainer {

using batchnorm::for_each_channel;
using batchnorm::gradient_formula;
using batchnorm::GradientFormula;
using batchnorm::scale_of;
using batchnorm::Sums;

namespace {

const float* channel_or_null(const Tensor* tensor, int64_t channel) {
  return tensor == nullptr ? nullptr : tensor->channel(channel);
}

}  // namespace

RectifiedBatchNorm::RectifiedBatchNorm(const Shape& shape, float epsilon)
    : shape_(shape), epsilon_(static_cast<double>(epsilon)) {}

void RectifiedBatchNorm::feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                                     std::span<const float> shift, ChannelMoments moments, const Tensor* shortcut,
                                     Tensor& A) const {
  assert(Z.shape() == shape_ && A.shape() == shape_ && (shortcut == nullptr || shortcut->shape() == shape_));
  const auto count = static_cast<size_t>(shape_.channel_size());
  for_each_channel(shape_, [&](int64_t c) {
    const auto at = static_cast<size_t>(c);
    const batchnorm::Moments of_channel = batchnorm::moments_of(Z.channel(c), count, shift[at]);
    moments.mean[at] = static_cast<float>(of_channel.mean);
    moments.variance[at] = static_cast<float>(of_channel.variance);
    batchnorm::scale_offset_rectify(Z.channel(c), channel_or_null(shortcut, c), count, moments.mean[at],
                                    scale_of(gamma[at], moments.variance[at], epsilon_), beta[at], A.channel(c));
  });
}

void RectifiedBatchNorm::normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                                   std::span<const float> mean, std::span<const float> variance, const Tensor* shortcut,
                                   Tensor& A) const {
  assert(Z.shape() == shape_ && A.shape() == shape_ && (shortcut == nullptr || shortcut->shape() == shape_));
  const auto count = static_cast<size_t>(shape_.channel_size());
  for_each_channel(shape_, [&](int64_t c) {
    const auto at = static_cast<size_t>(c);
    batchnorm::scale_offset_rectify(Z.channel(c), channel_or_null(shortcut, c), count, mean[at],
                                    scale_of(gamma[at], variance[at], epsilon_), beta[at], A.channel(c));
  });
}

void RectifiedBatchNorm::backpropagate(const Tensor& dA, const Tensor& Z, std::span<const float> gamma,
                                       std::span<const float> beta, std::span<const float> mean,
                                       std::span<const float> variance, Tensor& dZ, std::span<float> dgamma,
                                       std::span<float> dbeta) const {
  assert(dA.shape() == shape_ && Z.shape() == shape_ && dZ.shape() == shape_);
  const auto count = static_cast<size_t>(shape_.channel_size());
  for_each_channel(shape_, [&](int64_t c) {
    const auto at = static_cast<size_t>(c);
    const float scale = scale_of(gamma[at], variance[at], epsilon_);
    const Sums sums = batchnorm::active_gradient_sums(dA.channel(c), Z.channel(c), count, mean[at], scale, beta[at]);
    const GradientFormula formula = gradient_formula(sums, count, gamma[at], variance[at], epsilon_);
    dgamma[at] = formula.dgamma;
    dbeta[at] = formula.dbeta;
    batchnorm::combine_active(dA.channel(c), Z.channel(c), count, mean[at], scale, beta[at], formula.a, formula.b,
                              formula.c, dZ.channel(c));
  });
}

void RectifiedBatchNorm::backpropagate_with_shortcut(Tensor& dA, const Tensor& A, const Tensor& Z,
                                                     std::span<const float> gamma, std::span<const float> mean,
                                                     std::span<const float> variance, Tensor& dZ,
                                                     std::span<float> dgamma, std::span<float> dbeta) const {
  assert(dA.shape() == shape_ && A.shape() == shape_ && Z.shape() == shape_ && dZ.shape() == shape_ &&
         dZ.data() != dA.data());
  const auto count = static_cast<size_t>(shape_.channel_size());
  for_each_channel(shape_, [&](int64_t c) {
    const auto at = static_cast<size_t>(c);
    const Sums sums = batchnorm::mask_and_sum(dA.channel(c), A.channel(c), Z.channel(c), count, mean[at]);
    const GradientFormula formula = gradient_formula(sums, count, gamma[at], variance[at], epsilon_);
    dgamma[at] = formula.dgamma;
    dbeta[at] = formula.dbeta;
    batchnorm::combine(dA.channel(c), Z.channel(c), count, mean[at], formula.a, formula.b, formula.c, dZ.channel(c));
  });
}

}  // namespace trainer
