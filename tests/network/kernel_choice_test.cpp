#include "network/layers/kernel_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/cpu_features.h"
#include "base/error.h"
#include "network/layers/contraction.h"
#include "network/layers/convolution.h"
#include "network/named/models.h"
#include "network/support.h"

namespace trainer {
namespace {

constexpr double kNever = 0;
constexpr double kAlways = 2;
constexpr Shape kChoiceImages = {4, 8, 6, 6};

/// A convolution whose input gradient is needed, after one that feeds it.
Network two_convolutions() {
  Network network;
  for (const char* name : {"first", "second"}) {
    const int input = name[0] == 'f' ? Network::kInput : 0;
    network.add(name, std::make_unique<layers::Convolution>(layers::ConvolutionOptions{8, 8, 3, 3, 1, 1}), {input});
  }
  uint64_t seed = 1;
  for (Parameter* parameter : network.parameters()) {
    Random random(seed++);
    for (float& value : parameter->value) {
      value = random.normal();
    }
  }
  return network;
}

layers::Contraction& contraction(const Network& network, size_t node) {
  return *network.nodes()[node].layer->contraction();
}

struct Results {
  std::vector<float> Z;
  AlignedVector<float> first_dW;  // of a dZ that came through BP of the second
  AlignedVector<float> second_dW;
};

Results run_once(Network& network) {
  const Tensor images = test::random_tensor(kChoiceImages, 5);
  const Tensor& Z = network.feedforward(images, true);
  Results results;
  results.Z.assign(Z.values().begin(), Z.values().end());
  network.backpropagate(test::random_tensor(Z.shape(), 6));
  results.first_dW = network.parameters()[0]->gradient;
  results.second_dW = network.parameters()[1]->gradient;
  return results;
}

Results run_on(KernelPath path) {
  Network network = two_convolutions();
  network.plan(kChoiceImages, path);
  return run_once(network);
}

Results run_with(const BreakEven& break_even) {
  Network network = two_convolutions();
  network.plan(kChoiceImages, KernelPath::automatic);
  for (size_t node = 0; node < 2; ++node) {
    contraction(network, node).set_break_even(break_even);
  }
  return run_once(network);
}

TEST(KernelChoice, EveryPhaseRunsWhereItsBreakEvenSays) {
  const Results highway = run_on(KernelPath::highway);
  const Results onednn = run_on(KernelPath::onednn);
  // The paths round differently: that tells which one ran.
  ASSERT_NE(highway.Z, onednn.Z);
  ASSERT_NE(highway.first_dW, onednn.first_dW);
  ASSERT_NE(highway.second_dW, onednn.second_dW);

  const Results all_highway = run_with({{kAlways, kAlways, kAlways}});
  EXPECT_EQ(all_highway.Z, highway.Z);
  EXPECT_EQ(all_highway.first_dW, highway.first_dW);
  EXPECT_EQ(all_highway.second_dW, highway.second_dW);

  const Results sparse_feedforward = run_with({{kAlways, kNever, kNever}});
  EXPECT_EQ(sparse_feedforward.Z, highway.Z);
  EXPECT_NE(sparse_feedforward.second_dW, highway.second_dW);

  const Results dense_feedforward = run_with({{kNever, kAlways, kAlways}});
  EXPECT_EQ(dense_feedforward.Z, onednn.Z);
  EXPECT_EQ(dense_feedforward.first_dW, highway.first_dW);  // neither its dZ nor its X depends on FF

  const Results dense_backpropagation = run_with({{kAlways, kNever, kAlways}});
  EXPECT_EQ(dense_backpropagation.second_dW, highway.second_dW);
  EXPECT_NE(dense_backpropagation.first_dW, highway.first_dW);
}

TEST(KernelChoice, HalfRunsWhereItsBoundsSayInFp16) {
  if (!cpu_has_half_arithmetic()) {
    GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
  }
  const auto run_fp16 = [](KernelPath path, const BreakEven& break_even) {
    Network network = two_convolutions();
    network.plan(kChoiceImages, path, Format::fp16);
    for (size_t node = 0; node < 2; ++node) {
      contraction(network, node).set_break_even(break_even);
    }
    return run_once(network);
  };
  const DensityBounds on_half(0, kAlways);
  const Results highway = run_fp16(KernelPath::highway, {});
  const Results half = run_fp16(KernelPath::half, {});
  ASSERT_NE(half.Z, highway.Z);
  ASSERT_NE(half.second_dW, highway.second_dW);
  EXPECT_LT(test::norm_error(half.Z, highway.Z), 0.002);
  EXPECT_LT(test::norm_error(half.first_dW, highway.first_dW), 0.005);

  const Results all_half = run_fp16(KernelPath::automatic, {{on_half, on_half, on_half}});
  EXPECT_EQ(all_half.Z, half.Z);
  EXPECT_EQ(all_half.first_dW, half.first_dW);
  EXPECT_EQ(all_half.second_dW, half.second_dW);
  const Results half_feedforward = run_fp16(KernelPath::automatic, {{on_half, kAlways, kAlways}});
  EXPECT_EQ(half_feedforward.Z, half.Z);
  EXPECT_EQ(half_feedforward.second_dW == half.second_dW, false);
  // Full weights lie above these bounds of half.
  const Results none = run_fp16(KernelPath::automatic, {{DensityBounds(0, 0.9), DensityBounds(0, 0.9), {}}});
  EXPECT_EQ(none.Z, run_fp16(KernelPath::onednn, {}).Z);
}

TEST(KernelChoice, HalfIsRefusedForOtherOperandsThanFp16) {
  Network network = two_convolutions();
  for (const Precision& precision : {Precision(), Precision::fp8()}) {
    try {
      network.plan(kChoiceImages, KernelPath::half, precision);
      ADD_FAILURE() << "accepted";
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), ::testing::StartsWith("kernels half: multiplies FP16 operands, and these are fp"));
    }
  }
}

