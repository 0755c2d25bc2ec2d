#include "data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/random.h"
#include "data/augment.h"
#include "data/epoch_order.h"
#include "data/files.h"

namespace trainer {
namespace {

using test::counting_dataset;
using testing::ElementsAre;

// Everything of a batch, copied.
struct Copy {
  std::vector<float> values;
  std::vector<int32_t> labels;
  bool operator==(const Copy&) const = default;
};

Copy copy(const Batch& batch) {
  const auto values = batch.images.values();
  return {.values = {values.begin(), values.end()}, .labels = batch.labels};
}

std::vector<Copy> take(Loader& loader, int64_t count) {
  std::vector<Copy> batches;
  for (int64_t i = 0; i < count; ++i) {
    batches.push_back(copy(loader.next()));
  }
  return batches;
}

LoaderOptions everything() {
  return {.batch = 4,
          .mean = {0.25F, 0.5F, 0.75F},
          .deviation = {0.5F, 0.25F, 1.0F},
          .augment = true,
          .crop_padding = 2,
          .shuffle = true,
          .seed = 9};
}

TEST(Loader, StoresImagesBatchInnermostAndNormalised) {
  LoaderOptions options{.batch = 4, .mean = {0.5F, 0.25F}, .deviation = {0.5F, 2.0F}};
  const auto dataset = counting_dataset(6, 2, 2, 3, 3);
  Loader loader(dataset, options);
  EXPECT_EQ(loader.batches_per_epoch(), 2);
  const Batch& batch = loader.next();
  EXPECT_EQ(batch.images.shape(), (Shape{.n = 4, .c = 2, .h = 2, .w = 3}));
  EXPECT_THAT(batch.labels, ElementsAre(0, 1, 2, 0));
  for (int64_t n = 0; n < 4; ++n) {
    const Image image = dataset->read(n);
    for (int64_t c = 0; c < 2; ++c) {
      for (int64_t p = 0; p < 6; ++p) {
        const auto channel = static_cast<size_t>(c);
        const float pixel = image.pixels[static_cast<size_t>(6 * c + p)];
        EXPECT_EQ(batch.images.at(n, c, p / 3, p % 3),
                  (pixel / 255.0F - options.mean[channel]) / options.deviation[channel]);
      }
    }
  }
}

TEST(Loader, LastBatchIsShortAndZeroPastItsImages) {
  Loader loader(counting_dataset(6, 1, 2, 2, 3), {.batch = 4, .mean = {0.5F}, .deviation = {0.5F}});
  for (int epoch = 0; epoch < 5; ++epoch) {
    EXPECT_EQ(loader.next().labels.size(), 4U);
    const Batch& last = loader.next();
    EXPECT_THAT(last.labels, ElementsAre(1, 2));
    EXPECT_EQ(last.images.shape().n, 4);
    for (int64_t p = 0; p < 4; ++p) {
      EXPECT_NE(last.images.at(1, 0, p / 2, p % 2), 0.0F);
      EXPECT_EQ(last.images.at(2, 0, p / 2, p % 2), 0.0F);
      EXPECT_EQ(last.images.at(3, 0, p / 2, p % 2), 0.0F);
    }
  }
}

TEST(Loader, DropLastLeavesOutTheShortBatch) {
  Loader loader(counting_dataset(6, 1, 1, 1, 3), {.batch = 4, .drop_last = true});
  EXPECT_EQ(loader.batches_per_epoch(), 1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(loader.next().labels, ElementsAre(0, 1, 2, 0));
  }
}

TEST(Loader, WithoutMeanGivesPixelOver255) {
  Loader loader(counting_dataset(2, 1, 1, 2, 2), {.batch = 2});
  const Batch& batch = loader.next();
  EXPECT_EQ(batch.images.at(1, 0, 0, 0), 7.0F / 255.0F);
  EXPECT_EQ(batch.images.at(1, 0, 0, 1), 10.0F / 255.0F);
}

TEST(Loader, ResizesToTheSizeAskedFor) {
  // 1x4 to 1x2 keeps the two middle columns: pixels 3 p of image 0.
  Loader loader(counting_dataset(2, 1, 1, 4, 2), {.batch = 1, .height = 1, .width = 2});
  const Batch& batch = loader.next();
  EXPECT_EQ(batch.images.shape().w, 2);
  EXPECT_EQ(batch.images.at(0, 0, 0, 0), 3.0F / 255.0F);
  EXPECT_EQ(batch.images.at(0, 0, 0, 1), 6.0F / 255.0F);
}

TEST(Loader, AugmentsByItsSeedEpochAndIndexAlone) {
  const auto dataset = counting_dataset(8, 3, 5, 7, 2);
  const LoaderOptions options = everything();
  Loader loader(dataset, options);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    Random random(options.seed, random_stream(RandomUse::kShuffle, epoch));
    const auto order = shuffled(8, random);
    for (size_t first = 0; first < 8; first += 4) {
      const Batch& batch = loader.next();
      for (size_t n = 0; n < 4; ++n) {
        const uint32_t index = order[first + n];
        EXPECT_EQ(batch.labels[n], static_cast<int32_t>(index % 2));
        const Placement placement = draw_placement(options.seed, epoch, index, 2, true);
        const Image image = dataset->read(index);
        for (int64_t c = 0; c < 3; ++c) {
          for (int64_t y = 0; y < 5; ++y) {
            for (int64_t x = 0; x < 7; ++x) {
              const int64_t row = y + placement.row;
              const int64_t column = (placement.mirrored ? 6 - x : x) + placement.column;
              const bool inside = row >= 0 && row < 5 && column >= 0 && column < 7;
              const float pixel = inside ? image.pixels[static_cast<size_t>((c * 5 + row) * 7 + column)] : 0.0F;
              const auto channel = static_cast<size_t>(c);
              ASSERT_EQ(batch.images.at(static_cast<int64_t>(n), c, y, x),
                        (pixel / 255.0F - options.mean[channel]) / options.deviation[channel]);
            }
          }
        }
      }
    }
  }
}

TEST(Loader, EveryEpochShowsEveryImageOnceInAnotherOrder) {
  Loader loader(counting_dataset(30, 1, 1, 1, 30), {.batch = 4, .shuffle = true});
  std::set<std::vector<int32_t>> orders;
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<int32_t> order;
    for (int64_t b = 0; b < loader.batches_per_epoch(); ++b) {
      const auto& labels = loader.next().labels;
      order.insert(order.end(), labels.begin(), labels.end());
    }
    EXPECT_EQ(std::set<int32_t>(order.begin(), order.end()).size(), 30U);
    EXPECT_EQ(order.size(), 30U);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 3U);
}

