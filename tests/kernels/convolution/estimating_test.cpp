// An estimate is FF of operands by sign and exponent: the same bits as FF of copies of them, without subnormal ones.

#include "kernels/convolution/estimating.h"

#include <gtest/gtest.h>

#include "kernels/convolution/problem.h"
#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/exponent_only.h"

namespace trainer {
namespace {

TEST(EstimatingConvolution, IsFeedforwardOfExponents) {
  Random random(5);
  for (int i = 0; i < 60; ++i) {
    const std::string problem = i == 0 ? "n64c2k2g2h60r3p1" : testing::random_problem(random);  // of several tiles
    testing::Operands operands(parse_convolution_problem(problem), static_cast<uint64_t>(i));
    Tensor X(operands.X.shape(), i % 2 == 0 ? Format::fp32 : Format::fp16);
    convert(operands.X, X);
    Tensor exponents(X.shape());
    convert(X, exponents);
    const SmallestNormals smallest = i % 3 == 0 ? SmallestNormals{} : SmallestNormals{.X = 0.25F, .W = 0.0625F};
    exponent_only(exponents.values(), exponents.values(), smallest.X);
    std::vector<float> weights(operands.W.size());
    exponent_only(operands.W, weights, smallest.W);

    Tensor expected(operands.geometry.output());
    make_convolution(KernelPath::highway, operands.geometry)
        ->feedforward(exponents, {operands.pattern, weights}, expected);
    Tensor Zhat(operands.geometry.output());
    make_estimating_convolution(operands.geometry)->estimate(X, operands.weight(), smallest, Zhat);
    const auto same = [&](const Tensor& found, const Tensor& wanted) {
      for (size_t j = 0; j < wanted.values().size(); ++j) {
        ASSERT_EQ(found.values()[j], wanted.values()[j]) << problem << ' ' << j;
      }
    };
    same(Zhat, expected);

    const auto convolution = make_convolution(KernelPath::highway, operands.geometry);
    Tensor Z(operands.geometry.output());
    Tensor beside(operands.geometry.output());
    convolution->estimating()->feedforward_with_estimate(X, operands.weight(), smallest, Z, beside);
    same(beside, expected);
    Tensor alone(operands.geometry.output());
    convolution->feedforward(X, operands.weight(), alone);
    same(Z, alone);
  }
}

}  // namespace
}  // namespace trainer
