#include "speculation/gradients.h"

#include <fmt/format.h>

#include <bit>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "kernels/elementwise/pieces.h"
#include "speculation/prune.h"

namespace trainer {
namespace {

// Keeps these random numbers apart from those of weights, masks and augmentation under the same seed.
constexpr uint64_t kGradientStream = uint64_t{0x47524144} << 32;  // "GRAD"

constexpr int kSmallestExponent = 27;  // 2^-100: below, prune() could not draw in steps of 2^-24
constexpr int kNotFinite = 255;

float power_of_two(uint8_t biased_exponent) {
  return std::bit_cast<float>(static_cast<uint32_t>(biased_exponent) << 23);
}

}  // namespace

int threshold_exponent(const ExponentHistogram& histogram, int64_t zeros, double drop) {
  int64_t operands = -zeros;
  for (int e = 0; e < kNotFinite; ++e) {
    operands += histogram[static_cast<size_t>(e)];
  }
  const double allowed = drop * static_cast<double>(operands);
  int64_t below = -zeros;
  int exponent = 0;
  // `below` counts the non-zero values under 2^(exponent - 127).
  while (exponent + 1 < kNotFinite) {
    below += histogram[static_cast<size_t>(exponent)];
    if (static_cast<double>(below) > allowed || below == operands) {
      break;
    }
    ++exponent;
  }
  return exponent < kSmallestExponent ? 0 : exponent;
}

GradientPruning::GradientPruning(const GradientOptions& options) : options_(options) {
  if (!(options.drop >= 0 && options.drop <= 0.99)) {
    throw UsageError(fmt::format("--gradient-drop: {} is out of range; give 0 .. 0.99", options.drop));
  }
}

void GradientPruning::begin_step(int64_t step) {
  step_ = step;
  counts_.clear();
}

void GradientPruning::gradient(const ContractionLayer& layer, Tensor& dZ) {
  const Shape& shape = dZ.shape();
  const int64_t size = shape.channel_size();
  std::vector<uint8_t>& exponents = exponents_[layer.index];
  exponents.resize(static_cast<size_t>(shape.c), 0);
  Random random(options_.seed, kGradientStream + static_cast<uint64_t>(step_), static_cast<uint32_t>(layer.index));
  const PruningKey key{random.next(), random.next()};
  GradientCounts counts;
  std::mutex guard;
  parallel_for(shape.c, channels_per_piece(size), [&](int64_t begin, int64_t end) {
    GradientCounts own;
    for (int64_t c = begin; c < end; ++c) {
      uint8_t& exponent = exponents[static_cast<size_t>(c)];
      ExponentHistogram histogram{};
      const GradientCounts channel = prune({dZ.channel(c), static_cast<size_t>(size)}, static_cast<uint32_t>(c * size),
                                           exponent == 0 ? 0.0F : power_of_two(exponent), key, histogram);
      exponent = static_cast<uint8_t>(threshold_exponent(histogram, channel.values - channel.operands, options_.drop));
      own += channel;
    }
    const std::lock_guard lock(guard);  // sums of whole numbers: their order does not matter
    counts += own;
  });
  counts_[layer.index] = counts;
}

nlohmann::json GradientPruning::state() const {
  nlohmann::json layers = nlohmann::json::array();
  for (const auto& [index, exponents] : exponents_) {
    layers.push_back({{"layer", index}, {"threshold_exponents", exponents}});
  }
  return layers;
}

void GradientPruning::restore(const nlohmann::json& state) {
  try {
    std::map<int, std::vector<uint8_t>> exponents;
    for (const nlohmann::json& layer : state) {
      exponents[layer.at("layer").get<int>()] = layer.at("threshold_exponents").get<std::vector<uint8_t>>();
    }
    exponents_ = std::move(exponents);
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(
        fmt::format("checkpoint: the state of gradient pruning is damaged ({}); resume from the checkpoint "
                    "before it",
                    error.what()));
  }
}

}  // namespace trainer
