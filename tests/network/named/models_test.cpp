#include "network/named/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "base/error.h"
#include "network/initialise.h"
#include "network/named/build.h"
#include "network/support.h"

namespace trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::map<std::string, const Parameter*> by_name(Network& network) {
  std::map<std::string, const Parameter*> result;
  for (const Parameter* parameter : network.parameters()) {
    result[parameter->name] = parameter;
  }
  return result;
}

int64_t parameter_count(Network& network) {
  int64_t sum = 0;
  for (const Parameter* parameter : network.parameters()) {
    sum += parameter->pattern->size();
  }
  return sum;
}

/// 3x3 convolution and BN.
int64_t layer3x3(int64_t from, int64_t to) { return 9 * from * to + 2 * to; }

TEST(Models, ResNet18HasTheParametersOfItsArchitecture) {
  int64_t expected = layer3x3(3, 64) + 4 * layer3x3(64, 64);
  for (const int64_t c : {128, 256, 512}) {
    expected += layer3x3(c / 2, c) + 3 * layer3x3(c, c) + (c / 2) * c + 2 * c;
  }
  expected += 512 * 10 + 10;
  EXPECT_EQ(expected, 11173962);
  Network network = make_model({"resnet18", 1, {1, 3, 32, 32}, 10, 1});
  EXPECT_EQ(parameter_count(network), expected);
}

TEST(Models, ResNet34WithTheImageNetStemHasTorchvisionsCount) {
  Network network = make_model({"resnet34", 1, {1, 3, 224, 224}, 1000, 1});
  EXPECT_EQ(parameter_count(network), 21797672);
  Network small = make_model({"resnet18", 1, {1, 3, 224, 224}, 1000, 1});
  EXPECT_EQ(parameter_count(small), 11689512);
}

TEST(Models, CifarResNetsHaveTheParametersOfTheirArchitecture) {
  const std::map<std::string, int64_t> blocks = {{"resnet20", 3}, {"resnet32", 5}, {"resnet56", 9}};
  for (const auto& [name, n] : blocks) {
    const int64_t expected = layer3x3(3, 16) + 2 * n * layer3x3(16, 16) + layer3x3(16, 32) +
                             (2 * n - 1) * layer3x3(32, 32) + layer3x3(32, 64) + (2 * n - 1) * layer3x3(64, 64) + 640 +
                             10;
    Network network = make_model({name, 1, {1, 3, 32, 32}, 10, 1});
    EXPECT_EQ(parameter_count(network), expected) << name;
    if (name == "resnet20") {
      EXPECT_EQ(expected, 269722);
    }
  }
}

TEST(Models, MobileNetV2HasTorchvisionsParameters) {
  Network imagenet = make_model({"mobilenet-v2", 1, {1, 3, 224, 224}, 1000, 1});
  EXPECT_EQ(parameter_count(imagenet), 3504872);
  EXPECT_EQ(imagenet.parameters().size(), 158U);
  const auto parameters = by_name(imagenet);
  for (const char* name :
       {"features.0.0.weight", "features.1.conv.0.0.weight", "features.1.conv.1.weight", "features.1.conv.2.bias",
        "features.2.conv.0.1.weight", "features.2.conv.1.0.weight", "features.2.conv.3.weight",
        "features.17.conv.2.weight", "features.18.1.bias", "classifier.1.bias"}) {
    EXPECT_TRUE(parameters.contains(name)) << name;
  }
  EXPECT_THAT(parameters.at("features.2.conv.1.0.weight")->extents, testing::ElementsAre(96, 1, 3, 3));
  // The classifier alone depends on the number of classes, and nothing on the image's size.
  Network cifar = make_model({"mobilenet-v2", 1, {1, 3, 32, 32}, 10, 1});
  EXPECT_EQ(parameter_count(cifar), 3504872 - 1281 * 990);
}

/// Shape of the last feature map, before global pooling.
Shape last_feature_map(const char* model, int64_t pixels) {
  const Shape images{1, 3, pixels, pixels};
  Network network = make_model({model, 0.1, images, 10, 1});
  std::vector<Shape> outputs;
  for (const Network::Node& node : network.nodes()) {
    if (node.name == "avgpool") {
      break;
    }
    std::vector<Shape> inputs;
    for (const int input : node.inputs) {
      inputs.push_back(input < 0 ? images : outputs[static_cast<size_t>(input)]);
    }
    outputs.push_back(node.layer->output_shape(inputs));
  }
  return outputs.back();
}

