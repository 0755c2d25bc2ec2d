#include "run/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "run/temporary_folder.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing_help::message_of;

void set(RunConfig& config, std::string_view key, const std::vector<std::string>& values) {
  set_option(config, *find_run_option(key), values, "--" + std::string(key));
}

TEST(Options, EachIsDeclaredOnceWithHelpAndADefault) {
  std::set<std::string_view> keys;
  for (const RunOption& option : run_options()) {
    EXPECT_TRUE(keys.insert(option.key).second) << option.key;
    EXPECT_FALSE(option.help.empty()) << option.key;
    EXPECT_NE(option.default_value.empty(), option.derived.empty()) << option.key;
    EXPECT_EQ(find_run_option(option.key), &option);
  }
}

TEST(Options, DefaultsLieInTheirRanges) {
  const RunConfig config = default_config();  // throws for one that does not
  EXPECT_EQ(config.model, "resnet18");
  EXPECT_EQ(config.epochs, 10);
  EXPECT_DOUBLE_EQ(config.stop_at, 0.75);
  EXPECT_TRUE(config.augment);
  EXPECT_TRUE(config.given.empty());
}

TEST(Options, EveryValueReadsBackExactly) {
  RunConfig config = default_config();
  set(config, "lr", {"0.1"});
  set(config, "weight-decay", {"3e-4"});
  set(config, "processor", {"a", "b c"});
  set(config, "nesterov", {"on"});
  RunConfig copy = default_config();
  for (const RunOption& option : run_options()) {
    const auto values = option_values(config, option);
    if (!values.empty() && !(values.size() == 1 && (values[0].empty() || !config.is_given(option.key)))) {
      set_option(copy, option, values, option.key);
    }
  }
  EXPECT_EQ(copy.lr, 0.1);
  EXPECT_EQ(copy.weight_decay, 3e-4);
  EXPECT_THAT(copy.processor, testing::ElementsAre("a", "b c"));
  EXPECT_TRUE(copy.nesterov);
  EXPECT_EQ(to_json(copy), to_json(config));
}

TEST(Options, UnknownKeyIsNull) { EXPECT_EQ(find_run_option("epocs"), nullptr); }

struct Misuse {
  std::string_view key;
  std::vector<std::string> values;
  std::string message;
};

class OptionMisuse : public testing::TestWithParam<Misuse> {};

TEST_P(OptionMisuse, IsOneClearLine) {
  RunConfig config = default_config();
  const Misuse& misuse = GetParam();
  const std::string message = message_of<UsageError>([&] { set(config, misuse.key, misuse.values); });
  EXPECT_EQ(message, misuse.message);
  EXPECT_FALSE(config.is_given(misuse.key));
  EXPECT_EQ(to_json(config), to_json(default_config()));
}

INSTANTIATE_TEST_SUITE_P(
    All, OptionMisuse,
    testing::Values(
        Misuse{"epochs", {"abc"}, "--epochs: 'abc' is not a whole number; give 1 .. 1000000"},
        Misuse{"epochs", {"1.5"}, "--epochs: '1.5' is not a whole number; give 1 .. 1000000"},
        Misuse{"epochs", {"0"}, "--epochs: 0 is out of range; give 1 .. 1000000"},
        Misuse{"epochs", {"-3"}, "--epochs: -3 is out of range; give 1 .. 1000000"},
        Misuse{"epochs", {"99999999999999999999"}, "--epochs: 99999999999999999999 is out of range; give 1 .. 1000000"},
        Misuse{"epochs", {"1", "2"}, "--epochs: give one value, not 2"},
        Misuse{"epochs", {""}, "--epochs: '' is not a whole number; give 1 .. 1000000"},
        Misuse{"sparsity", {"1"}, "--sparsity: 1 is out of range; give 0 .. 0.999"},
        Misuse{"sparsity", {"nan"}, "--sparsity: nan is out of range; give 0 .. 0.999"},
        Misuse{"sparsity", {"90%"}, "--sparsity: '90%' is not a number; give 0 .. 0.999"},
        Misuse{"precision", {"fp4"}, "--precision: 'fp4' is not supported; choose fp32, fp16, fp8"},
        Misuse{"speculation", {""}, "--speculation: the value is empty"},
        Misuse{"gradient-drop", {"1"}, "--gradient-drop: 1 is out of range; give 0 .. 0.99"},
        Misuse{
            "kernels", {"fast"}, "--kernels: 'fast' is not supported; choose auto, reference, highway, half, onednn"},
        Misuse{"model", {""}, "--model: the value is empty"},
        Misuse{"augment", {"maybe"}, "--augment: 'maybe' is neither true nor false"}));

}  // namespace
}  // namespace trainer
