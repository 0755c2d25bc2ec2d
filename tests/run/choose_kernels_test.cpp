#include "run/choose_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/cpu_features.h"
#include "base/error.h"
#include "network/layers/contraction.h"
#include "network/named/models.h"
#include "run/explain_kernels.h"
#include "run/temporary_folder.h"
#include "run/this_machine.h"

namespace trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing_help::message_of;
using testing_help::TemporaryFolder;

constexpr Shape kImages = {2, 3, 8, 8};

Network small_network(KernelPath path, Format storage = Format::fp32) {
  Network network = make_model({"resnet20", 0.25, kImages, 4, 1});
  network.plan(kImages, path, storage);
  return network;
}

RunConfig config_with(const std::string& kernels, const std::string& choice, std::vector<std::string> break_even = {}) {
  RunConfig config = default_config();
  config.kernels = kernels;
  config.kernel_choice = choice;
  config.kernel_break_even = std::move(break_even);
  return config;
}

std::vector<KernelPath> paths_of(const Network& network) {
  std::vector<KernelPath> paths;
  for (const KernelExplanation& row : explain_kernels(network, {})) {
    paths.push_back(row.path);
  }
  return paths;
}

class ChooseKernels : public testing::Test {
 protected:
  void choose(RunConfig& config, const Network& network) { choose_kernels(config, cache_, network, true, notes_); }

  TemporaryFolder folder_;
  KernelCache cache_{folder_.path(), this_machine()};
  std::vector<std::string> notes_;
};

TEST_F(ChooseKernels, EveryShapeOnceInOrder) {
  const Network network = small_network(KernelPath::automatic);
  std::vector<std::string> shapes;
  for (const ConvolutionGeometry& shape : contraction_shapes(network)) {
    shapes.push_back(to_string(shape));
  }
  EXPECT_THAT(shapes, ElementsAre("n2c3k4h8r3p1", "n2c4k4h8r3p1", "n2c4k8h8r3s2p1", "n2c8k8h4r3p1", "n2c8k16h4r3s2p1",
                                  "n2c16k16h2r3p1", "n2c16k4h1r1"));
}

TEST_F(ChooseKernels, WhatIsMeasuredIsWrittenDownAndRepeatsTheChoices) {
  RunConfig config = config_with("auto", "measured");
  const Network network = small_network(KernelPath::automatic);
  choose(config, network);
  EXPECT_THAT(config.kernel_break_even, SizeIs(7));
  EXPECT_THAT(config.kernel_break_even.front(), HasSubstr("n2c3k4h8r3p1="));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("kernels of 7 shapes measured")));

  // Written down, it needs no measurement, and gives way to none.
  notes_.clear();
  RunConfig again = config;
  KernelCache none("", this_machine());
  const Network repeated = small_network(KernelPath::automatic);
  choose_kernels(again, none, repeated, true, notes_);
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_EQ(again.kernel_break_even, config.kernel_break_even);
  EXPECT_EQ(paths_of(repeated), paths_of(network));
}

TEST_F(ChooseKernels, WhatIsGivenWinsOverWhatIsMeasured) {
  const Network network = small_network(KernelPath::automatic);
  const ConvolutionGeometry shape = contraction_shapes(network)[1];
  for (const char* given : {"=2/0/2", "=0/2/0"}) {
    RunConfig config = config_with("auto", "measured", {to_string(shape) + given});
    choose(config, network);
    EXPECT_THAT(config.kernel_break_even, SizeIs(7));
    for (const KernelExplanation& row : explain_kernels(network, {})) {
      if (row.problem == to_string(shape)) {
        const bool is_bp = row.phase == ConvolutionPhase::backpropagation;
        const bool bp_on_highway = given[1] == '0';
        EXPECT_EQ(row.path, is_bp == bp_on_highway ? KernelPath::highway : KernelPath::onednn) << row.layer << given;
      }
    }
  }
}

TEST_F(ChooseKernels, TheRuleMeasuresNothing) {
  RunConfig config = config_with("auto", "rule", {"n2c4k4h8r3p1=0/0/0"});
  const Network network = small_network(KernelPath::automatic);
  choose(config, network);
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(config.kernel_break_even, ElementsAre("n2c4k4h8r3p1=0/0/0"));
  for (const KernelExplanation& row : explain_kernels(network, {})) {
    const bool given = row.problem == "n2c4k4h8r3p1";
    EXPECT_EQ(row.break_even.has_value(), given) << row.layer;
    // Of small widths no other weight is full and has 144 columns but layer3's.
    const bool dense = given || row.problem == "n2c16k16h2r3p1";
    EXPECT_EQ(row.path, dense ? KernelPath::onednn : KernelPath::highway) << row.layer;
  }
}

