// Every gradient of two small ResNets against PyTorch, dense and pruned, on every path.

#include <gtest/gtest.h>

#include <numeric>

#include "network/gold_file.h"
#include "network/named/build.h"
#include "network/support.h"

namespace trainer {
namespace {

using test::GoldFile;

constexpr double kTolerance = 1e-4;

const GoldFile& gold() {
  static const GoldFile file(TRAINER_TEST_DATA "/network.gold");
  return file;
}

Shape image_shape(const std::string& net) {
  const auto extents = gold().shape(net + "/images");
  return {extents[0], extents[1], extents[2], extents[3]};
}

Network build(const std::string& net) {
  ModelRequest request;
  request.images = image_shape(net);
  request.classes = 5;
  if (net == "resnet") {
    request.width = 8.0 / 64;
    return named::resnet(request, std::vector<int64_t>{1, 1});
  }
  request.width = 4.0 / 16;
  return named::cifar_resnet(request, std::vector<int64_t>{1, 1, 1});
}

void load(Network& network, const std::string& net, bool pruned) {
  for (Parameter* parameter : network.parameters()) {
    ASSERT_TRUE(gold().has(net + "/parameter/" + parameter->name)) << parameter->name;
    ASSERT_EQ(gold().shape(net + "/parameter/" + parameter->name), parameter->extents) << parameter->name;
    if (pruned && parameter->is_weight) {
      const auto mask = gold().values(net + "/mask/" + parameter->name);
      const std::vector<uint8_t> kept(mask.begin(), mask.end());
      parameter->pattern = Pattern::from_mask(parameter->pattern->rows(), parameter->pattern->columns(), kept);
    }
    parameter->value.resize(static_cast<size_t>(parameter->pattern->nonzeros()));
    parameter->gradient.assign(parameter->value.size(), 0);
    gather(*parameter->pattern, gold().values(net + "/parameter/" + parameter->name), parameter->value);
  }
}

void expect_close(std::span<const float> actual, const std::string& name) {
  const auto expected = gold().values(name);
  ASSERT_EQ(actual.size(), expected.size()) << name;
  EXPECT_LT(test::norm_error(actual, expected), kTolerance) << name;
  EXPECT_LT(test::max_error(actual, expected), kTolerance) << name;
}

struct Case {
  std::string net;
  bool pruned;
  KernelPath path;
};

class Gold : public testing::TestWithParam<Case> {};

TEST_P(Gold, LogitsGradientsStatisticsAndInference) {
  const auto& [net, pruned, path] = GetParam();
  const std::string variant = net + (pruned ? "/pruned" : "/dense");
  Network network = build(net);
  load(network, net, pruned);
  network.plan(image_shape(net), path);
  const Tensor images = test::from_nchw(image_shape(net), gold().values(net + "/images"));
  const Tensor& logits = network.feedforward(images, true);
  expect_close(test::to_nchw(logits), variant + "/logits");
  network.backpropagate(test::from_nchw(logits.shape(), gold().values(variant + "/dlogits")));

  for (const Parameter* parameter : network.parameters()) {
    std::vector<float> gradient(static_cast<size_t>(parameter->pattern->size()));
    scatter(*parameter->pattern, parameter->gradient, gradient);
    expect_close(gradient, variant + "/gradient/" + parameter->name);
  }
  for (const Buffer* buffer : network.buffers()) {
    expect_close(buffer->value, variant + "/buffer/" + buffer->name);
  }
  expect_close(test::to_nchw(network.feedforward(images, false)), variant + "/inference");
}

class PrunedGold : public Gold {};

TEST_P(PrunedGold, TheDenseGradientIsThatOfPrunedWeightsToo) {
  const auto& [net, pruned, path] = GetParam();
  Network network = build(net);
  load(network, net, true);
  network.plan(image_shape(net), path);
  for (const Parameter* parameter : network.parameters()) {
    if (parameter->is_weight) {
      network.request_dense_gradient(*parameter);
    }
  }
  const Tensor& logits = network.feedforward(test::from_nchw(image_shape(net), gold().values(net + "/images")), true);
  network.backpropagate(test::from_nchw(logits.shape(), gold().values(net + "/pruned/dlogits")));
  for (const Parameter* parameter : network.parameters()) {
    std::vector<float> gradient(static_cast<size_t>(parameter->pattern->size()));
    scatter(*parameter->pattern, parameter->gradient, gradient);
    expect_close(gradient, net + "/pruned/gradient/" + parameter->name);
    if (parameter->is_weight) {
      expect_close(network.dense_gradient(*parameter), net + "/pruned/dense_gradient/" + parameter->name);
    }
  }
}

std::vector<Case> every_path(std::initializer_list<bool> variants) {
  std::vector<Case> cases;
  for (const char* net : {"resnet", "option_a"}) {
    for (const bool pruned : variants) {
      for (const KernelPath path : test::kEveryPath) {
        cases.push_back({net, pruned, path});
      }
    }
  }
  return cases;
}

std::string case_name(const testing::TestParamInfo<Case>& tested) {
  return tested.param.net + (tested.param.pruned ? "_pruned_" : "_dense_") + std::string(to_string(tested.param.path));
}

INSTANTIATE_TEST_SUITE_P(EveryPath, Gold, testing::ValuesIn(every_path({false, true})), case_name);
INSTANTIATE_TEST_SUITE_P(EveryPath, PrunedGold, testing::ValuesIn(every_path({true})), case_name);

TEST(GoldFile, PrunedMeansAboutEightyPercent) {
  double kept = 0;
  double all = 0;
  for (const char* name : {"layer1.0.conv1.weight", "layer1.0.conv2.weight", "layer2.0.conv1.weight",
                           "layer2.0.conv2.weight", "layer2.0.downsample.0.weight"}) {
    const auto mask = gold().values(std::string("resnet/mask/") + name);
    kept += std::accumulate(mask.begin(), mask.end(), 0.0);
    all += static_cast<double>(mask.size());
  }
  EXPECT_NEAR(kept / all, 0.2, 0.02);
}

}  // namespace
}  // namespace trainer
