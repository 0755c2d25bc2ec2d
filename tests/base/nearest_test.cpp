#include "base/nearest.h"

#include <gtest/gtest.h>

namespace trainer {
namespace {

const std::vector<std::string> kKnown = {"epochs", "batch", "sparsity", "lr"};

TEST(Nearest, FindsATypo) {
  EXPECT_EQ(nearest_name("epocs", kKnown), "epochs");
  EXPECT_EQ(nearest_name("bacth", kKnown), "batch");  // a swap counts once
  EXPECT_EQ(nearest_name("sparcity", kKnown), "sparsity");
  EXPECT_EQ(nearest_name("lt", kKnown), "lr");
}

TEST(Nearest, DoesNotGuessWildly) {
  EXPECT_EQ(nearest_name("banana", kKnown), "");
  EXPECT_EQ(nearest_name("", kKnown), "");
  EXPECT_EQ(did_you_mean("banana", kKnown), "");
}

TEST(Nearest, Phrase) { EXPECT_EQ(did_you_mean("epocs", kKnown, "--"), " (did you mean '--epochs'?)"); }

}  // namespace
}  // namespace trainer
