#include "kernels/batchnorm/rectified.h"

#include <cassert>

#include "kernels/batchnorm/channel_formulas.h"

namespace trainer {

using batchnorm::channel_of;
using batchnorm::for_each_channel;
using batchnorm::gradient_formula;
using batchnorm::GradientFormula;
using batchnorm::scale_of;
using batchnorm::Sums;

namespace {

template <class Value>
const Value* channel_or_null(const Tensor* tensor, int64_t channel) {
  return tensor == nullptr ? nullptr : channel_of<Value>(*tensor, channel);
}

float cut_at(Ceiling ceiling) { return ceiling.value_or(batchnorm::kNotCut); }

}  // namespace

RectifiedBatchNorm::RectifiedBatchNorm(const Shape& shape, float epsilon)
    : shape_(shape), epsilon_(static_cast<double>(epsilon)) {}

void RectifiedBatchNorm::feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                                     std::span<const float> shift, ChannelMoments moments, const Tensor* shortcut,
                                     Ceiling ceiling, Tensor& A) const {
  assert(fits(Z) && A.format() == Z.format() && fits(A) && (shortcut == nullptr || fits(*shortcut)));
  const auto count = static_cast<size_t>(shape_.channel_size());
  with_value_type(Z.format(), [&](auto value) {
    using Value = decltype(value);
    const auto& kernels = batchnorm::channel_kernels<Value>();
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      const Value* z = channel_of<Value>(Z, c);
      const batchnorm::Moments of_channel = batchnorm::moments_of(z, count, shift[at]);
      moments.mean[at] = static_cast<float>(of_channel.mean);
      moments.variance[at] = static_cast<float>(of_channel.variance);
      kernels.scale_offset_rectify(z, channel_or_null<Value>(shortcut, c), count, moments.mean[at],
                                   scale_of(gamma[at], moments.variance[at], epsilon_), beta[at], cut_at(ceiling),
                                   channel_of<Value>(A, c));
    });
  });
}

void RectifiedBatchNorm::normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                                   std::span<const float> mean, std::span<const float> variance, const Tensor* shortcut,
                                   Ceiling ceiling, Tensor& A) const {
  assert(fits(Z) && A.format() == Z.format() && fits(A) && (shortcut == nullptr || fits(*shortcut)));
  const auto count = static_cast<size_t>(shape_.channel_size());
  with_value_type(Z.format(), [&](auto value) {
    using Value = decltype(value);
    const auto& kernels = batchnorm::channel_kernels<Value>();
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      kernels.scale_offset_rectify(channel_of<Value>(Z, c), channel_or_null<Value>(shortcut, c), count, mean[at],
                                   scale_of(gamma[at], variance[at], epsilon_), beta[at], cut_at(ceiling),
                                   channel_of<Value>(A, c));
    });
  });
}

void RectifiedBatchNorm::backpropagate(const Tensor& dA, const Tensor& Z, std::span<const float> gamma,
                                       std::span<const float> beta, std::span<const float> mean,
                                       std::span<const float> variance, Ceiling ceiling, Tensor& dZ,
                                       std::span<float> dgamma, std::span<float> dbeta) const {
  assert(fits(dA) && fits(Z) && fits(dZ) && dA.format() == Z.format() && dZ.format() == Z.format());
  const auto count = static_cast<size_t>(shape_.channel_size());
  with_value_type(Z.format(), [&](auto value) {
    using Value = decltype(value);
    const auto& kernels = batchnorm::channel_kernels<Value>();
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      const Value* da = channel_of<Value>(dA, c);
      const Value* z = channel_of<Value>(Z, c);
      const float scale = scale_of(gamma[at], variance[at], epsilon_);
      const Sums sums = kernels.active_gradient_sums(da, z, count, mean[at], scale, beta[at], cut_at(ceiling));
      const GradientFormula formula = gradient_formula(sums, count, gamma[at], variance[at], epsilon_);
      dgamma[at] = formula.dgamma;
      dbeta[at] = formula.dbeta;
      kernels.combine_active(da, z, count, mean[at], scale, beta[at], cut_at(ceiling), formula.a, formula.b, formula.c,
                             channel_of<Value>(dZ, c));
    });
  });
}

void RectifiedBatchNorm::backpropagate_with_shortcut(Tensor& dA, const Tensor& A, const Tensor& Z,
                                                     std::span<const float> gamma, std::span<const float> mean,
                                                     std::span<const float> variance, Ceiling ceiling, Tensor& dZ,
                                                     std::span<float> dgamma, std::span<float> dbeta) const {
  assert(fits(dA) && fits(A) && fits(Z) && fits(dZ));
  assert(dA.format() == Z.format() && A.format() == Z.format() && dZ.format() == Z.format());
  const auto count = static_cast<size_t>(shape_.channel_size());
  with_value_type(Z.format(), [&](auto value) {
    using Value = decltype(value);
    const auto& kernels = batchnorm::channel_kernels<Value>();
    for_each_channel(shape_, [&](int64_t c) {
      const auto at = static_cast<size_t>(c);
      Value* da = channel_of<Value>(dA, c);
      const Value* z = channel_of<Value>(Z, c);
      const Sums sums = kernels.mask_and_sum(da, channel_of<Value>(A, c), z, count, mean[at], cut_at(ceiling));
      const GradientFormula formula = gradient_formula(sums, count, gamma[at], variance[at], epsilon_);
      dgamma[at] = formula.dgamma;
      dbeta[at] = formula.dbeta;
      kernels.combine(da, z, count, mean[at], formula.a, formula.b, formula.c, channel_of<Value>(dZ, c));
    });
  });
}

}  // namespace trainer
