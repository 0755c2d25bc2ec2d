// Sums for BN that FF takes while it writes Z: against FP64 sums of what it stored.

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstring>

#include "base/parallel.h"
#include "kernels/convolution/decoupled.h"
#include "kernels/convolution/problem.h"
#include "kernels/elementwise/convert.h"

namespace trainer {
namespace {

using batchnorm::Sums;
using testing::Operands;

struct Taken {
  Tensor Z;
  std::vector<float> shift;
  std::vector<Sums> sums;
};

Taken take(const Operands& operands, const std::vector<float>& shift, Format format = Format::fp32) {
  const auto convolution = make_convolution(KernelPath::highway, operands.geometry);
  Taken taken{Tensor(operands.geometry.output(), format), shift,
              std::vector<Sums>(static_cast<size_t>(operands.geometry.k), Sums{-77, -77})};
  const OutputSums wanted = {taken.shift, taken.sums};
  convolution->decoupled()->feedforward(operands.X, nullptr, operands.weight(), taken.Z, &wanted);
  return taken;
}

std::vector<float> random_shift(const Operands& operands, Random& random) {
  std::vector<float> shift(static_cast<size_t>(operands.geometry.k));
  for (float& value : shift) {
    value = random.normal();
  }
  return shift;
}

/// Largest errors of the sums over sum(|z - shift|) and sum((z - shift)^2).
double largest_error(const Taken& taken) {
  Tensor Z(taken.Z.shape());
  convert(taken.Z, Z);
  double largest = 0;
  for (size_t c = 0; c < taken.sums.size(); ++c) {
    double sum = 0;
    double magnitudes = 0;
    double squares = 0;
    for (int64_t i = 0; i < Z.shape().channel_size(); ++i) {
      const double x = static_cast<double>(Z.channel(static_cast<int64_t>(c))[i]) - static_cast<double>(taken.shift[c]);
      sum += x;
      magnitudes += std::abs(x);
      squares += x * x;
    }
    largest = std::max(largest, std::abs(taken.sums[c].first - sum) / (magnitudes + 1e-30));
    largest = std::max(largest, std::abs(taken.sums[c].second - squares) / (squares + 1e-30));
  }
  return largest;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() &&
         std::memcmp(a.elements().data, b.elements().data, static_cast<size_t>(a.bytes())) == 0;
}

bool same_bits(const std::vector<Sums>& a, const std::vector<Sums>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Sums)) == 0;
}

class OutputSumsOnTarget : public ::testing::Test {
 protected:
  static void choose(int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  void TearDown() override { choose(0); }
};

// A lane adds up at most 64 values in one go. A run adds at most 4 such sums of tiles to each other, or, of the whole
// rows of a depthwise convolution, one for every 64 vectors, here some 50; ends of rows that vectors do not cover add
// some more. Each addition rounds by 2^-24 of the sum at most.
constexpr double kBound = 200 * 0x1p-24;

TEST_F(OutputSumsOnTarget, AreThoseOfWhatIsStored) {
  const int64_t supported = (hwy::SupportedTargets() | HWY_STATIC_TARGET) & HWY_TARGETS;
  for (int64_t target = 1; target > 0 && target <= supported; target <<= 1) {
    if ((supported & target) == 0) {
      continue;
    }
    choose(target);
    Random random(31);
    for (int i = 0; i < 60; ++i) {
      const std::string problem = testing::random_problem(random);
      const Operands operands(parse_convolution_problem(problem));
      const std::vector<float> shift = random_shift(operands, random);
      for (const Format format : {Format::fp32, Format::fp16}) {
        const Taken taken = take(operands, shift, format);
        EXPECT_LT(largest_error(taken), kBound) << problem << " " << hwy::TargetName(target);
        Tensor Z(taken.Z.shape(), format);
        make_convolution(KernelPath::highway, operands.geometry)->feedforward(operands.X, operands.weight(), Z);
        EXPECT_TRUE(same_bits(taken.Z, Z)) << problem << " " << hwy::TargetName(target);
      }
    }
  }
}

TEST(OutputSums, OfAnOutputThatIsWrittenPastTheCaches) {
  Random random(32);
  for (const char* problem : {"n64c3k64h33r3p1d0.4", "n64c18k18g18h62r3p1"}) {
    const Operands operands(parse_convolution_problem(problem));
    for (const Format format : {Format::fp32, Format::fp16}) {
      EXPECT_LT(largest_error(take(operands, random_shift(operands, random), format)), kBound) << problem;
    }
  }
}

TEST(OutputSums, SameForAnyThreads) {
  Random random(33);
  for (const char* problem : {"n64c16k96h16r3p1d0.2", "n8c4k130h9r3p1d0.3", "n16c24k24g24h12r3p1", "n3c5k7h11r3s2p1"}) {
    const Operands operands(parse_convolution_problem(problem));
    const std::vector<float> shift = random_shift(operands, random);
    set_thread_count(1);
    const Taken one = take(operands, shift);
    for (const int threads : {2, 3, 5}) {
      set_thread_count(threads);
      EXPECT_TRUE(same_bits(take(operands, shift).sums, one.sums)) << problem << " " << threads;
    }
    set_thread_count(0);
  }
}

TEST(OutputSums, OtherPathsTakeNone) {
  const Operands operands(parse_convolution_problem("n3c4k8h5r3p1"));
  EXPECT_EQ(make_convolution(KernelPath::reference, operands.geometry)->decoupled(), nullptr);
  EXPECT_EQ(make_convolution(KernelPath::onednn, operands.geometry)->decoupled(), nullptr);
}

}  // namespace
}  // namespace trainer
