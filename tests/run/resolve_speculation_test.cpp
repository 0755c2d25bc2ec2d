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

TEST(ResolveSpeculation, SaysWhichMasksAreNotUsed) {
  nlohmann::json skipping = processor(true, true);
  skipping["skip"]["pruned_gradients"] = true;
  const auto note = [](const char* text, const nlohmann::json& processors) {
    return unused_masks_note(parse_speculation(text, "test"), processors);
  };
  EXPECT_EQ(note("ff", nlohmann::json::array({skipping})),
            "--speculation ff: processors do without their exact masks (bp,wg)");
  EXPECT_EQ(note("none", nlohmann::json::array({processor(true, false)})),
            "--speculation none: processors do without their exact masks (bp)");
  EXPECT_EQ(note("ff,wg", nlohmann::json::array({processor(false, true), skipping})),
            "--speculation ff,wg: processors do without their exact masks (bp)");
  EXPECT_EQ(note("bp,wg", nlohmann::json::array({skipping})), "");
  EXPECT_EQ(note("none", nlohmann::json::array({processor(false, true)})), "");
  EXPECT_EQ(note("none", nullptr), "");
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
