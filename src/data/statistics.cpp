#include "data/statistics.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"

namespace trainer {
namespace {

constexpr int64_t kMostImages = 2000;
constexpr int64_t kFewestImages = 100;
constexpr int64_t kPixelBudget = int64_t{1} << 28U;
constexpr int64_t kGrain = 16;

// Exact sums, so the result does not depend on the order of addition.
struct Sums {
  uint64_t count = 0;
  std::vector<uint64_t> sum;
  std::vector<uint64_t> squares;

  explicit Sums(int64_t channels) : sum(static_cast<size_t>(channels)), squares(static_cast<size_t>(channels)) {}

  void add(const Image& image) {
    const auto plane = static_cast<size_t>(image.height * image.width);
    count += plane;
    for (size_t c = 0; c < sum.size(); ++c) {
      for (size_t p = c * plane; p < (c + 1) * plane; ++p) {
        const uint64_t value = image.pixels[p];
        sum[c] += value;
        squares[c] += value * value;
      }
    }
  }

  void add(const Sums& other) {
    count += other.count;
    for (size_t c = 0; c < sum.size(); ++c) {
      sum[c] += other.sum[c];
      squares[c] += other.squares[c];
    }
  }
};

}  // namespace

ChannelStatistics channel_statistics(const Dataset& dataset) {
  const Image first = dataset.read(0);
  const int64_t affordable = std::max(kFewestImages, kPixelBudget / (first.height * first.width));
  const int64_t images = std::min({kMostImages, dataset.size(), affordable});

  std::vector<Sums> pieces(static_cast<size_t>((images + kGrain - 1) / kGrain), Sums(dataset.channels()));
  parallel_for(images, kGrain, [&](int64_t begin, int64_t end) {
    Image image;
    for (int64_t i = begin; i < end; ++i) {
      dataset.read_into(i * dataset.size() / images, image);
      pieces[static_cast<size_t>(begin / kGrain)].add(image);
    }
  });
  Sums total(dataset.channels());
  for (const Sums& piece : pieces) {
    total.add(piece);
  }

  ChannelStatistics statistics;
  const auto count = static_cast<double>(total.count);
  for (size_t c = 0; c < total.sum.size(); ++c) {
    const double mean = static_cast<double>(total.sum[c]) / count;
    const double variance = std::max(0.0, static_cast<double>(total.squares[c]) / count - mean * mean);
    const uint64_t level = total.sum[c] / total.count;
    const bool constant = level * total.count == total.sum[c] && level * level * total.count == total.squares[c];
    statistics.mean.push_back(static_cast<float>(mean / 255.0));
    statistics.deviation.push_back(constant ? 1.0F : static_cast<float>(std::sqrt(variance) / 255.0));
  }
  return statistics;
}

}  // namespace trainer
