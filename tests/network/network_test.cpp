#include "network/network.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/parallel.h"
#include "network/graph.h"
#include "network/initialise.h"
#include "network/layers/kernel_choice.h"
#include "network/layers/option_a_shortcut.h"
#include "network/named/models.h"
#include "network/support.h"
#include "network/unshared_run.h"

namespace trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

void expect_unshared_gradients(Network& network, const Shape& images_shape, KernelPath path) {
  initialise(network, 7);
  network.plan(images_shape, path);
  const Tensor images = test::random_tensor(images_shape, 1);
  const Tensor dlogits = test::random_tensor(network.output_shape(), 2);
  const auto expected = test::unshared_gradients(network, images, dlogits);
  for (int repeat = 0; repeat < 2; ++repeat) {  // the second step finds what the first left in every slot
    network.feedforward(images, true);
    network.backpropagate(dlogits);
    for (const Parameter* parameter : network.parameters()) {
      EXPECT_LT(test::max_error(parameter->gradient, expected.at(parameter->name)), 1e-5)
          << parameter->name << " on " << to_string(path);
    }
  }
}

TEST(Network, ADeepChainWithSharedMemoryEqualsUnsharedMemory) {
  for (const KernelPath path : test::kEveryPath) {
    Network network;
    int last = Network::kInput;
    int64_t channels = 3;
    for (int i = 0; i < 12; ++i) {
      const int64_t next = 4 + (i * 5) % 7;  // sizes go up and down, so slots change hands between sizes
      last = test::convolution(network, fmt::format("conv{}", i), last, channels, next, i % 2 == 0 ? 3 : 1, i % 3 == 0);
      if (i % 3 != 0) {  // BN would make the gradient of a bias before it zero but for rounding
        last = test::batchnorm(network, fmt::format("bn{}", i), last, next);
      }
      last = test::relu(network, fmt::format("relu{}", i), last);
      channels = next;
    }
    last = test::global_average(network, "pool", last);
    test::linear(network, "fc", last, channels, 3);
    expect_unshared_gradients(network, {4, 3, 6, 6}, path);
  }
}

TEST(Network, GradientsOfBranchesAddUp) {
  for (const KernelPath path : test::kEveryPath) {
    Network network;
    const int stem = test::convolution(network, "stem", Network::kInput, 2, 4);
    const int bn = test::batchnorm(network, "bn", stem, 4);
    const int a = test::relu(network, "relu", bn);         // used by BN, a sum, a convolution and ReLU
    const int b = test::batchnorm(network, "bn_b", a, 4);  // cannot accumulate by itself
    const int c = test::convolution(network, "conv_c", a, 4, 4);
    const int d = test::relu(network, "relu_d", a);  // accumulates in its gradient's own memory
    const int e = test::add(network, "sum_bc", b, c);
    const int f = test::add(network, "sum_aa", a, a);  // one node twice
    const int g = test::add(network, "sum_df", d, f);
    const int h = test::add(network, "sum_eg", g, e);
    const int i = test::add(network, "sum_ah", a, h);
    test::linear(network, "fc", test::global_average(network, "pool", i), 4, 3);
    expect_unshared_gradients(network, {3, 2, 4, 4}, path);
  }
}

TEST(Network, ResNetsWithSharedMemoryEqualUnsharedMemory) {
  for (const char* name : {"resnet18", "resnet20"}) {
    Network network = make_model({name, 0.1, {3, 3, 8, 8}, 4, 1});
    expect_unshared_gradients(network, {3, 3, 8, 8}, KernelPath::reference);
  }
}

TEST(Network, ADiamondByHand) {
  // Y = w2*(w1*x) + w3*(w1*x) for one pixel of one channel: dw1 = x*(w2 + w3), dw2 = dw3 = w1*x.
  Network network;
  const int stem = test::convolution(network, "one", Network::kInput, 1, 1, 1);
  const int left = test::convolution(network, "two", stem, 1, 1, 1);
  const int right = test::convolution(network, "three", stem, 1, 1, 1);
  test::add(network, "sum", left, right);
  const std::vector<float> weights = {2, 3, 5};
  for (size_t i = 0; i < weights.size(); ++i) {
    network.parameters()[i]->value = {weights[i]};
  }
  for (const KernelPath path : test::kEveryPath) {
    network.plan({1, 1, 1, 1}, path);
    Tensor x({1, 1, 1, 1});
    x.fill(7);
    EXPECT_EQ(network.feedforward(x, true).at(0, 0, 0, 0), 2 * 7 * (3 + 5));
    Tensor one({1, 1, 1, 1});
    one.fill(1);
    network.backpropagate(one);
    EXPECT_EQ(network.parameters()[0]->gradient[0], 7 * (3 + 5));
    EXPECT_EQ(network.parameters()[1]->gradient[0], 2 * 7);
    EXPECT_EQ(network.parameters()[2]->gradient[0], 2 * 7);
  }
}

