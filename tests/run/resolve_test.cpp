#include "run/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "run/temporary_folder.h"

namespace trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_help::message_of;

/// Labels and sizes alone: nothing here reads an image.
class Blank : public Dataset {
 public:
  Blank(int64_t size, int64_t channels) : size_(size), channels_(channels) {}
  int64_t size() const override { return size_; }
  int64_t channels() const override { return channels_; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int32_t label(int64_t /*index*/) const override { return 0; }
  Image read(int64_t /*index*/) const override { return {channels_, 1, 1, std::vector<uint8_t>(channels_)}; }

 private:
  int64_t size_;
  int64_t channels_;
  std::vector<std::string> names_ = {"a", "b"};
};

DataSplit split(int64_t channels, int64_t height, int64_t width) {
  return {std::make_shared<Blank>(6400, channels), std::make_shared<Blank>(10, channels), height, width, {}, {}};
}

RunConfig config_with(const std::vector<std::pair<std::string, std::string>>& options) {
  RunConfig config = default_config();
  for (const auto& [key, value] : options) {
    set_option(config, *find_run_option(key), std::span(&value, 1), key);
  }
  return config;
}

TEST(Resolve, FollowsTheData) {
  RunConfig digits = config_with({{"data", "/data/digits"}});
  resolve(digits, split(1, 28, 28));
  EXPECT_EQ(digits.image_size, "28x28");
  EXPECT_FALSE(digits.flip);
  EXPECT_EQ(digits.crop_padding, 4);

  RunConfig photographs = config_with({{"data", "/data/photographs"}});
  resolve(photographs, split(3, 160, 224));
  EXPECT_EQ(photographs.image_size, "160x224");
  EXPECT_TRUE(photographs.flip);
  EXPECT_EQ(photographs.crop_padding, 20);

  RunConfig clothes = config_with({});
  resolve(clothes, split(1, 28, 28));
  EXPECT_TRUE(clothes.flip);
}

TEST(Resolve, LearningRateFollowsOptimiserBatchAndInit) {
  RunConfig config = config_with({{"batch", "128"}});
  resolve(config, split(1, 8, 8));
  EXPECT_DOUBLE_EQ(config.lr, 0.1);
  EXPECT_DOUBLE_EQ(config.weight_decay, 5e-4);
  EXPECT_EQ(config.start, "random");
  RunConfig tuned = config_with({{"init", "x"}, {"optimizer", "adamw"}});
  resolve(tuned, split(1, 8, 8));
  EXPECT_DOUBLE_EQ(tuned.lr, 0.0001);
  EXPECT_EQ(tuned.start, "magnitude");
  EXPECT_TRUE(std::filesystem::path(tuned.init).is_absolute());
}

TEST(Resolve, WarmupIsATenthOfTheRun) {
  RunConfig config = config_with({});
  resolve(config, split(1, 8, 8));
  EXPECT_DOUBLE_EQ(config.warmup, 1);
  RunConfig brief = config_with({{"max-steps", "50"}});
  resolve(brief, split(1, 8, 8));  // 100 steps an epoch
  EXPECT_DOUBLE_EQ(brief.warmup, 0.05);
}

TEST(Resolve, WhatIsGivenStays) {
  RunConfig config = config_with({{"lr", "3"}, {"flip", "false"}, {"image-size", "16"}, {"crop-padding", "0"}});
  resolve(config, split(3, 8, 8));
  EXPECT_DOUBLE_EQ(config.lr, 3);
  EXPECT_FALSE(config.flip);
  EXPECT_EQ(config.image_size, "16x16");
  EXPECT_EQ(config.crop_padding, 0);
}

TEST(Resolve, DenseStandsBesideTrainer) {
  RunConfig config = config_with({{"processor", "trainer-28nm"}});
  resolve(config, split(1, 8, 8));
  EXPECT_THAT(config.processor, ElementsAre("trainer-28nm", "dense-28nm"));
  resolve(config, split(1, 8, 8));
  EXPECT_THAT(config.processor, ElementsAre("trainer-28nm", "dense-28nm"));
}

TEST(Resolve, DenseStandsBesideAVariantOfTrainer) {
  RunConfig config = config_with({{"processor", "trainer-28nm:array.lanes=4"}});
  resolve(config, split(1, 8, 8));
  EXPECT_THAT(config.processor, ElementsAre("trainer-28nm:array.lanes=4", "dense-28nm"));
}

TEST(Resolve, AVariantOfTheReferenceIsTheReference) {
  RunConfig config = config_with({});
  config.processor = {"trainer-28nm", "dense-28nm:batchnorm.unit=decoupled"};
  resolve(config, split(1, 8, 8));
  EXPECT_THAT(config.processor, ElementsAre("trainer-28nm", "dense-28nm:batchnorm.unit=decoupled"));
}

TEST(Resolve, Misuse) {
  const auto message = [](const std::vector<std::pair<std::string, std::string>>& options) {
    RunConfig config = config_with(options);
    return message_of<UsageError>([&] { resolve(config, split(1, 8, 8)); });
  };
  EXPECT_THAT(message({{"batch", "6401"}}), HasSubstr("batch: 6401 is more than the 6400 training images"));
  EXPECT_THAT(message({{"image-size", "0x3"}}), HasSubstr("image-size: '0x3' is not a size"));
  EXPECT_THAT(message({{"image-size", "12x"}}), HasSubstr("image-size: '12x' is not a size"));
  EXPECT_THAT(message({{"warmup", "11"}}), HasSubstr("warmup: 11 epochs are more than the whole run of 10"));
  EXPECT_THAT(message({{"sparsity", "0.5"}, {"begin-at", "0.9"}}), HasSubstr("begin-at: 0.9 is not before stop-at"));
  EXPECT_THAT(message({{"set", "a=b"}}), HasSubstr("set: there is no processor"));
}

}  // namespace
}  // namespace trainer