TEST_F(ChooseKernels, AForcedPathNeedsNoChoice) {
  RunConfig config = config_with("highway", "measured", {"n2c4k4h8r3p1=0/0/0"});
  const Network network = small_network(KernelPath::highway);
  choose(config, network);
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(config.kernel_break_even, IsEmpty());
  EXPECT_THAT(paths_of(network), testing::Each(KernelPath::highway));
}

TEST_F(ChooseKernels, MisuseIsToldWithTheOption) {
  const Network network = small_network(KernelPath::automatic);
  const auto message = [&](std::vector<std::string> texts) {
    RunConfig config = config_with("auto", "rule", std::move(texts));
    return message_of<UsageError>([&] { choose(config, network); });
  };
  EXPECT_THAT(message({"n2c4k4h8r3p1=3/0/0"}),
              HasSubstr("kernel-break-even: 'n2c4k4h8r3p1=3/0/0' is not a break-even"));
  EXPECT_THAT(message({"x=1/1/1"}), HasSubstr("kernel-break-even: convolution problem 'x'"));
  EXPECT_THAT(message({"n2c4k4h8r3p1=1/1/1", "n2c4k4h8w8r3p1=0/0/0"}), HasSubstr("n2c4k4h8r3p1 is given twice"));
}

/// Makes this CPU one without arithmetic in FP16 while it lives.
class NoHalfArithmetic {
 public:
  NoHalfArithmetic() { setenv("TRAINER_CPU_FP16", "off", 1); }
  ~NoHalfArithmetic() { unsetenv("TRAINER_CPU_FP16"); }
  NoHalfArithmetic(const NoHalfArithmetic&) = delete;
  NoHalfArithmetic& operator=(const NoHalfArithmetic&) = delete;
};

TEST_F(ChooseKernels, EachFormatIsMeasuredForItself) {
  RunConfig config = config_with("auto", "measured");
  choose(config, small_network(KernelPath::automatic));
  RunConfig fp16 = config_with("auto", "measured");
  choose(fp16, small_network(KernelPath::automatic, Format::fp16));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("kernels of 7 shapes measured in"), HasSubstr(" s (fp16)")));
  for (const ConvolutionBreakEven& entry : parse_break_evens(config.kernel_break_even, "fp32")) {
    for (const DensityBounds& bounds : entry.break_even.of) {
      EXPECT_FALSE(bounds.has_half()) << to_string(entry);
    }
  }
  for (const auto& [problem, models] : cache_.load(Format::fp16, notes_)) {
    EXPECT_EQ(models[ConvolutionPhase::feedforward].half.has_value(), cpu_has_half_arithmetic()) << problem;
  }
}

TEST_F(ChooseKernels, WhatIsNotOfferedIsNotChosen) {
  RunConfig config = config_with("auto", "measured");
  choose_kernels(config, cache_, small_network(KernelPath::automatic, Format::fp16), false, notes_);
  for (const ConvolutionBreakEven& entry : parse_break_evens(config.kernel_break_even, "fp16")) {
    for (const DensityBounds& bounds : entry.break_even.of) {
      EXPECT_FALSE(bounds.has_half()) << to_string(entry);
    }
  }
}

TEST_F(ChooseKernels, AChoiceOfHalfHoldsInFp16Alone) {
  RunConfig config = config_with("auto", "rule", {"n2c4k4h8r3p1=0-2/0-2/0-2"});
  const Network fp32 = small_network(KernelPath::automatic);
  choose(config, fp32);
  for (const KernelExplanation& row : explain_kernels(fp32, {})) {
    EXPECT_NE(row.path, KernelPath::half) << row.layer;
    EXPECT_EQ(row.path == KernelPath::highway, row.problem != "n2c16k16h2r3p1") << row.layer;
  }
  if (!cpu_has_half_arithmetic()) {
    GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
  }
  const Network fp16 = small_network(KernelPath::automatic, Format::fp16);
  choose(config, fp16);
  for (const KernelExplanation& row : explain_kernels(fp16, {})) {
    EXPECT_EQ(row.path == KernelPath::half, row.problem == "n2c4k4h8r3p1") << row.layer;
  }
}

TEST_F(ChooseKernels, AChoiceOfHalfIsRefusedWhereTheCpuCannot) {
  const NoHalfArithmetic without;
  const Network fp16 = small_network(KernelPath::automatic, Format::fp16);
  RunConfig config = config_with("auto", "rule", {"n2c4k4h8r3p1=0-2/0/0"});
  EXPECT_THAT(message_of<UsageError>([&] { choose(config, fp16); }),
              testing::StartsWith("kernel-break-even: has phases on half, and this CPU has no "));
  // For an evaluation, which is FP32, it does not matter.
  EXPECT_NO_THROW(choose(config, small_network(KernelPath::automatic)));
}

