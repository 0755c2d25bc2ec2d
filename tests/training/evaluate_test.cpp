#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/loss/softmax_cross_entropy.h"
#include "training/small_network.h"

namespace trainer {
namespace {

using testing_helpers::small_network;

class Evaluate : public testing_helpers::OneThread {};

/// Images of noise, each another.
class Noise final : public Dataset {
 public:
  explicit Noise(int64_t size) : size_(size) {}

  int64_t size() const override { return size_; }
  int64_t channels() const override { return 3; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int32_t label(int64_t index) const override { return static_cast<int32_t>(index % 5); }
  Image read(int64_t index) const override {
    Random random(1, static_cast<uint64_t>(index));
    Image image{3, 8, 8, std::vector<uint8_t>(size_t{3} * 8 * 8)};
    for (uint8_t& pixel : image.pixels) {
      pixel = static_cast<uint8_t>(random.below(256));
    }
    return image;
  }

 private:
  int64_t size_;
  std::vector<std::string> names_ = {"a", "b", "c", "d", "e"};
};

Loader loader_of(int64_t images) {
  LoaderOptions options;
  options.batch = 8;
  options.height = 8;
  options.width = 8;
  options.mean = {0.5F, 0.5F, 0.5F};
  options.deviation = {0.25F, 0.25F, 0.25F};
  return {std::make_shared<Noise>(images), options};
}

TEST_F(Evaluate, EveryImageCountsOnceThoughTheLastBatchIsNotFull) {
  // 21 images are two full batches and one of five: the mean is over images, not over batches.
  Network network = small_network(1);
  Loader by_hand = loader_of(21);
  by_hand.start(0, 0);
  double loss = 0;
  int64_t correct = 0;
  Tensor no_gradient;
  for (const int64_t images : {8, 8, 5}) {
    const Batch& batch = by_hand.next();
    ASSERT_EQ(static_cast<int64_t>(batch.labels.size()), images);
    const LossResult result =
        softmax_cross_entropy(network.feedforward(batch.images, false), batch.labels, 0, no_gradient);
    loss += result.mean_loss * static_cast<double>(images);
    correct += result.correct;
  }

  Loader loader = loader_of(21);
  std::vector<int64_t> reported;
  const Evaluation found = evaluate(network, loader, [&](int64_t batch, int64_t of) {
    reported.push_back(batch);
    EXPECT_EQ(of, 3);
  });
  EXPECT_EQ(found.images, 21);
  EXPECT_DOUBLE_EQ(found.loss, loss / 21);
  EXPECT_DOUBLE_EQ(found.accuracy, static_cast<double>(correct) / 21);
  EXPECT_THAT(reported, testing::ElementsAre(1, 2, 3));

  const Evaluation again = evaluate(network, loader, {});
  EXPECT_EQ(again.loss, found.loss);
}

}  // namespace
}  // namespace trainer
