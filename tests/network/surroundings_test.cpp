#include "network/surroundings.h"

#include <gtest/gtest.h>

#include <map>

#include "network/graph.h"
#include "network/layers/contraction.h"
#include "network/named/models.h"

namespace trainer {
namespace {

class NamedModel {
 public:
  explicit NamedModel(const std::string& name, Passes passes = Passes::fused, KernelPath path = KernelPath::reference)
      : network_(make_model({.name = name, .width = 0.25, .images = {2, 3, 32, 32}})) {
    network_.plan({2, 3, 32, 32}, path, Format::fp32, passes);
  }
  const ContractionLayer& contraction(const std::string& name) const {
    return layer(name).contraction()->description();
  }
  const BatchNormLayer& batchnorm(const std::string& name) const {
    return dynamic_cast<const layers::BatchNorm&>(layer(name)).description();
  }
  const Network& network() const { return network_; }

 private:
  Layer& layer(const std::string& name) const {
    for (const Network::Node& node : network_.nodes()) {
      if (node.name == name) {
        return *node.layer;
      }
    }
    throw std::logic_error("no layer " + name);
  }
  Network network_;
};

void expect_contraction(const ContractionLayer& layer, bool rectified, bool from_batchnorm, bool to_batchnorm) {
  EXPECT_EQ(layer.input_is_rectified, rectified) << layer.name;
  EXPECT_EQ(layer.input_from_batchnorm, from_batchnorm) << layer.name;
  EXPECT_EQ(layer.output_to_batchnorm, to_batchnorm) << layer.name;
}

void expect_batchnorm(const BatchNormLayer& layer, int applied_on_load, bool contraction_has_bp) {
  EXPECT_EQ(layer.applied_on_load, applied_on_load) << layer.name;
  EXPECT_EQ(layer.contraction_has_bp, contraction_has_bp) << layer.name;
}

TEST(Surroundings, Resnet18) {
  const NamedModel model("resnet18");
  expect_contraction(model.contraction("conv1"), false, false, true);
  // What the stem leaves is read by a shortcut too, so it has to be in memory.
  expect_contraction(model.contraction("layer1.0.conv1"), true, false, true);
  expect_contraction(model.contraction("layer1.0.conv2"), true, true, true);
  expect_contraction(model.contraction("layer2.0.conv1"), true, false, true);
  expect_contraction(model.contraction("layer2.0.downsample.0"), true, false, true);
  expect_contraction(model.contraction("fc"), false, false, false);
  expect_batchnorm(model.batchnorm("bn1"), 0, false);
  expect_batchnorm(model.batchnorm("layer1.0.bn1"), 1, true);
  expect_batchnorm(model.batchnorm("layer1.0.bn2"), 0, true);
  expect_batchnorm(model.batchnorm("layer2.0.downsample.1"), 0, true);
}

TEST(Surroundings, Resnet20ReadsItsBlocksThroughOptionAShortcutsToo) {
  const NamedModel model("resnet20");
  expect_contraction(model.contraction("layer2.0.conv1"), true, false, true);
  expect_contraction(model.contraction("layer2.0.conv2"), true, true, true);
  expect_contraction(model.contraction("linear"), false, false, false);
  expect_batchnorm(model.batchnorm("bn1"), 0, false);
  expect_batchnorm(model.batchnorm("layer2.0.bn1"), 1, true);
  expect_batchnorm(model.batchnorm("layer2.0.bn2"), 0, true);
}

TEST(Surroundings, MobilenetV2) {
  const NamedModel model("mobilenet-v2");
  expect_contraction(model.contraction("features.0.0"), false, false, true);
  expect_contraction(model.contraction("features.1.conv.0.0"), true, true, true);  // behind ReLU6
  expect_contraction(model.contraction("features.1.conv.1"), true, true, true);
  // The linear bottleneck: BN's output as it is.
  expect_contraction(model.contraction("features.2.conv.0.0"), false, true, true);
  expect_contraction(model.contraction("features.3.conv.0.0"), false, false, true);
  expect_batchnorm(model.batchnorm("features.0.1"), 1, false);
  expect_batchnorm(model.batchnorm("features.1.conv.2"), 1, true);
  expect_batchnorm(model.batchnorm("features.2.conv.3"), 0, true);  // added to the next block
  expect_batchnorm(model.batchnorm("features.18.1"), 0, true);      // averaged
}

TEST(Surroundings, DoNotDependOnPathAndPasses) {
  const NamedModel fused("resnet18");
  const NamedModel other("resnet18", Passes::one_by_one, KernelPath::highway);
  for (const Network::Node& node : fused.network().nodes()) {
    if (node.layer->contraction() != nullptr) {
      const ContractionLayer& a = fused.contraction(node.name);
      expect_contraction(other.contraction(node.name), a.input_is_rectified, a.input_from_batchnorm,
                         a.output_to_batchnorm);
    } else if (node.layer->kind() == "batch normalisation") {
      const BatchNormLayer& a = fused.batchnorm(node.name);
      expect_batchnorm(other.batchnorm(node.name), a.applied_on_load, a.contraction_has_bp);
    }
  }
}

TEST(Surroundings, MaxPoolingOfReluIsRectifiedAverageIsNot) {
  Network network;
  const auto pool = [&](const char* name, int input, PoolingKind kind) {
    layers::PoolingOptions options;
    options.kind = kind;
    options.stride = 2;
    return network.add(name, std::make_unique<layers::Pooling>(options), {input});
  };
  const int relu = test::relu(network, "relu", test::convolution(network, "conv", Network::kInput, 2, 4));
  const int maximum = test::convolution(network, "after-maximum", pool("max", relu, PoolingKind::maximum), 4, 4);
  const int average = test::convolution(network, "after-average", pool("average", relu, PoolingKind::average), 4, 4);
  test::add(network, "sum", maximum, average);
  const std::vector<Surroundings> found = find_surroundings(network.nodes());
  EXPECT_TRUE(found[static_cast<size_t>(maximum)].input_is_rectified);
  EXPECT_FALSE(found[static_cast<size_t>(average)].input_is_rectified);
  EXPECT_FALSE(found[0].output_to_batchnorm);
}

}  // namespace
}  // namespace trainer
