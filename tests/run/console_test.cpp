#include "run/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run/temporary_folder.h"

namespace trainer {
namespace {

using testing_help::read_text;
using testing_help::TemporaryFolder;

TEST(Duration, Text) {
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(-1), "0s");
  EXPECT_EQ(duration_text(59.4), "59s");
  EXPECT_EQ(duration_text(59.6), "1m00s");
  EXPECT_EQ(duration_text(187), "3m07s");
  EXPECT_EQ(duration_text(3725), "1h02m");
}

TEST(Progress, Line) {
  EXPECT_EQ(to_text({.step = 120,
                     .steps = 9380,
                     .epoch = 0,
                     .epochs = 10,
                     .loss = 0.43214,
                     .accuracy = 0.8512,
                     .weight_sparsity = 0.9,
                     .images_per_s = 812.4,
                     .left_s = 3725}),
            "step 120/9380  epoch 1/10  ETA 1h02m  loss 0.4321  accuracy 85.1 %  812 images/s  sparsity 90.0 %");
}

std::string written(bool progress) {
  const TemporaryFolder folder;
  const auto file = folder / "log";
  std::FILE* out = std::fopen(file.c_str(), "w");
  {
    Console console(out, progress);
    console.note("note");
    for (int i = 0; i < 1000; ++i) {
      console.progress({.step = i, .steps = 1000});
      console.evaluation(i, 1000);
    }
    console.line("line");
  }
  std::fclose(out);
  return read_text(file);
}

TEST(Console, AFileGetsPlainLinesAtIntervals) { EXPECT_EQ(written(true), "note\nline\n"); }

TEST(Console, QuietKeepsLinesAlone) { EXPECT_EQ(written(false), "line\n"); }

}  // namespace
}  // namespace trainer