TEST(Network, InferenceIsTrainingsFormWithRunningStatistics) {
  Network network = make_model({"resnet20", 0.25, {4, 3, 8, 8}, 5, 3});
  network.plan({4, 3, 8, 8}, KernelPath::automatic);
  const Tensor images = test::random_tensor({4, 3, 8, 8}, 1);
  // Trained on one batch alone, with momentum 0.1, the statistics become those of that batch (0.9^200 = 7e-10), but for
  // the variance, which is kept unbiased: larger by m/(m-1), m = N*H*W of the layer.
  Tensor training;
  for (int i = 0; i < 200; ++i) {
    training = network.feedforward(images, true).clone();
  }
  for (const auto& node : network.nodes()) {
    if (node.layer->kind() == "batch normalisation") {
      const int64_t side = node.name.starts_with("layer3") ? 2 : node.name.starts_with("layer2") ? 4 : 8;
      const auto m = static_cast<float>(4 * side * side);
      for (float& variance : node.layer->buffers()[1]->value) {
        variance *= (m - 1) / m;
      }
    }
  }
  const Tensor& inference = network.feedforward(images, false);
  EXPECT_LT(test::max_error(inference.values(), training.values()), 1e-4);
}

TEST(Network, TheSameBitsOnAnyNumberOfThreads) {
  const int before = thread_count();
  for (const KernelPath path : test::kEveryPath) {
    std::vector<AlignedVector<float>> first;
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      Network network = make_model({"resnet18", 0.125, {5, 3, 12, 12}, 4, 1});
      for (Parameter* parameter : network.parameters()) {
        if (parameter->is_weight && parameter->name.find("conv2") != std::string::npos) {
          test::prune(*parameter, 0.2, 5);
        }
      }
      network.plan({5, 3, 12, 12}, path);
      const Tensor& logits = network.feedforward(test::random_tensor({5, 3, 12, 12}, 1), true);
      std::vector<AlignedVector<float>> results = {{logits.values().begin(), logits.values().end()}};
      network.backpropagate(test::random_tensor({5, 4, 1, 1}, 2));
      for (const Parameter* parameter : network.parameters()) {
        results.push_back(parameter->gradient);
      }
      for (const Buffer* buffer : network.buffers()) {
        results.push_back(buffer->value);
      }
      if (threads == 1) {
        first = results;
      }
      EXPECT_EQ(results, first) << threads << " threads on " << to_string(path);
    }
  }
  set_thread_count(before);
}

TEST(Network, TheAutomaticPathFollowsThePattern) {
  std::vector<uint8_t> mask(kDenseFromWeightsPerOutput, 0);
  std::fill_n(mask.begin(), mask.size() / 2, uint8_t{1});
  const auto half = Pattern::from_mask(1, kDenseFromWeightsPerOutput, mask);
  std::fill_n(mask.begin() + 5, mask.size() - 5, uint8_t{0});
  const auto few = Pattern::from_mask(1, kDenseFromWeightsPerOutput, mask);
  const auto full = [](int64_t columns) { return Pattern::full(3, columns); };
  EXPECT_EQ(contraction_path(KernelPath::automatic, *full(kDenseFromWeightsPerOutput)), KernelPath::onednn);
  EXPECT_EQ(contraction_path(KernelPath::automatic, *half), KernelPath::onednn);
  EXPECT_EQ(contraction_path(KernelPath::automatic, *few), KernelPath::highway);
  EXPECT_EQ(contraction_path(KernelPath::automatic, *full(kDenseFromWeightsPerOutput - 1)), KernelPath::highway);
  for (const KernelPath forced : {KernelPath::reference, KernelPath::highway, KernelPath::onednn}) {
    EXPECT_EQ(contraction_path(forced, *few), forced);
    EXPECT_EQ(contraction_path(forced, *half), forced);
    EXPECT_EQ(operation_path(forced), forced);
  }
  EXPECT_EQ(operation_path(KernelPath::automatic), KernelPath::highway);
}

