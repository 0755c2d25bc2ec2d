#include "network/decoupling.h"

#include <gtest/gtest.h>

#include <map>

#include "base/parallel.h"
#include "network/graph.h"
#include "network/initialise.h"
#include "network/named/models.h"
#include "network/support.h"

namespace trainer {
namespace {

const Shape kImages = {5, 3, 12, 12};

std::vector<std::string> with_sums(const Network& network) {
  std::vector<std::string> names;
  const Decoupling found = find_decoupling(network.nodes());
  for (size_t i = 0; i < found.sums_for.size(); ++i) {
    if (found.sums_for[i] != nullptr) {
      names.push_back(network.nodes()[i].name + " for " + found.sums_for[i]->description().name);
    }
  }
  return names;
}

TEST(Decoupling, FindsConvolutionsThatAloneWriteWhatABatchNormAloneReads) {
  Network network;
  const int image_bn = test::batchnorm(network, "image_bn", Network::kInput, 3);  // no convolution
  const int plain = test::convolution(network, "plain", image_bn, 3, 4);
  const int bn1 = test::batchnorm(network, "bn1", plain, 4);
  const int biased = test::convolution(network, "biased", bn1, 4, 4, 3, true);  // Z is not what BN reads
  const int bn2 = test::batchnorm(network, "bn2", biased, 4);
  const int shared = test::convolution(network, "shared", bn2, 4, 4);
  const int bn3 = test::batchnorm(network, "bn3", shared, 4);
  const int sum = test::add(network, "sum", bn3, shared);
  test::linear(network, "fc", test::global_average(network, "pool", sum), 4, 2);
  network.plan(kImages, KernelPath::automatic);
  EXPECT_EQ(with_sums(network), std::vector<std::string>{"plain for bn1"});
}

TEST(Decoupling, FindsEveryConvolutionOfTheResNetsAndMobileNet) {
  for (const char* name : {"resnet18", "resnet20", "mobilenet-v2"}) {
    Network network = make_model({name, 0.1, {2, 3, 32, 32}, 4, 1});
    network.plan({2, 3, 32, 32}, KernelPath::automatic);
    const auto convolutions = std::ranges::count_if(
        network.nodes(), [](const Network::Node& node) { return node.layer->kind() == "convolution"; });
    EXPECT_EQ(static_cast<long>(with_sums(network).size()), convolutions) << name;
  }
}

/// Compares the moments that BN recorded with those of the Z that it is shown.
class MomentsOfZ final : public StepHook {
 public:
  struct OfChannel {
    double mean = 0;
    double variance = 0;
  };
  std::map<std::string, std::vector<OfChannel>> layers;

