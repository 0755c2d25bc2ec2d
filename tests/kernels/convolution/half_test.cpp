// FP16 tensors must give what the same path gives on FP32 copies of them, rounded once: bit for bit.

#include <gtest/gtest.h>

#include <cstring>

#include "base/cpu_features.h"
#include "kernels/convolution/problem.h"
#include "kernels/elementwise/convert.h"

namespace trainer {
namespace {

using testing::Operands;
using testing::Results;

Tensor in(Format format, const Tensor& tensor) {
  Tensor result(tensor.shape(), format);
  convert(tensor, result);
  return result;
}

void expect_same(const Tensor& stored, const Tensor& fp32, const std::string& what) {
  const Tensor rounded = in(stored.format(), fp32);
  EXPECT_EQ(std::memcmp(stored.elements().data, rounded.elements().data, static_cast<size_t>(stored.bytes())), 0)
      << what;
}

class HalfConvolution : public ::testing::TestWithParam<KernelPath> {
 protected:
  void SetUp() override {
    if (GetParam() == KernelPath::half && !cpu_has_half_arithmetic()) {
      GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
    }
  }
};

TEST_P(HalfConvolution, EqualsFp32RoundedOnce) {
  Random random(21);
  for (int i = 0; i < 60; ++i) {
    const std::string problem = testing::random_problem(random);
    Operands operands(parse_convolution_problem(problem), static_cast<uint64_t>(i));
    const Tensor X = in(Format::fp16, operands.X);
    const Tensor dZ = in(Format::fp16, operands.dZ);
    const Tensor start = in(Format::fp16, operands.dX);
    operands.X = in(Format::fp32, X);
    operands.dZ = in(Format::fp32, dZ);
    operands.dX = in(Format::fp32, start);
    const auto convolution = make_convolution(GetParam(), operands.geometry);
    const Results expected(*convolution, operands);

    // Each tensor has its own format: some of each kind.
    Tensor Z(expected.Z.shape(), i % 4 == 3 ? Format::fp32 : Format::fp16);
    convolution->feedforward(i % 4 == 2 ? operands.X : X, operands.weight(), Z);
    expect_same(Z, expected.Z, problem + " Z");
    Tensor dX(expected.dX.shape(), Format::fp16);
    convolution->backpropagate(dZ, operands.weight(), dX, false);
    expect_same(dX, expected.dX, problem + " dX");
    Tensor accumulated = start.clone();
    convolution->backpropagate(dZ, operands.weight(), accumulated, true);
    expect_same(accumulated, expected.dX_accumulated, problem + " accumulated dX");
    std::vector<float> dW(operands.W.size());
    convolution->weight_gradient(dZ, i % 4 == 1 ? operands.X : X, operands.pattern, dW);
    EXPECT_EQ(dW, expected.dW) << problem;
  }
}

TEST_P(HalfConvolution, WritesLargeOutputsPastTheCaches) {
  {
    const char* problem = "n64c3k64h33r3p1d0.4";  // Z of 8.9 MB in FP16
    const Operands operands(parse_convolution_problem(problem), 4);
    const Tensor X = in(Format::fp16, operands.X);
    const auto convolution = make_convolution(GetParam(), operands.geometry);
    Tensor expected(operands.geometry.output());
    convolution->feedforward(in(Format::fp32, X), operands.weight(), expected);
    Tensor Z(expected.shape(), Format::fp16);
    convolution->feedforward(X, operands.weight(), Z);
    expect_same(Z, expected, problem);
  }
  {
    const char* problem = "n64c64k8h33r3s2p1d0.3";  // dX of 8.9 MB in FP16, written in phases
    const Operands operands(parse_convolution_problem(problem), 4);
    const Tensor dZ = in(Format::fp16, operands.dZ);
    const auto convolution = make_convolution(GetParam(), operands.geometry);
    Tensor expected(operands.X.shape());
    convolution->backpropagate(in(Format::fp32, dZ), operands.weight(), expected, false);
    Tensor dX(expected.shape(), Format::fp16);
    convolution->backpropagate(dZ, operands.weight(), dX, false);
    expect_same(dX, expected, problem);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, HalfConvolution,
                         ::testing::Values(KernelPath::reference, KernelPath::highway, KernelPath::half,
                                           KernelPath::onednn),
                         [](const auto& path) { return std::string(to_string(path.param)); });

}  // namespace
}  // namespace trainer