TEST(Network, AMaskThatChangesBetweenStepsIsFollowed) {
  for (const KernelPath path : test::kEveryPath) {
    Network network = make_model({"resnet20", 0.25, {3, 3, 8, 8}, 4, 1});
    network.plan({3, 3, 8, 8}, path);
    const Tensor images = test::random_tensor({3, 3, 8, 8}, 1);
    const Tensor dlogits = test::random_tensor({3, 4, 1, 1}, 2);
    for (const double density : {1.0, 0.7, 0.2, 0.1}) {  // from onednn to highway under automatic
      test::prune_all(network, density, 3);
      network.feedforward(images, true);
      network.backpropagate(dlogits);
      std::vector<AlignedVector<float>> gradients;
      for (const Parameter* parameter : network.parameters()) {
        gradients.push_back(parameter->gradient);
      }
      network.plan({3, 3, 8, 8}, KernelPath::reference);
      network.feedforward(images, true);
      network.backpropagate(dlogits);
      size_t i = 0;
      for (const Parameter* parameter : network.parameters()) {
        EXPECT_LT(test::norm_error(gradients[i++], parameter->gradient), 1e-4)
            << parameter->name << " at " << density << " on " << to_string(path);
      }
      network.plan({3, 3, 8, 8}, path);
    }
  }
}

TEST(Network, ADenseGradientIsForOneStep) {
  Network network;
  const int conv = test::convolution(network, "conv", Network::kInput, 2, 3);
  test::linear(network, "fc", conv, 48, 2);  // 3x4x4
  initialise(network, 1);
  Parameter& weight = *network.parameters()[0];
  Parameter& full = *network.parameters()[1];
  const Parameter& bias = *network.parameters()[2];
  test::prune(weight, 0.3, 1);
  network.plan({2, 2, 4, 4}, KernelPath::automatic);
  const Tensor images = test::random_tensor({2, 2, 4, 4}, 1);
  const Tensor dlogits = test::random_tensor({2, 2, 1, 1}, 2);
  EXPECT_THROW((void)network.dense_gradient(weight), std::logic_error);

  network.request_dense_gradient(weight);
  network.request_dense_gradient(full);
  EXPECT_THROW((void)network.dense_gradient(weight), std::logic_error);  // not before the step
  network.feedforward(images, true);
  network.backpropagate(dlogits);
  const auto dense = network.dense_gradient(weight);
  ASSERT_EQ(dense.size(), 3U * 2 * 3 * 3);
  std::vector<float> kept(weight.gradient.size());
  gather(*weight.pattern, dense, kept);
  EXPECT_TRUE(std::equal(kept.begin(), kept.end(), weight.gradient.begin()));
  EXPECT_TRUE(std::ranges::all_of(dense, [](float value) { return value != 0; }));
  EXPECT_EQ(network.dense_gradient(full).data(), full.gradient.data());

  network.feedforward(images, true);
  network.backpropagate(dlogits);
  EXPECT_THROW((void)network.dense_gradient(weight), std::logic_error);
  EXPECT_LT(test::max_error(weight.gradient, kept), 1e-5);
  EXPECT_THROW(network.request_dense_gradient(bias), std::logic_error);
  EXPECT_THROW(network.request_dense_gradient(make_parameter("stray", {1, 1}, true)), std::logic_error);
}

TEST(Network, ShapeErrorsNameTheLayer) {
  Network channels;
  test::convolution(channels, "layer3.conv", test::convolution(channels, "stem", Network::kInput, 3, 8), 16, 4);
  EXPECT_THAT(
      [&] {
        channels.plan({2, 3, 8, 8}, KernelPath::reference);
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("layer layer3.conv"), HasSubstr("4x16x3x3"), HasSubstr("2x8x8x8"))));

  Network features;
  test::linear(features, "head", Network::kInput, 10, 4);
  EXPECT_THAT(
      [&] {
        features.plan({2, 3, 2, 2}, KernelPath::reference);
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("layer head"), HasSubstr("4x10"), HasSubstr("2x3x2x2"))));

  Network sum;
  const int a = test::convolution(sum, "a", Network::kInput, 3, 4);
  const int b = test::convolution(sum, "b", Network::kInput, 3, 5);
  test::add(sum, "join", a, b);
  EXPECT_THAT(
      [&] {
        sum.plan({2, 3, 8, 8}, KernelPath::reference);
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("layer join"), HasSubstr("2x4x8x8"), HasSubstr("2x5x8x8"))));

  Network window;
  window.add("pool", std::make_unique<layers::Pooling>(layers::PoolingOptions{.window_h = 9, .window_w = 9}),
             {Network::kInput});
  EXPECT_THAT(
      [&] {
        window.plan({2, 3, 8, 8}, KernelPath::reference);
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("layer pool"), HasSubstr("9x9"), HasSubstr("2x3x8x8"))));

  Network norm;
  test::batchnorm(norm, "bn", Network::kInput, 4);
  EXPECT_THAT(
      [&] {
        norm.plan({2, 3, 8, 8}, KernelPath::reference);
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("layer bn"), HasSubstr("4 channels"))));

  Network kernel;
  layers::ConvolutionOptions large;
  large.kernel_h = 9;
  large.kernel_w = 9;
  kernel.add("large", std::make_unique<layers::Convolution>(large), {Network::kInput});
  EXPECT_THAT(
      [&] {
        kernel.plan({2, 1, 8, 8}, KernelPath::reference);
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("layer large"), HasSubstr("9x9"), HasSubstr("2x1x8x8"))));
}