  void batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) override {
    const auto m = static_cast<double>(Z.shape().channel_size());
    for (int64_t c = 0; c < Z.shape().c; ++c) {
      OfChannel moments;
      const std::span<const float> z(Z.channel(c), static_cast<size_t>(Z.shape().channel_size()));
      for (const float value : z) {
        moments.mean += static_cast<double>(value) / m;
      }
      for (const float value : z) {
        moments.variance += (static_cast<double>(value) - moments.mean) * (static_cast<double>(value) - moments.mean);
      }
      moments.variance /= m - 1;  // as running variances are kept
      layers[layer.name].push_back(moments);
    }
  }
};

TEST(Decoupling, MomentsAreThoseOfZ) {
  for (const Format format : {Format::fp32, Format::fp16}) {
    for (const char* name : {"resnet18", "mobilenet-v2"}) {
      Network network = make_model({name, 0.2, kImages, 4, 1});
      test::prune_all(network, 0.4, 5);
      network.plan(kImages, KernelPath::highway, format);
      MomentsOfZ hook;
      network.feedforward(test::random_tensor(kImages, 1), true, &hook);
      ASSERT_FALSE(hook.layers.empty());
      for (Buffer* buffer : network.buffers()) {  // momentum 0.1, from mean 0 and variance 1
        const size_t dot = buffer->name.rfind('.');
        const auto& expected = hook.layers.at(buffer->name.substr(0, dot));
        const bool is_mean = buffer->name.substr(dot + 1) == "running_mean";
        for (size_t c = 0; c < expected.size(); ++c) {
          const double deviation = std::sqrt(expected[c].variance);
          if (is_mean) {
            EXPECT_NEAR(buffer->value[c], 0.1 * expected[c].mean, 1e-5 * deviation) << buffer->name;
          } else {
            EXPECT_NEAR(buffer->value[c], 0.9 + 0.1 * expected[c].variance, 1e-5 * expected[c].variance + 1e-7)
                << buffer->name;
          }
        }
      }
    }
  }
}

/// FF, BP and WG of two steps: everything they give.
std::vector<float> run_passes(Network& network, StepHook* hook = nullptr) {
  std::vector<float> all;
  const auto append = [&all](std::span<const float> values) { all.insert(all.end(), values.begin(), values.end()); };
  for (uint64_t step = 0; step < 2; ++step) {
    append(network.feedforward(test::random_tensor(kImages, step), true, hook).values());
    network.backpropagate(test::random_tensor(network.output_shape(), step + 7), hook);
    for (const Parameter* parameter : network.parameters()) {
      append(parameter->gradient);
    }
  }
  for (const Buffer* buffer : network.buffers()) {
    append(buffer->value);
  }
  append(network.feedforward(test::random_tensor(kImages, 9), false).values());
  return all;
}

std::vector<float> run_passes(Passes passes, KernelPath path, const Precision& precision, StepHook* hook = nullptr) {
  Network network = make_model({"resnet18", 0.1, kImages, 4, 1});
  test::prune_all(network, 0.3, 5);
  network.plan(kImages, path, precision, passes);
  return run_passes(network, hook);
}

TEST(Decoupling, ResultsAreCloseToThoseOfASeparatePass) {
  const auto expected = run_passes(Passes::fused, KernelPath::highway, Format::fp32);
  const auto result = run_passes(Passes::decoupled, KernelPath::highway, Format::fp32);
  EXPECT_NE(result, expected) << "sums are added in another order";
  EXPECT_LT(test::norm_error(result, expected), 2e-5);

  // In FP16 other last bits of the moments round some values the other way: less than what FP16 itself does.
  const auto expected_fp16 = run_passes(Passes::fused, KernelPath::highway, Format::fp16);
  const auto result_fp16 = run_passes(Passes::decoupled, KernelPath::highway, Format::fp16);
  EXPECT_LT(test::norm_error(result_fp16, expected_fp16), test::norm_error(expected_fp16, expected));
}

/// Says that it may change outputs, and changes none.
class Idle final : public StepHook {
 public:
  bool changes_outputs() const override { return true; }
};

TEST(Decoupling, KeepsASeparatePassWhereSumsWouldBeOfOtherValues) {
  Idle idle;
  EXPECT_EQ(run_passes(Passes::decoupled, KernelPath::highway, {}, &idle),
            run_passes(Passes::fused, KernelPath::highway, {}, &idle));
  const Precision fp8 = parse_precision("fp8");
  EXPECT_EQ(run_passes(Passes::decoupled, KernelPath::highway, fp8),
            run_passes(Passes::fused, KernelPath::highway, fp8));
}

TEST(Decoupling, KeepsASeparatePassOnOtherPaths) {
  for (const KernelPath path : {KernelPath::reference, KernelPath::onednn}) {
    EXPECT_EQ(run_passes(Passes::decoupled, path, {}), run_passes(Passes::fused, path, {})) << to_string(path);
  }
}

TEST(Decoupling, SameForAnyThreads) {
  set_thread_count(1);
  const auto one = run_passes(Passes::decoupled, KernelPath::automatic, {});
  for (const int threads : {2, 3}) {
    set_thread_count(threads);
    EXPECT_EQ(run_passes(Passes::decoupled, KernelPath::automatic, {}), one) << threads;
  }
  set_thread_count(0);
}

}  // namespace
}  // namespace trainer