TEST(Loader, SeedChangesOrderAndAugmentation) {
  LoaderOptions options = everything();
  Loader one(counting_dataset(12, 3, 4, 4, 3), options);
  options.seed = 10;
  Loader other(counting_dataset(12, 3, 4, 4, 3), options);
  EXPECT_NE(take(one, 1)[0].values, take(other, 1)[0].values);
}

TEST(Loader, BatchesDoNotDependOnWorkers) {
  const auto dataset = counting_dataset(22, 3, 4, 4, 3);
  LoaderOptions options = everything();
  Loader reference(dataset, options);
  const auto expected = take(reference, 40);
  for (const int workers : {2, 4, 7}) {
    options.workers = workers;
    Loader loader(dataset, options);
    EXPECT_EQ(take(loader, 40), expected) << workers;
  }
}

TEST(Loader, StartsAnywhere) {
  const auto dataset = counting_dataset(22, 3, 4, 4, 3);  // 6 batches an epoch
  LoaderOptions options = everything();
  options.workers = 2;
  Loader loader(dataset, options);
  ASSERT_EQ(loader.batches_per_epoch(), 6);
  const auto all = take(loader, 30);
  for (const auto& [epoch, batch] : {std::pair<int64_t, int64_t>{0, 0}, {0, 5}, {1, 3}, {2, 0}, {1, 6}, {3, 1}}) {
    const auto begin = all.begin() + epoch * 6 + batch;
    loader.start(epoch, batch);
    EXPECT_EQ(take(loader, 8), std::vector<Copy>(begin, begin + 8)) << epoch << ' ' << batch;
    Loader fresh(dataset, options);
    fresh.start(epoch, batch);
    EXPECT_EQ(take(fresh, 8), std::vector<Copy>(begin, begin + 8)) << epoch << ' ' << batch;
  }
}

TEST(Loader, BatchStaysUntilTheNextCall) {
  LoaderOptions options = everything();
  options.workers = 4;
  Loader loader(counting_dataset(64, 3, 4, 4, 3), options);
  for (int i = 0; i < 50; ++i) {
    const Batch& batch = loader.next();
    const Copy before = copy(batch);
    std::this_thread::yield();
    ASSERT_EQ(copy(batch), before);
  }
}

TEST(Loader, MemoryIsReused) {
  Loader loader(counting_dataset(20, 1, 2, 2, 2), {.batch = 3});
  std::set<const float*> tensors;
  std::set<const int32_t*> labels;
  for (int i = 0; i < 60; ++i) {
    const Batch& batch = loader.next();
    tensors.insert(batch.images.data());
    labels.insert(batch.labels.data());
  }
  EXPECT_EQ(tensors.size(), 3U);  // two ahead and the one in use
  EXPECT_EQ(labels.size(), 3U);
}

TEST(Loader, BatchesLargerThanTheCacheTile) {
  const auto dataset = counting_dataset(150, 2, 3, 5, 5);
  Loader loader(dataset, {.batch = 150});
  const Batch& batch = loader.next();
  for (int64_t n = 0; n < 150; ++n) {
    const Image image = dataset->read(n);
    for (int64_t p = 0; p < 30; ++p) {
      ASSERT_EQ(batch.images.at(n, p / 15, p % 15 / 5, p % 5),
                static_cast<float>(image.pixels[static_cast<size_t>(p)]) / 255.0F);
    }
  }
}

}  // namespace
}  // namespace trainer