TEST(Models, MobileNetV2StridesGoByTheWidthOfTheImage) {
  EXPECT_EQ(last_feature_map("mobilenet-v2", 32), (Shape{1, 128, 4, 4}));
  EXPECT_EQ(last_feature_map("mobilenet-v2", 64), (Shape{1, 128, 8, 8}));
  EXPECT_EQ(last_feature_map("mobilenet-v2", 65), (Shape{1, 128, 3, 3}));
  EXPECT_EQ(last_feature_map("mobilenet-v2", 224), (Shape{1, 128, 7, 7}));
}

TEST(Models, ParametersAreNamedAsInPyTorch) {
  Network imagenet = make_model({"resnet18", 0.1, {1, 3, 32, 32}, 10, 1});
  const auto parameters = by_name(imagenet);
  for (const char* name : {"conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.0.bn1.weight",
                           "layer1.1.bn2.bias", "layer2.0.downsample.0.weight", "layer2.0.downsample.1.bias",
                           "layer4.1.conv2.weight", "fc.weight", "fc.bias"}) {
    EXPECT_TRUE(parameters.contains(name)) << name;
  }
  EXPECT_FALSE(parameters.contains("layer1.0.downsample.0.weight"));
  EXPECT_EQ(parameters.size(), 62U);  // torchvision's resnet18 has 62
  EXPECT_EQ(imagenet.buffers()[0]->name, "bn1.running_mean");
  EXPECT_EQ(imagenet.buffers()[1]->name, "bn1.running_var");

  Network cifar = make_model({"resnet20", 1, {1, 3, 32, 32}, 10, 1});
  const auto small = by_name(cifar);
  EXPECT_TRUE(small.contains("layer3.2.conv2.weight"));
  EXPECT_TRUE(small.contains("linear.weight"));
  EXPECT_EQ(small.size(), 3U + 9 * 6 + 2);
}

TEST(Models, OnlyWeightsArePrunableAndDecay) {
  Network network = make_model({"resnet18", 0.1, {1, 3, 32, 32}, 10, 1});
  for (const Parameter* parameter : network.parameters()) {
    const bool is_weight = parameter->extents.size() > 1;
    EXPECT_EQ(parameter->is_weight, is_weight) << parameter->name;
    EXPECT_EQ(parameter->decays, is_weight) << parameter->name;
  }
}

TEST(Models, WidthScalesChannelsToMultiplesOfFour) {
  EXPECT_EQ(named::scaled_channels(64, 1), 64);
  EXPECT_EQ(named::scaled_channels(64, 0.3), 20);  // 19.2
  EXPECT_EQ(named::scaled_channels(16, 0.01), 4);
  EXPECT_EQ(named::scaled_channels(16, 2), 32);
  Network network = make_model({"resnet20", 0.3, {1, 3, 32, 32}, 10, 1});
  EXPECT_THAT(by_name(network).at("layer3.0.conv2.weight")->extents, testing::ElementsAre(20, 20, 3, 3));
}

TEST(Models, AcceptAnyImageFromEightPixels) {
  for (const ModelEntry& entry : model_list()) {
    for (const Shape& images :
         {Shape{2, 1, 8, 8}, Shape{2, 1, 28, 28}, Shape{1, 3, 9, 15}, Shape{1, 3, 11, 65}, Shape{1, 2, 70, 80}}) {
      Network network = make_model({std::string(entry.name), 0.05, images, 7, 1});
      network.plan(images, KernelPath::automatic);
      const Tensor& logits = network.feedforward(test::random_tensor(images, 1), false);
      EXPECT_EQ(logits.shape(), (Shape{images.n, 7, 1, 1})) << entry.name << " " << to_string(images);
      EXPECT_TRUE(std::ranges::all_of(logits.values(), [](float value) { return std::isfinite(value); }));
    }
  }
}

TEST(Models, TheStemGoesByTheWidthOfTheImage) {
  const auto stem = [](int64_t width) {
    Network network = make_model({"resnet18", 0.1, {1, 3, 64, width}, 10, 1});
    return std::pair(by_name(network).at("conv1.weight")->extents[2], network.nodes()[3].name);
  };
  EXPECT_EQ(stem(64), std::pair(int64_t{3}, std::string("layer1.0.conv1")));
  EXPECT_EQ(stem(65), std::pair(int64_t{7}, std::string("maxpool")));
}

