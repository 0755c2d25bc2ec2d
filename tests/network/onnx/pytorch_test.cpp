#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "network/onnx/export.h"
#include "network/onnx/import.h"
#include "network/onnx/onnx_support.h"
#include "network/support.h"

namespace trainer {
namespace {

std::string gold(const std::string& name, const std::string& ending) {
  return std::string(TRAINER_TEST_DATA) + "/onnx_" + name + ending;
}

struct Gold {
  Tensor images;
  std::vector<float> logits;
  std::vector<std::string> parameters;
};

Gold read_gold(const std::string& name) {
  const auto json = nlohmann::json::parse(std::ifstream(gold(name, ".json")));
  const auto extents = json["images"].get<std::vector<int64_t>>();
  Gold result;
  result.images = test::from_rows({extents[0], extents[1], extents[2], extents[3]}, json["values"]);
  for (const auto& row : json["logits"]) {
    for (const float value : row.get<std::vector<float>>()) {
      result.logits.push_back(value);
    }
  }
  result.parameters = json["parameters"].get<std::vector<std::string>>();
  return result;
}

class PyTorchModel : public testing::TestWithParam<const char*> {};

/// Networks exported by PyTorch (tests/gold/onnx_models.py) give PyTorch's logits.
TEST_P(PyTorchModel, GivesTheSameLogits) {
  const Gold expected = read_gold(GetParam());
  ImportedModel imported = import_onnx(gold(GetParam(), ".onnx"));
  EXPECT_EQ(imported.images, (Shape{1, 3, 16, 16}));
  EXPECT_EQ(imported.classes, 5);
  EXPECT_LT(test::max_error(test::run(imported.network, expected.images), expected.logits), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Onnx, PyTorchModel,
                         testing::Values("option_a_training", "option_a_inference", "plain_inference"),
                         [](const auto& model) { return std::string(model.param); });

TEST(PyTorchModelNames, AreThoseOfTheModules) {
  // In training form, nothing is merged: every parameter is there under its own name.
  const Gold expected = read_gold("option_a_training");
  ImportedModel imported = import_onnx(gold("option_a_training", ".onnx"));
  EXPECT_THAT(test::parameter_names(imported.network), testing::UnorderedElementsAreArray(expected.parameters));
  // In inference form, a convolution swallows its BN and its weight has a made-up name; the node's path still tells.
  ImportedModel inference = import_onnx(gold("option_a_inference", ".onnx"));
  EXPECT_THAT(test::parameter_names(inference.network),
              testing::IsSupersetOf({"conv1.weight", "layer1.1.conv2.weight", "layer1.1.conv2.bias", "linear.weight"}));
}

TEST(PyTorchModelNames, OptionAChainIsOneLayer) {
  const ImportedModel imported = import_onnx(gold("option_a_training", ".onnx"));
  const auto kinds = test::layer_kinds(imported.network);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "option-A shortcut"), 1);
  EXPECT_EQ(kinds.size(), 20);  // stem 3, blocks 7 and 7, shortcut, pooling, classifier
}

}  // namespace
}  // namespace trainer
