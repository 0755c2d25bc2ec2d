#include "speculation/classes.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace trainer {
namespace {

TEST(SpeculationClasses, ListsAreReadAndWritten) {
  for (const char* text : {"none", "all", "ff", "bp", "gradients", "wg", "ff,gradients", "bp,gradients,wg"}) {
    EXPECT_EQ(to_text(parse_speculation(text, "--speculation")), text);
  }
  EXPECT_EQ(to_text(parse_speculation("wg,ff", "")), "ff,wg");
  EXPECT_EQ(to_text(parse_speculation("ff,bp,gradients,wg", "")), "all");
  EXPECT_EQ(parse_speculation("gradients", ""), (SpeculationClasses{.gradients = true}));
}

TEST(SpeculationClasses, ExactOnesChangeNoValues) {
  EXPECT_FALSE(parse_speculation("bp,wg", "").change_values());
  EXPECT_TRUE(parse_speculation("bp,ff", "").change_values());
  EXPECT_TRUE(parse_speculation("gradients", "").change_values());
}

TEST(SpeculationClasses, UnknownOnesAreRefusedInOneLine) {
  for (const char* text : {"", "fp", "ff,", ",ff", "ff,,bp", "ff, bp", "none,ff", "all,ff", "FF", "auto,ff"}) {
    try {
      parse_speculation(text, "--speculation");
      ADD_FAILURE() << text;
    } catch (const UsageError& error) {
      const std::string message = error.what();
      EXPECT_EQ(message.rfind("--speculation: '", 0), 0U) << message;
      EXPECT_NE(message.find("ff, bp, gradients, wg"), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace trainer