TEST(KernelChoice, FollowsTheDensityAndNothingElse) {
  Network network = two_convolutions();
  network.plan(kChoiceImages, KernelPath::automatic);
  contraction(network, 1).set_break_even({{0.5, 0.3, 0.7}});
  Parameter& weight = *network.parameters()[1];
  // Down, as gradual pruning goes, and up again: what it was before does not matter.
  for (const double density : {1.0, 0.9, 0.6, 0.4, 0.2, 0.4, 0.6, 0.9}) {
    std::vector<uint8_t> kept(static_cast<size_t>(weight.pattern->size()), 0);
    std::fill_n(kept.begin(), static_cast<size_t>(density * static_cast<double>(kept.size())), uint8_t{1});
    weight.pattern = Pattern::from_mask(weight.pattern->rows(), weight.pattern->columns(), kept);
    weight.value.assign(static_cast<size_t>(weight.pattern->nonzeros()), 0.5F);
    const double limits[] = {0.5, 0.3, 0.7};
    for (const ConvolutionPhase phase : kConvolutionPhases) {
      const bool sparse = density < limits[static_cast<size_t>(phase)];
      EXPECT_EQ(contraction(network, 1).path_of(phase), sparse ? KernelPath::highway : KernelPath::onednn)
          << to_string(phase) << " at " << density;
    }
    EXPECT_NO_THROW(run_once(network));
  }
}

TEST(KernelChoice, ABreakEvenIsOfOneShapeSoAnotherPlanForgetsIt) {
  Network network = two_convolutions();
  network.plan(kChoiceImages, KernelPath::automatic);
  contraction(network, 0).set_break_even({{kNever, kNever, kNever}});
  network.plan({2, 8, 6, 6}, KernelPath::automatic);
  EXPECT_FALSE(contraction(network, 0).break_even());
  // 8 * 9 weights an output: highway by the rule.
  EXPECT_EQ(contraction(network, 0).path_of(ConvolutionPhase::feedforward), KernelPath::highway);
}

TEST(KernelChoice, AForcedPathStaysForced) {
  for (const KernelPath path : {KernelPath::reference, KernelPath::highway, KernelPath::onednn}) {
    Network network = two_convolutions();
    network.plan(kChoiceImages, path);
    contraction(network, 0).set_break_even({{kNever, kAlways, 0.5}});
    for (const ConvolutionPhase phase : kConvolutionPhases) {
      EXPECT_EQ(contraction(network, 0).path_of(phase), path);
    }
  }
}

TEST(KernelChoice, TheGradientOfAllWeightsTakesThePathOfFullWeights) {
  // RigL's: at the mask's density WG is sparse, for all weights dense.
  const auto gradient_with = [](KernelPath path, double break_even) {
    Network network = two_convolutions();
    test::prune_all(network, 0.3, 11);
    network.plan(kChoiceImages, path);
    contraction(network, 1).set_break_even({{kAlways, kAlways, break_even}});
    network.request_dense_gradient(*network.parameters()[1]);
    run_once(network);
    const auto dense = network.dense_gradient(*network.parameters()[1]);
    return std::vector<float>(dense.begin(), dense.end());
  };
  const auto on_highway = gradient_with(KernelPath::automatic, kAlways);
  const auto dense = gradient_with(KernelPath::automatic, 0.5);
  EXPECT_EQ(on_highway, gradient_with(KernelPath::highway, 0));
  EXPECT_NE(dense, on_highway);
  EXPECT_LT(test::norm_error(dense, on_highway), 1e-5);
}

TEST(KernelChoice, OnlyLayersWithAWeightHaveAContraction) {
  Network network = make_model({"resnet20", 0.25, {2, 3, 8, 8}, 4, 1});
  network.plan({2, 3, 8, 8}, KernelPath::automatic);
  int contractions = 0;
  for (const Network::Node& node : network.nodes()) {
    const bool has_weight = node.layer->kind() == "convolution" || node.layer->kind() == "linear";
    EXPECT_EQ(node.layer->contraction() != nullptr, has_weight) << node.name;
    contractions += has_weight ? 1 : 0;
  }
  EXPECT_EQ(contractions, 20);
  EXPECT_FALSE(contraction(network, 0).has(ConvolutionPhase::backpropagation));
  EXPECT_TRUE(contraction(network, 0).has(ConvolutionPhase::weight_gradient));
}

}  // namespace
}  // namespace trainer
