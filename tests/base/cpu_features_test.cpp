#include "base/cpu_features.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace trainer {
namespace {

/// Whether Linux lists one of these words among the first processor's features.
bool is_listed(const std::string& x86, const std::string& arm) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("flags") || line.starts_with("Features")) {
      std::istringstream words(line);
      for (std::string word; words >> word;) {
        if (word == x86 || word == arm) {
          return true;
        }
      }
      return false;
    }
  }
  return false;
}

TEST(CpuFeatures, HalfArithmeticIsWhatTheOperatingSystemSays) {
  std::ifstream file("/proc/cpuinfo");
  std::stringstream text;
  text << file.rdbuf();
  if (text.str().find("flags\t") == std::string::npos && text.str().find("Features\t") == std::string::npos) {
    GTEST_SKIP() << "no features in /proc/cpuinfo";
  }
  EXPECT_EQ(cpu_has_half_arithmetic(), is_listed("avx512_fp16", "asimdhp"));
}

TEST(CpuFeatures, HalfArithmeticCanBeSwitchedOff) {
  const bool has = cpu_has_half_arithmetic();
  setenv("TRAINER_CPU_FP16", "off", 1);
  EXPECT_FALSE(cpu_has_half_arithmetic());
  setenv("TRAINER_CPU_FP16", "", 1);
  EXPECT_EQ(cpu_has_half_arithmetic(), has);
  unsetenv("TRAINER_CPU_FP16");
}

TEST(CpuFeatures, HalfArithmeticHasAName) { EXPECT_STRNE(half_arithmetic_name(), ""); }

}  // namespace
}  // namespace trainer
