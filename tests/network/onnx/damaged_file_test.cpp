#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "network/onnx/import.h"
#include "network/onnx/onnx_support.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing_helpers::read_bytes;
using testing_helpers::ScratchFolder;
using testing_helpers::write_bytes;

std::string good_model(const std::string& name = "option_a_training") {
  return read_bytes(std::string(TRAINER_TEST_DATA) + "/onnx_" + name + ".onnx");
}

/// Imports what can be imported and plans it; anything beside UsageError, or a message of several lines, fails.
/// Returns whether the file was refused.
bool refused(const std::filesystem::path& file) {
  try {
    ImportedModel model = import_onnx(file, {.prune_zeros = true});
    // What got through must be fit to use; a huge image would only take memory.
    if (model.images.size() < 10'000) {
      model.network.plan(model.images, KernelPath::reference);
    }
  } catch (const UsageError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return true;
  }
  return false;
}

TEST(DamagedOnnx, FlippedBytes) {
  const ScratchFolder folder;
  Random random(11);
  for (const char* name : {"option_a_training", "option_a_inference", "plain_inference"}) {
    const std::string good = good_model(name);
    int refusals = 0;
    constexpr int kFiles = 1000;
    for (int i = 0; i < kFiles; ++i) {
      std::string bytes = good;
      const int flips = 1 + i % 4;
      for (int k = 0; k < flips; ++k) {
        bytes[random.below(bytes.size())] ^= static_cast<char>(1 + random.below(255));
      }
      write_bytes(folder.path() / "model.onnx", bytes);
      refusals += refused(folder.path() / "model.onnx") ? 1 : 0;
    }
    // Damage to the weights' values, most of the file, cannot be seen.
    EXPECT_GT(refusals, kFiles / 4) << name;
  }
}

TEST(DamagedOnnx, CutShort) {
  const ScratchFolder folder;
  const std::string good = good_model();
  for (size_t size = 0; size < good.size(); size += 61) {
    write_bytes(folder.path() / "model.onnx", good.substr(0, size));
    EXPECT_TRUE(refused(folder.path() / "model.onnx")) << size;
  }
}

TEST(DamagedOnnx, NotAModel) {
  const ScratchFolder folder;
  EXPECT_THAT(test::import_error(folder.path() / "missing.onnx"), HasSubstr("missing.onnx"));
  EXPECT_THAT(test::import_error(folder.path()), HasSubstr("it is not a file"));
  write_bytes(folder.path() / "text.onnx", "this is no model");
  EXPECT_THAT(test::import_error(folder.path() / "text.onnx"), HasSubstr("text.onnx"));
}

TEST(DamagedOnnx, ImpossibleNumbers) {
  const ScratchFolder folder;
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  for (const int64_t number : {kLargest, std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{1} << 40}) {
    for (const std::string attribute : {"strides", "pads", "dilations", "kernel_shape"}) {
      test::HandMadeModel model({1, 1, 8, 8});
      model.floats("w.weight", {1, 1, 3, 3}, std::vector<float>(9, 1));
      auto& node = model.node("Conv", {"image", "w.weight"}, "logits", "first");
      test::integers_attribute(node, attribute, std::vector<int64_t>(attribute == "pads" ? 4 : 2, number));
      EXPECT_THAT(test::import_error(model.save(folder.path() / "m.onnx")), HasSubstr("first (Conv)")) << attribute;
    }
  }
  test::HandMadeModel huge({1, 1, int64_t{1} << 24, int64_t{1} << 24});
  huge.node("Relu", {"image"}, "logits");
  EXPECT_THAT(test::import_error(huge.save(folder.path() / "m.onnx")), HasSubstr("impossible shape"));
}

TEST(DamagedOnnx, ConstantsThatAskForAllMemory) {
  const ScratchFolder folder;
  test::HandMadeModel filled({1, 4, 8, 8});
  filled.integers("shape", {int64_t{1} << 20, int64_t{1} << 20});
  filled.node("ConstantOfShape", {"shape"}, "big", "fill");
  filled.node("Reshape", {"image", "big"}, "logits");
  EXPECT_THAT(test::import_error(filled.save(folder.path() / "m.onnx")), HasSubstr("fill (ConstantOfShape)"));

  test::HandMadeModel doubled({1, 4, 8, 8});
  doubled.integers("x0", std::vector<int64_t>(1024, 1));
  for (int i = 0; i < 40; ++i) {
    const std::string x = fmt::format("x{}", i);
    doubled.node("Concat", {x, x}, fmt::format("x{}", i + 1), fmt::format("double{}", i));
    test::integer_attribute(*doubled.graph().mutable_node(i), "axis", 0);
  }
  doubled.node("Reshape", {"image", "x40"}, "logits");
  EXPECT_THAT(test::import_error(doubled.save(folder.path() / "m.onnx")), HasSubstr("computes too much"));
}

TEST(DamagedOnnx, CyclesAndValuesFromNowhere) {
  const ScratchFolder folder;
  test::HandMadeModel own({1, 1, 8, 8});
  own.node("Relu", {"logits"}, "logits", "self");
  EXPECT_THAT(test::import_error(own.save(folder.path() / "m.onnx")), HasSubstr("self (Relu)"));

  test::HandMadeModel cycle({1, 1, 8, 8});
  cycle.node("Add", {"image", "b"}, "a", "first");
  cycle.node("Relu", {"a"}, "b", "second");
  cycle.node("Relu", {"b"}, "logits", "third");
  EXPECT_THAT(test::import_error(cycle.save(folder.path() / "m.onnx")), HasSubstr("first (Add)"));

  test::HandMadeModel twice({1, 1, 8, 8});
  twice.node("Relu", {"image"}, "logits", "once");
  twice.node("Relu", {"image"}, "logits", "again");
  EXPECT_THAT(test::import_error(twice.save(folder.path() / "m.onnx")), HasSubstr("again (Relu)"));
}

TEST(DamagedOnnx, WeightsThatDoNotFitTheirShape) {
  const ScratchFolder folder;
  test::HandMadeModel model({1, 1, 8, 8});
  model.floats("w.weight", {1, 1, 3, 3}, std::vector<float>(8, 1));
  model.node("Conv", {"image", "w.weight"}, "logits", "first");
  EXPECT_THAT(test::import_error(model.save(folder.path() / "m.onnx")), HasSubstr("8 of 9 values"));
  model.graph().mutable_initializer(0)->set_raw_data("abc");
  EXPECT_THAT(test::import_error(model.save(folder.path() / "m.onnx")), HasSubstr("3 bytes of data for 9 values"));
  model.graph().mutable_initializer(0)->set_data_location(onnx::TensorProto::EXTERNAL);
  EXPECT_THAT(test::import_error(model.save(folder.path() / "m.onnx")), HasSubstr("another file"));
}

}  // namespace
}  // namespace trainer
