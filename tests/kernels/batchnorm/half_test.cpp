// FP16 tensors must give what the highway path gives on FP32 copies of them, rounded once: bit for bit.

#include <gtest/gtest.h>

#include "kernels/batchnorm/batchnorm_case.h"
#include "kernels/batchnorm/rectified.h"
#include "kernels/elementwise/convert.h"

namespace trainer {
namespace {

using testing_support::awkward_shapes;
using testing_support::BatchNormCase;
using testing_support::random_batchnorm;
using testing_support::random_tensor;

Tensor in(Format format, const Tensor& tensor) {
  Tensor result(tensor.shape(), format);
  convert(tensor, result);
  return result;
}

/// FP16 values of a tensor as floats, NaN made comparable.
std::vector<uint16_t> bits(const Tensor& tensor) {
  const Tensor halves = in(Format::fp16, tensor);
  std::vector<uint16_t> result;
  for (int64_t i = 0; i < halves.size(); ++i) {
    result.push_back(halves.elements().as<Half>()[i].bits);
  }
  return result;
}

struct Outcome {
  std::vector<std::vector<uint16_t>> tensors;
  std::vector<std::vector<float>> channels;

  bool operator==(const Outcome&) const = default;
};

Outcome run(const BatchNormCase& test, const Tensor& shortcut, Ceiling ceiling, Format format) {
  const Shape& shape = test.Z.shape();
  const Tensor Z = in(format, test.Z);
  const Tensor dY = in(format, test.dY);
  const Tensor S = in(format, shortcut);
  std::vector<float> mean(test.gamma.size());
  std::vector<float> variance(test.gamma.size());
  std::vector<float> dgamma(test.gamma.size());
  std::vector<float> dbeta(test.gamma.size());
  Outcome outcome;
  const auto keep = [&](std::initializer_list<const Tensor*> tensors) {
    for (const Tensor* tensor : tensors) {
      outcome.tensors.push_back(bits(*tensor));
    }
    for (const auto& values : {mean, variance, dgamma, dbeta}) {
      outcome.channels.push_back(values);
    }
  };

  Tensor Y(shape, format);
  Tensor dZ(shape, format);
  const auto plain = make_batchnorm(KernelPath::highway, shape, test.epsilon);
  plain->feedforward(Z, test.gamma, test.beta, test.shift, {mean, variance}, Y);
  plain->backpropagate(dY, Z, test.gamma, mean, variance, dZ, dgamma, dbeta);
  keep({&Y, &dZ});
  plain->normalise(Z, test.gamma, test.beta, test.shift, test.gamma, Y);
  keep({&Y});

  const RectifiedBatchNorm rectified(shape, test.epsilon);
  rectified.feedforward(Z, test.gamma, test.beta, test.shift, {mean, variance}, nullptr, ceiling, Y);
  rectified.backpropagate(dY, Z, test.gamma, test.beta, mean, variance, ceiling, dZ, dgamma, dbeta);
  keep({&Y, &dZ});
  rectified.normalise(Z, test.gamma, test.beta, test.shift, test.gamma, &S, ceiling, Y);
  keep({&Y});
  rectified.feedforward(Z, test.gamma, test.beta, test.shift, {mean, variance}, &S, ceiling, Y);
  // The mask comes from the stored A: both runs get the FP16 one, so that what vanishes there vanishes in both.
  const Tensor A = in(format, in(Format::fp16, Y));
  Tensor dA = dY.clone();
  rectified.backpropagate_with_shortcut(dA, A, Z, test.gamma, mean, variance, ceiling, dZ, dgamma, dbeta);
  keep({&Y, &dA, &dZ});
  return outcome;
}

TEST(HalfBatchNorm, EqualsFp32RoundedOnceOnEveryTarget) {
  Random random(6);
  for (const Shape& shape : awkward_shapes()) {
    BatchNormCase test = random_batchnorm(shape, random);
    test.Z = in(Format::fp32, in(Format::fp16, test.Z));
    test.dY = in(Format::fp32, in(Format::fp16, test.dY));
    const Tensor shortcut = in(Format::fp32, in(Format::fp16, random_tensor(shape, random)));
    testing_support::for_each_highway_target([&](const std::string& target) {
      for (const Ceiling ceiling : {Ceiling(), Ceiling(1.25F)}) {
        EXPECT_EQ(run(test, shortcut, ceiling, Format::fp16), run(test, shortcut, ceiling, Format::fp32))
            << target << " " << to_string(shape);
      }
    });
  }
}

}  // namespace
}  // namespace trainer
