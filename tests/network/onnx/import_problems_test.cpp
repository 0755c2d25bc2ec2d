#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "network/onnx/import.h"
#include "network/onnx/onnx_support.h"

namespace trainer {
namespace {

using test::HandMadeModel;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing_helpers::ScratchFolder;

std::string error_of(const HandMadeModel& model) {
  const ScratchFolder folder;
  return test::import_error(model.save(folder.path() / "model.onnx"));
}

TEST(OnnxImportProblems, AllAreListedInOneLine) {
  HandMadeModel model({0, 1, 8, 8});
  model.floats("w", {1, 1, 3, 3}, std::vector<float>(9, 1));
  auto& uneven = model.node("Conv", {"image", "w"}, "a", "first");
  test::integers_attribute(uneven, "pads", {0, 0, 1, 1});
  model.node("HardSwish", {"a"}, "b", "second");
  model.node("Relu", {"b"}, "c", "fine");
  auto& strides = model.node("Conv", {"c", "w"}, "d", "third");
  test::integers_attribute(strides, "strides", {1, 2});
  model.node("Erf", {"d"}, "e");
  model.node("Relu", {"e"}, "logits", "line\nbreak").set_domain("com.example");
  const std::string error = error_of(model);
  EXPECT_THAT(error, AllOf(HasSubstr("model.onnx"), HasSubstr("first (Conv): pads 0,0,1,1 are not the same"),
                           HasSubstr("second (HardSwish): there is no such layer"),
                           HasSubstr("third (Conv): strides 1 and 2 differ"), HasSubstr("node of e (Erf)"),
                           HasSubstr("line?break (Relu): operator of domain com.example")));
  EXPECT_THAT(error, AllOf(Not(HasSubstr("fine")), Not(HasSubstr("\n"))));
}

/// What follows from a node that cannot be imported is not a problem of its own.
TEST(OnnxImportProblems, ShapesComputedFromWhatIsUnknownAreNotListed) {
  HandMadeModel model({0, 1, 8, 8});
  model.integers("zero", {0});
  model.integers("rest", {-1});
  model.node("HardSwish", {"image"}, "a", "culprit");
  model.node("Shape", {"a"}, "shape", "s");
  model.node("Gather", {"shape", "zero"}, "batch", "g");
  auto& concat = model.node("Concat", {"batch", "rest"}, "target", "c");
  test::integer_attribute(concat, "axis", 0);
  model.node("Reshape", {"a", "target"}, "flat", "r");
  model.floats("w", {64, 2}, std::vector<float>(128, 1));
  model.floats("b", {2}, {0, 0});
  model.node("MatMul", {"flat", "w"}, "product", "m");
  model.node("Add", {"product", "b"}, "logits", "bias");
  const std::string error = error_of(model);
  EXPECT_THAT(error, HasSubstr("culprit (HardSwish)"));
  EXPECT_THAT(error, Not(HasSubstr(";")));
}

struct Refusal {
  const char* what;
  void (*build)(HandMadeModel&);
  const char* message;
};

class OnnxImportRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(OnnxImportRefuses, WithReason) {
  HandMadeModel model({0, 4, 8, 8});
  model.floats("w", {4, 4, 3, 3}, std::vector<float>(144, 1));
  GetParam().build(model);
  EXPECT_THAT(error_of(model), HasSubstr(GetParam().message));
}

onnx::NodeProto& pool(HandMadeModel& model, const std::string& op) {
  auto& node = model.node(op, {"image"}, "logits", "pool");
  test::integers_attribute(node, "kernel_shape", {3, 3});
  test::integers_attribute(node, "strides", {2, 2});
  return node;
}

const Refusal kRefusals[] = {
    {"ConcatOfActivations",
     [](HandMadeModel& m) {
       test::integer_attribute(m.node("Concat", {"image", "image"}, "logits", "c"), "axis", 1);
     },
     "c (Concat): has a layer for constants alone"},
    {"Softmax", [](HandMadeModel& m) { m.node("Softmax", {"image"}, "logits", "s"); }, "s (Softmax)"},
    {"ClipBelowZero",
     [](HandMadeModel& m) {
       m.floats("least", {}, {-1});
       m.floats("most", {}, {1});
       m.node("Clip", {"image", "least", "most"}, "logits", "hardtanh");
     },
     "hardtanh (Clip): bounds -1 and 1"},
    {"ClipToNothing",
     [](HandMadeModel& m) {
       m.floats("zero", {}, {0});
       m.node("Clip", {"image", "zero", "zero"}, "logits", "c");
     },
     "c (Clip): bounds 0 and 0"},
    {"ClipAtNaN",
     [](HandMadeModel& m) {
       m.floats("zero", {}, {0});
       m.floats("nan", {}, {std::numeric_limits<float>::quiet_NaN()});
       m.node("Clip", {"image", "zero", "nan"}, "logits", "c");
     },
     "c (Clip): bounds 0 and nan"},
    {"AverageWithoutPadding",
     [](HandMadeModel& m) {
       test::integers_attribute(pool(m, "AveragePool"), "pads", {1, 1, 1, 1});
     },
     "count_include_pad 0"},
    {"CeilMode", [](HandMadeModel& m) { test::integer_attribute(pool(m, "MaxPool"), "ceil_mode", 1); }, "ceil_mode 1"},
    {"DilatedPool",
     [](HandMadeModel& m) {
       test::integers_attribute(pool(m, "MaxPool"), "dilations", {2, 2});
     },
     "dilation 2"},
    {"Indices",
     [](HandMadeModel& m) {
       pool(m, "MaxPool").add_output("indices");
       m.graph().mutable_node(0)->set_output(0, "x");
       m.node("Add", {"x", "indices"}, "logits");
     },
     "its output 2 is used"},
    {"UnevenSame",
     [](HandMadeModel& m) {
       auto& a = *pool(m, "MaxPool").add_attribute();
       a.set_name("auto_pad");
       a.set_type(onnx::AttributeProto::STRING);
       a.set_s("SAME_UPPER");
     },
     "unevenly"},
    {"AttributeOfTomorrow",
     [](HandMadeModel& m) { test::integer_attribute(m.node("Relu", {"image"}, "logits", "r"), "new_meaning", 1); },
     "attribute new_meaning is not supported"},
    {"AttributeOfTheWrongType",
     [](HandMadeModel& m) {
       test::integer_attribute(m.node("Conv", {"image", "w"}, "logits", "c"), "strides", 1);
     },
     "attribute strides is of the wrong type"},
    {"WeightFromTheImages",
     [](HandMadeModel& m) {
       m.node("Conv", {"image", "image"}, "logits", "c");
     },
     "its weight is computed from the images"},
    {"WrongChannels",
     [](HandMadeModel& m) {
       m.floats("narrow", {4, 3, 3, 3}, std::vector<float>(108, 1));
       m.node("Conv", {"image", "narrow"}, "logits", "c");
     },
     "takes 3 channels"},
    {"KernelTooLarge",
     [](HandMadeModel& m) {
       m.floats("wide", {1, 4, 9, 9}, std::vector<float>(324, 1));
       m.node("Conv", {"image", "wide"}, "logits", "c");
     },
     "does not fit"},
    {"BroadcastAdd",
     [](HandMadeModel& m) {
       m.node("GlobalAveragePool", {"image"}, "p");
       m.node("Add", {"image", "p"}, "logits", "a");
     },
     "a (Add): its inputs are"},
    {"AddOfAConstant",
     [](HandMadeModel& m) {
       m.node("Add", {"image", "w"}, "logits", "a");
     },
     "is a constant"},
    {"GemmOfImages",
     [](HandMadeModel& m) {
       m.floats("fc", {4, 2}, std::vector<float>(8, 1));
       m.node("Gemm", {"image", "fc"}, "logits", "g");
     },
     "not N x features"},
    {"BatchMixed",
     [](HandMadeModel& m) {
       m.integers("shape", {-1, 4});
       m.node("Reshape", {"image", "shape"}, "logits", "r");
     },
     "images of a batch would be mixed"},
    {"FlattenedBatch",
     [](HandMadeModel& m) { test::integer_attribute(m.node("Flatten", {"image"}, "logits", "f"), "axis", 2); },
     "images of a batch would be mixed"},
    {"ConvolutionOfFlattened",
     [](HandMadeModel& m) {
       m.node("Flatten", {"image"}, "f");
       m.node("Conv", {"f", "w"}, "logits", "c");
     },
     "not N x C x H x W"},
    {"BorderPad",
     [](HandMadeModel& m) {
       m.integers("pads", {0, 0, 1, 1, 0, 0, 1, 1});
       m.node("Pad", {"image", "pads"}, "logits", "p");
     },
     "only channels added evenly"},
    {"UnevenChannels",
     [](HandMadeModel& m) {
       m.integers("pads", {0, 0, 0, 0, 0, 4, 0, 0});
       m.node("Pad", {"image", "pads"}, "logits", "p");
     },
     "0 channels before and 4 after"},
    {"CroppedSlice",
     [](HandMadeModel& m) {
       m.integers("starts", {1});
       m.integers("ends", {8});
       m.integers("axes", {2});
       m.node("Slice", {"image", "starts", "ends", "axes"}, "logits", "s");
     },
     "only every n-th row and column"},
    {"RowsAlone",
     [](HandMadeModel& m) {
       m.integers("starts", {0});
       m.integers("ends", {8});
       m.integers("axes", {2});
       m.integers("steps", {2});
       m.node("Slice", {"image", "starts", "ends", "axes", "steps"}, "s");
       m.node("Relu", {"s"}, "logits", "r");
     },
     "every 2-th row and 1-th column"},
    {"ChannelMean",
     [](HandMadeModel& m) { test::integers_attribute(m.node("ReduceMean", {"image"}, "logits", "m"), "axes", {1}); },
     "a mean over axes 1"},
    {"TrainingDropout",
     [](HandMadeModel& m) {
       m.floats("ratio", {}, {0.5F});
       m.integers("yes", {1});
       m.node("Dropout", {"image", "ratio", "yes"}, "d", "drop");
       m.node("Relu", {"d"}, "logits");
     },
     "drop (Dropout): dropout in training form"},
    {"TwoInputs",
     [](HandMadeModel& m) {
       m.input("other", {0, 4, 8, 8});
       m.node("Add", {"image", "other"}, "logits");
     },
     "2 inputs image, other"},
    {"TwoOutputs",
     [](HandMadeModel& m) {
       m.node("Relu", {"image"}, "logits");
       m.graph().add_output()->set_name("image");
     },
     "output 'image'"},
    {"NoLayer", [](HandMadeModel& m) { m.node("Identity", {"image"}, "logits"); }, "there is no layer between"},
    {"OnlyTheShapeIsUsed",
     [](HandMadeModel& m) {
       m.node("Relu", {"image"}, "unused", "lost");
       m.node("Shape", {"unused"}, "shape");
       m.node("Relu", {"image"}, "a");
       m.node("Reshape", {"a", "shape"}, "logits");
     },
     "layer lost: only the shape"},
    {"HalfPrecision",
     [](HandMadeModel& m) {
       m.graph().mutable_initializer(0)->set_data_type(onnx::TensorProto::FLOAT16);
       m.node("Conv", {"image", "w"}, "logits", "c");
     },
     "elements of type FLOAT16"},
    {"DivisionByZero",
     [](HandMadeModel& m) {
       m.integers("one", {1});
       m.integers("zero", {0});
       m.node("Div", {"one", "zero"}, "q", "d");
       m.node("Reshape", {"image", "q"}, "logits");
     },
     "d (Div): cannot divide 1 by 0"},
};

INSTANTIATE_TEST_SUITE_P(Onnx, OnnxImportRefuses, testing::ValuesIn(kRefusals),
                         [](const auto& refusal) { return std::string(refusal.param.what); });

}  // namespace
}  // namespace trainer
