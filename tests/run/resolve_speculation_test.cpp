#include "run/resolve_speculation.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trainer {
namespace {

nlohmann::json processor(bool backpropagation, bool gradients) {
  return {{"name", "some"},
          {"speculation", {{"feedforward", true}, {"backpropagation", backpropagation}, {"gradients", gradients}}}};
}

std::string resolved(const std::string& text, const nlohmann::json& processors) {
  RunConfig config = default_config();
  config.speculation = text;
  resolve_speculation(config, processors);
  return config.speculation;
}

TEST(ResolveSpeculation, AutoIsWhatAnyProcessorCanUse) {
  for (const char* automatic : {"", "auto"}) {
    EXPECT_EQ(resolved(automatic, nullptr), "none");
    EXPECT_EQ(resolved(automatic, nlohmann::json::array({nlohmann::json{{"name", "without the keys"}}})), "none");
    EXPECT_EQ(resolved(automatic, nlohmann::json::array({processor(false, true)})), "ff,gradients");
    EXPECT_EQ(resolved(automatic, nlohmann::json::array(
                                      {processor(false, false), processor(false, true), processor(true, false)})),
              "ff,bp,gradients");
  }
}

TEST(ResolveSpeculation, AutoHasTheMaskOfWeightsWhereAProcessorSkipsByIt) {
  nlohmann::json skipping = processor(true, true);
  skipping["skip"]["pruned_gradients"] = true;
  EXPECT_EQ(resolved("auto", nlohmann::json::array({processor(false, false), skipping})), "all");
}

TEST(ResolveSpeculation, AListCountsWhateverTheProcessors) {
  EXPECT_EQ(resolved("none", nlohmann::json::array({processor(true, true)})), "none");
  EXPECT_EQ(resolved("gradients", nullptr), "gradients");
  EXPECT_EQ(resolved("wg,ff", nullptr), "ff,wg");
  EXPECT_EQ(resolved("all", nullptr), "all");
}

TEST(ResolveSpeculation, UnknownClass) { EXPECT_THROW(resolved("relu", nullptr), UsageError); }

}  // namespace
}  // namespace trainer
