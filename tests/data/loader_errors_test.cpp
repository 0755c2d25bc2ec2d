#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>

#include "base/error.h"
#include "data/files.h"
#include "data/loader.h"

namespace trainer {
namespace {

using test::counting_dataset;
using test::usage_error;
using testing::HasSubstr;

// Another data set with one image that cannot be read, or slow reading.
class Troubled : public Dataset {
 public:
  explicit Troubled(std::shared_ptr<const Dataset> inner) : inner_(std::move(inner)) {}

  int64_t size() const override { return inner_->size(); }
  int64_t channels() const override { return inner_->channels(); }
  const std::vector<std::string>& class_names() const override { return inner_->class_names(); }
  int32_t label(int64_t index) const override { return inner_->label(index); }
  Image read(int64_t index) const override {
    ++reads;
    std::this_thread::sleep_for(delay.load());
    if (index == damaged) {
      throw UsageError("image-13.png: damaged");
    }
    return inner_->read(index);
  }

  int64_t damaged = -1;
  std::atomic<std::chrono::milliseconds> delay = std::chrono::milliseconds(0);
  mutable std::atomic<int> reads = 0;

 private:
  std::shared_ptr<const Dataset> inner_;
};

TEST(LoaderErrors, ADamagedImageSurfacesAtItsBatch) {
  for (const int workers : {1, 3}) {
    const auto dataset = std::make_shared<Troubled>(counting_dataset(20, 1, 1, 1, 2));
    dataset->damaged = 13;
    Loader loader(dataset, {.batch = 4, .workers = workers});
    for (int b = 0; b < 3; ++b) {
      EXPECT_EQ(loader.next().labels.size(), 4U);
    }
    for (int again = 0; again < 3; ++again) {
      EXPECT_THAT(usage_error([&] { loader.next(); }), HasSubstr("image-13.png"));
    }
    loader.start(0, 4);
    EXPECT_EQ(loader.next().labels.size(), 4U);
    EXPECT_EQ(loader.next().labels.size(), 4U);
  }
}

TEST(LoaderErrors, DestructionDoesNotWaitForWholeBatches) {
  const auto dataset = std::make_shared<Troubled>(counting_dataset(1000, 1, 1, 1, 2));
  dataset->delay = std::chrono::milliseconds(5);
  {
    Loader loader(dataset, {.batch = 1000, .height = 1, .width = 1, .workers = 2});
    loader.start(0, 0);
    while (dataset->reads < 4) {
      std::this_thread::yield();
    }
  }
  // Each worker finishes the image it is at. The bound leaves room for a busy machine, not for a whole batch.
  EXPECT_LT(dataset->reads, 900);
}

TEST(LoaderErrors, RestartDoesNotWaitForWholeBatches) {
  const auto dataset = std::make_shared<Troubled>(counting_dataset(4000, 1, 1, 1, 2));
  dataset->delay = std::chrono::milliseconds(2);
  Loader loader(dataset, {.batch = 2000, .height = 1, .width = 1, .workers = 2});
  for (int i = 0; i < 5; ++i) {
    loader.start(i, 1);
  }
  EXPECT_LT(dataset->reads, 1800);
  dataset->delay = std::chrono::milliseconds(0);
  EXPECT_EQ(loader.next().labels.size(), 2000U);
}

TEST(LoaderErrors, IdleLoaderIsDestroyed) {
  const Loader loader(counting_dataset(3, 1, 1, 1, 2), {.batch = 2, .workers = 3});
}

TEST(LoaderErrors, BadOptionsAreUsageErrors) {
  const auto message = [](LoaderOptions options) {
    return usage_error([&] { const Loader loader(counting_dataset(10, 3, 1, 1, 2), std::move(options)); });
  };
  EXPECT_THAT(message({.batch = 0}), HasSubstr("batch 0"));
  EXPECT_THAT(message({.workers = 0}), HasSubstr("workers 0"));
  EXPECT_THAT(message({.height = -1}), HasSubstr("size -1x0"));
  EXPECT_THAT(message({.crop_padding = -1}), HasSubstr("crop padding -1"));
  EXPECT_THAT(message({.batch = 11, .drop_last = true}), HasSubstr("10 images do not fill one batch of 11"));
  EXPECT_THAT(message({.mean = {0.5F}, .deviation = {0.5F}}), HasSubstr("images of 3 channels"));
  EXPECT_THAT(message({.mean = {0, 0, 0}}), HasSubstr("3 means and 0 deviations"));
  EXPECT_THAT(message({.mean = {0, 0, 0}, .deviation = {1, 0, 1}}), HasSubstr("deviation is not above 0"));
  EXPECT_THAT(message({.mean = {0, 0, 0}, .deviation = {1, std::numeric_limits<float>::quiet_NaN(), 1}}),
              HasSubstr("deviation is not above 0"));
}

TEST(LoaderErrors, BadStartsAreUsageErrors) {
  Loader loader(counting_dataset(10, 1, 1, 1, 2), {.batch = 5});
  for (const auto& [epoch, batch] :
       {std::pair<int64_t, int64_t>{-1, 0}, {0, -1}, {0, 3}, {std::numeric_limits<int64_t>::max(), 0}}) {
    EXPECT_THAT(usage_error([&, e = epoch, b = batch] { loader.start(e, b); }), HasSubstr("an epoch has 2 batches"));
  }
  loader.start(0, 2);  // the end of epoch 0 is the start of epoch 1
  EXPECT_EQ(loader.next().labels.size(), 5U);
}

}  // namespace
}  // namespace trainer