double mean_square(const Parameter& parameter) {
  return std::inner_product(parameter.value.begin(), parameter.value.end(), parameter.value.begin(), 0.0) /
         static_cast<double>(parameter.value.size());
}

TEST(Initialise, HasTheStatedSpread) {
  Network network = make_model({"resnet18", 0.5, {1, 3, 32, 32}, 100, 3});
  const auto parameters = by_name(network);
  // K = 256, 3x3: variance 2 / (256 * 9); 589,824 values
  EXPECT_NEAR(mean_square(*parameters.at("layer4.0.conv2.weight")) / (2.0 / (256 * 9)), 1, 0.02);
  EXPECT_NEAR(mean_square(*parameters.at("layer4.0.downsample.0.weight")) / (2.0 / 256), 1, 0.05);
  const Parameter& linear = *parameters.at("fc.weight");  // 100 x 256, uniform in +-1/16: variance 1/(3 * 256)
  EXPECT_NEAR(mean_square(linear) / (1.0 / (3 * 256)), 1, 0.05);
  EXPECT_LE(*std::ranges::max_element(linear.value), 1.0F / 16);
  EXPECT_GE(*std::ranges::min_element(linear.value), -1.0F / 16);
  EXPECT_LE(*std::ranges::max_element(parameters.at("fc.bias")->value), 1.0F / 16);
  EXPECT_NE(mean_square(*parameters.at("fc.bias")), 0);
  EXPECT_THAT(parameters.at("layer1.0.bn1.weight")->value, testing::Each(1.0F));
  EXPECT_THAT(parameters.at("layer1.0.bn1.bias")->value, testing::Each(0.0F));
}

TEST(Initialise, EachParameterDependsOnSeedAndNameAlone) {
  Network small = make_model({"resnet20", 0.5, {1, 3, 32, 32}, 10, 1});
  Network deep = make_model({"resnet56", 0.5, {1, 3, 32, 32}, 10, 1});
  Network other = make_model({"resnet20", 0.5, {1, 3, 32, 32}, 10, 2});
  const auto deep_parameters = by_name(deep);
  const auto other_parameters = by_name(other);
  for (const auto& [name, parameter] : by_name(small)) {
    EXPECT_EQ(parameter->value, deep_parameters.at(name)->value) << name;
    if (parameter->is_weight) {
      EXPECT_NE(parameter->value, other_parameters.at(name)->value) << name;
    }
  }
  const auto parameters = by_name(small);
  EXPECT_NE(parameters.at("layer1.0.conv1.weight")->value, parameters.at("layer1.0.conv2.weight")->value);
}

TEST(Initialise, APrunedWeightGetsTheSameValues) {
  Network network = make_model({"resnet20", 0.5, {1, 3, 32, 32}, 10, 1});
  Parameter& weight = *network.parameters()[3];
  const AlignedVector<float> dense = weight.value;
  test::prune(weight, 0.3, 1);
  const AlignedVector<float> kept = weight.value;
  initialise(network, 1);
  EXPECT_EQ(weight.value, kept);
}

TEST(Models, RefuseWhatTheyCannotBuild) {
  EXPECT_THAT(
      [] {
        make_model({"resnet19", 1, {1, 3, 32, 32}, 10, 1});
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("resnet19"), HasSubstr("resnet18, resnet34, resnet20"))));
  EXPECT_THAT(
      [] {
        make_model({"resnet18", 1, {1, 3, 7, 32}, 10, 1});
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("1x3x7x32"), HasSubstr("8x8"))));
  EXPECT_THROW(make_model({"resnet18", 0, {1, 3, 32, 32}, 10, 1}), UsageError);
  EXPECT_THROW(make_model({"resnet18", std::nan(""), {1, 3, 32, 32}, 10, 1}), UsageError);
  EXPECT_THROW(make_model({"resnet18", 1e9, {1, 3, 32, 32}, 10, 1}), UsageError);
  EXPECT_THROW(make_model({"resnet18", 1, {1, 3, 32, 32}, 0, 1}), UsageError);
  EXPECT_THROW(make_model({"resnet18", 1, {0, 3, 32, 32}, 10, 1}), UsageError);
}

}  // namespace
}  // namespace trainer