TEST(ExplainKernels, ShowsHalfWhereItHasAPlace) {
  if (!cpu_has_half_arithmetic()) {
    GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
  }
  const Network network = small_network(KernelPath::automatic, Format::fp16);
  CostModels models;
  models["n2c16k16h2r3p1"].of.fill({.highway = {1e-3, 4e-3}, .half = SparseCost{1e-3, 2e-3}, .onednn_s = 6e-3});
  use_break_evens({parse_break_even("n2c16k16h2r3p1=0.5-2/0/2")}, network);
  const std::vector<KernelExplanation> rows = explain_kernels(network, models);
  const std::string table = kernel_explanation_table(rows);
  EXPECT_THAT(table, testing::ContainsRegex("break-even +highway_ms +half_ms +onednn_ms"));
  EXPECT_THAT(table,
              testing::ContainsRegex("layer3.2.conv2 +FF +n2c16k16h2r3p1 +half +1.000 +always +5.000 +3.000 +6.000"));
  EXPECT_THAT(table, testing::ContainsRegex("conv1 +FF +n2c3k4h8r3p1 +highway +1.000 +- +- +- +-"));
  // 5 layers: FF on half, BP on oneDNN, WG on highway.
  EXPECT_THAT(table, HasSubstr("as chosen: 70.000 ms"));
  const nlohmann::json list = kernel_explanation_json(rows).at("kernels");
  const auto row =
      std::find_if(list.begin(), list.end(), [](const auto& r) { return r.at("layer") == "layer3.2.conv2"; });
  EXPECT_DOUBLE_EQ(row->at("half_ms").get<double>(), 3);
  EXPECT_EQ(row->at("half_from"), 0.5);
  EXPECT_EQ(row->at("break_even"), 2);
  EXPECT_TRUE((row + 1)->at("half_from").is_null());
  EXPECT_TRUE(list[0].at("half_ms").is_null());
}

TEST(ExplainKernels, PredictsWithTheMask) {
  const Network network = small_network(KernelPath::automatic);
  CostModels models;
  models["n2c16k16h2r3p1"].of.fill({.highway = {1e-3, 4e-3}, .half = {}, .onednn_s = 3e-3});
  use_break_evens({parse_break_even("n2c16k16h2r3p1=0.46/0/2")}, network);
  Parameter& weight = *network.nodes()[network.nodes().size() - 6].layer->parameters().at(0);
  ASSERT_EQ(weight.name, "layer3.2.conv2.weight");
  std::vector<uint8_t> kept(static_cast<size_t>(weight.pattern->size()), 0);
  std::fill_n(kept.begin(), kept.size() / 4, uint8_t{1});
  weight.pattern = Pattern::from_mask(weight.pattern->rows(), weight.pattern->columns(), kept);

  const std::vector<KernelExplanation> rows = explain_kernels(network, models);
  EXPECT_THAT(rows, SizeIs(3 * 20 - 1));  // no BP of the first layer
  const auto row = std::find_if(rows.begin(), rows.end(), [](const auto& r) { return r.layer == "layer3.2.conv2"; });
  ASSERT_NE(row, rows.end());
  EXPECT_EQ(row->density, 0.25);
  EXPECT_DOUBLE_EQ(row->highway_ms.value(), 2);
  EXPECT_DOUBLE_EQ(row->onednn_ms.value(), 3);
  EXPECT_EQ(row->path, KernelPath::highway);
  EXPECT_EQ((row + 1)->path, KernelPath::onednn);
  EXPECT_FALSE(rows.front().highway_ms);

  const std::string table = kernel_explanation_table(rows);
  EXPECT_THAT(table, testing::ContainsRegex("layer3.2.conv2 +FF +n2c16k16h2r3p1 +highway +0.250 +0.460 +2.000 +3.000"));
  EXPECT_THAT(table, testing::ContainsRegex("layer3.2.conv2 +BP +n2c16k16h2r3p1 +onednn +0.250 +never +2.000 +3.000"));
  EXPECT_THAT(table,
              testing::ContainsRegex("layer3.2.conv2 +WG +n2c16k16h2r3p1 +highway +0.250 +always +2.000 +3.000"));
  EXPECT_THAT(table, testing::ContainsRegex("conv1 +FF +n2c3k4h8r3p1 +highway +1.000 +- +- +-"));
  // layer3 has 5 such layers, 4 of them with full weights of 5 ms: 3 phases each.
  EXPECT_THAT(table, testing::ContainsRegex("sum +66.000 +45.000"));
  // FF and BP of full weights on oneDNN, WG on highway; 2 + 3 + 2 of the pruned one.
  EXPECT_THAT(table, HasSubstr("as chosen: 51.000 ms"));

  const nlohmann::json list = kernel_explanation_json(rows).at("kernels");
  ASSERT_EQ(list.size(), rows.size());
  EXPECT_TRUE(list[0].at("highway_ms").is_null());
  EXPECT_TRUE(list[0].at("break_even").is_null());
  EXPECT_EQ(list[0].at("phase"), "FF");
  EXPECT_EQ(list[0].at("path"), "highway");
}

}  // namespace
}  // namespace trainer