TEST(Network, MisuseIsRefused) {
  Network network;
  EXPECT_THROW(network.plan({1, 1, 1, 1}, KernelPath::reference), UsageError);  // no layers
  const int conv = test::convolution(network, "conv", Network::kInput, 1, 2);
  EXPECT_THROW((void)network.output_shape(), std::logic_error);
  EXPECT_THROW(test::relu(network, "conv", conv), UsageError);  // the name is taken
  EXPECT_THROW(test::relu(network, "relu", 5), std::logic_error);
  test::relu(network, "relu", conv);
  EXPECT_THROW(network.plan({0, 1, 4, 4}, KernelPath::reference), UsageError);
  network.plan({2, 1, 4, 4}, KernelPath::reference);
  EXPECT_THROW(network.feedforward(Tensor({1, 1, 4, 4}), true), UsageError);
  const Tensor gradient({2, 2, 4, 4});
  EXPECT_THROW(network.backpropagate(gradient), std::logic_error);
  network.feedforward(Tensor({2, 1, 4, 4}), false);
  EXPECT_THROW(network.backpropagate(gradient), std::logic_error);
  network.feedforward(Tensor({2, 1, 4, 4}), true);
  EXPECT_THROW(network.backpropagate(Tensor({2, 2, 4, 5})), UsageError);
  network.backpropagate(gradient);
  EXPECT_THROW(network.backpropagate(gradient), std::logic_error);  // once for each FF

  test::batchnorm(network, "unused", conv, 2);
  test::relu(network, "last", conv);
  EXPECT_THAT(
      [&] {
        network.plan({2, 1, 4, 4}, KernelPath::reference);
      },
      ThrowsMessage<UsageError>(HasSubstr("layer relu")));

  Network single;
  test::batchnorm(single, "bn", Network::kInput, 2);
  single.plan({1, 2, 1, 1}, KernelPath::reference);
  EXPECT_THAT(
      [&] {
        single.feedforward(Tensor({1, 2, 1, 1}), true);
      },
      ThrowsMessage<UsageError>(HasSubstr("layer bn")));
  EXPECT_NO_THROW(single.feedforward(Tensor({1, 2, 1, 1}), false));
}

TEST(Network, LayersRefuseImpossibleOptions) {
  EXPECT_THROW(layers::Convolution({.in_channels = 3, .out_channels = 4, .groups = 2}), UsageError);
  EXPECT_THROW(layers::Convolution({.stride = 0}), UsageError);
  EXPECT_THROW(layers::Convolution({.padding = -1}), UsageError);
  EXPECT_THROW(layers::Linear({.in_features = 0}), UsageError);
  EXPECT_THROW(layers::BatchNorm({.channels = 1, .epsilon = 0}), UsageError);
  EXPECT_THROW(layers::BatchNorm({.channels = 1, .momentum = 2}), UsageError);
  EXPECT_THROW(layers::Pooling({.window_h = 2, .window_w = 2, .padding = 2}), UsageError);
  EXPECT_THROW(layers::OptionAShortcut({.out_channels = 4, .stride = 0}), UsageError);
}

TEST(Network, CanBePlannedAgainForAnotherBatch) {
  Network network = make_model({"resnet20", 0.25, {2, 1, 8, 8}, 3, 1});
  const Tensor images = test::random_tensor({6, 1, 8, 8}, 1);
  network.plan({2, 1, 8, 8}, KernelPath::reference);
  network.plan({6, 1, 8, 8}, KernelPath::highway);
  EXPECT_EQ(network.feedforward(images, true).shape(), (Shape{6, 3, 1, 1}));
  network.backpropagate(test::random_tensor({6, 3, 1, 1}, 2));
}

}  // namespace
}  // namespace trainer
