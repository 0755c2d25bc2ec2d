#include "speculation/feedforward.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "speculation/audit.h"
#include "speculation/channel_pass.h"
#include "speculation/margin.h"

namespace trainer {

using speculation::judge_and_mix;
using speculation::JudgeCounts;
using speculation::JudgeJob;
using speculation::predict;
using speculation::PredictJob;
using speculation::PredictSums;

namespace {

/// What later steps know of a channel's estimate.
struct ChannelEstimate {
  float mean = 0;
  float variance = 0;
  float gain = 1;
};

}  // namespace

struct FeedforwardSpeculation::Layer {
  explicit Layer(double first_margin) : margin(first_margin) {}

  /// Makes what depends on the layer's shapes.
  void fit(const ConvolutionGeometry& wanted) {
    if (words == 0 || geometry != wanted) {
      geometry = wanted;
      const Shape output = geometry.output();
      words = (output.channel_size() + 63) / 64;
      const auto size = static_cast<size_t>(words * output.c);
      skipped.assign(size, 0);
      audited.assign(size, 0);
      sample.assign(size, 0);
    }
  }

  // What a later step depends on. No channels before the first step.
  Margin margin;
  std::vector<ChannelEstimate> channels;

  ConvolutionGeometry geometry;
  int64_t words = 0;  // per channel
  std::vector<uint64_t> skipped;
  std::vector<uint64_t> audited;
  std::vector<uint64_t> sample;
};

namespace {

constexpr double kLowestAuditRate = 1.0 / 65536;

const FeedforwardOptions& checked(const FeedforwardOptions& options) {
  if (!(options.false_skip_target > 0 && options.false_skip_target < 1)) {
    throw UsageError(fmt::format("speculation of FF: a false-skip target of {} must be above 0 and below 1",
                                 options.false_skip_target));
  }
  if (!(options.audit_rate >= kLowestAuditRate && options.audit_rate <= 1)) {
    throw UsageError(
        fmt::format("speculation of FF: an audit rate of {} must be 1/65536 or more, at most 1", options.audit_rate));
  }
  if (!(options.margin >= 0 && options.margin <= 4)) {
    throw UsageError(
        fmt::format("speculation of FF: a first margin of {} standard deviations must be in 0..4", options.margin));
  }
  if (!(options.decay >= 0 && options.decay < 1)) {
    throw UsageError(fmt::format("speculation of FF: a decay of {} must be 0 or more and below 1", options.decay));
  }
  return options;
}

/// Mean and variance from sums of what was shifted.
struct Moments {
  Moments(double sum, double squares, double shift, int64_t count)
      : mean(shift + sum / static_cast<double>(count)),
        variance(std::max(squares / static_cast<double>(count) -
                              sum / static_cast<double>(count) * (sum / static_cast<double>(count)),
                          0.0)) {}

  double mean;
  double variance;
};

/// What one step makes of a channel's estimate, for the next.
ChannelEstimate next_estimate(const ChannelEstimate& now, const PredictSums& sums, int64_t count, double keep) {
  const Moments moments(sums.estimate, sums.estimate_squares, static_cast<double>(now.mean), count);
  const auto blend = [keep](float old, double found) {
    return static_cast<float>(keep * static_cast<double>(old) + (1 - keep) * found);
  };
  // Without computed outputs, or with estimates of 0 alone, there is nothing to learn from.
  const double gain = sums.squares > 0 ? sums.products / sums.squares : static_cast<double>(now.gain);
  return {blend(now.mean, moments.mean), blend(now.variance, moments.variance), static_cast<float>(gain)};
}

int64_t count_bits(const uint64_t* words, int64_t count) {
  int64_t bits = 0;
  for (int64_t i = 0; i < count; ++i) {
    bits += std::popcount(words[i]);
  }
  return bits;
}

}  // namespace

FeedforwardSpeculation::FeedforwardSpeculation(const FeedforwardOptions& options) : options_(checked(options)) {}
FeedforwardSpeculation::~FeedforwardSpeculation() = default;

void FeedforwardSpeculation::begin_step(int64_t step) {
  step_ = step;
  counts_.clear();
}

FeedforwardSpeculation::Layer& FeedforwardSpeculation::layer_for(const ContractionLayer& layer) {
  std::unique_ptr<Layer>& found = layers_[layer.index];
  if (found == nullptr) {
    found = std::make_unique<Layer>(options_.margin);
  }
  found->fit(layer.geometry);
  return *found;
}

Tensor& FeedforwardSpeculation::estimate(const ContractionLayer& layer) {
  const Shape shape = layer.geometry.output();
  if (Zhat_memory_.size() < static_cast<size_t>(shape.size())) {
    Zhat_memory_.resize(static_cast<size_t>(shape.size()));
  }
  Zhat_ = Tensor(shape, Zhat_memory_.data());
  return Zhat_;
}

SkippedOutputs FeedforwardSpeculation::feedforward(const ContractionLayer& layer, const Rectification& rectification,
                                                   Tensor& Z) {
  assert(Zhat_.shape() == Z.shape());
  Layer& state = layer_for(layer);
  const bool knows_channels = !state.channels.empty();
  state.channels.resize(static_cast<size_t>(Z.shape().c));
  const AuditSample sample(options_.audit_rate, options_.seed, step_, layer.index);
  const int64_t count = Z.shape().channel_size();
  const double margin = state.margin.value();
  const auto epsilon = static_cast<double>(rectification.epsilon);
  std::vector<FeedforwardCounts> of_channel(state.channels.size());

  parallel_for(Z.shape().c, 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      const auto at = static_cast<size_t>(c);
      ChannelEstimate& estimate = state.channels[at];
      const auto gamma = static_cast<double>(rectification.gamma[at]);
      const auto beta = static_cast<double>(rectification.beta[at]);
      const auto gain = static_cast<double>(estimate.gain);
      uint64_t* bits = state.sample.data() + c * state.words;
      for (int64_t word = 0; knows_channels && word < state.words; ++word) {
        bits[word] = sample.word(c, word);
      }

      PredictJob job;
      job.count = count;
      job.Z = Z.channel(c);
      job.Zhat = Zhat_.channel(c);
      job.shortcut = rectification.shortcut == nullptr ? nullptr : rectification.shortcut->channel(c);
      const double scale = gamma * gain / std::sqrt(gain * gain * static_cast<double>(estimate.variance) + epsilon);
      job.scale = static_cast<float>(scale);
      job.offset = static_cast<float>(beta - scale * static_cast<double>(estimate.mean) + margin * std::abs(gamma));
      job.gain = estimate.gain;
      job.shift = estimate.mean;
      job.predict = knows_channels;
      job.sample = bits;
      job.audited = state.audited.data() + c * state.words;
      job.skipped = state.skipped.data() + c * state.words;
      const PredictSums sums = predict(job);

      const Moments batch(sums.mixed, sums.mixed_squares, static_cast<double>(job.gain * job.shift), count);
      JudgeJob question;
      question.count = count;
      question.Z = Z.channel(c);
      question.Zhat = job.Zhat;
      question.gain = job.gain;
      question.shortcut = job.shortcut;
      question.mean = static_cast<float>(batch.mean);
      question.scale = static_cast<float>(gamma / std::sqrt(batch.variance + epsilon));
      question.beta = rectification.beta[at];
      question.audited = job.audited;
      question.skipped = job.skipped;
      const JudgeCounts answer = judge_and_mix(question);

      FeedforwardCounts& counts = of_channel[at];
      counts.outputs = count;
      counts.wanted = answer.live;
      counts.audited = count_bits(job.audited, state.words);
      counts.skipped = count_bits(job.skipped, state.words);
      counts.predicted = counts.audited + counts.skipped;
      counts.audited_live = answer.live_audited;
      counts.false_skips = answer.live_skipped;
      counts.missed = (count - answer.live) - (counts.skipped - counts.false_skips);
      estimate = next_estimate(estimate, sums, count, knows_channels ? options_.decay : 0);
    }
  });

  FeedforwardCounts& counts = counts_[layer.index];
  counts = {};
  for (const FeedforwardCounts& channel : of_channel) {
    counts += channel;
  }
  state.margin.follow(counts.audited, counts.audited_live, options_.false_skip_target);
  return {state.skipped, state.words, counts.audited, rectification.shortcut != nullptr};
}

void FeedforwardSpeculation::rectified(const ContractionLayer& layer, Tensor& A) const {
  const auto found = layers_.find(layer.index);
  if (found == layers_.end() || !counts_.contains(layer.index) || counts_.at(layer.index).skipped == 0) {
    return;
  }
  const Layer& state = *found->second;
  assert(A.shape() == state.geometry.output());
  const int64_t count = A.shape().channel_size();
  parallel_for(A.shape().c, 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      speculation::clear_skipped(state.skipped.data() + c * state.words, count, A.channel(c));
    }
  });
}

const std::map<int, FeedforwardCounts>& FeedforwardSpeculation::counts() const { return counts_; }

double FeedforwardSpeculation::margin(int layer) const {
  const auto found = layers_.find(layer);
  if (found == layers_.end()) {
    throw std::logic_error(fmt::format("speculation of FF has not seen layer {}", layer));
  }
  return found->second->margin.value();
}

nlohmann::json FeedforwardSpeculation::state() const {
  nlohmann::json layers = nlohmann::json::array();
  for (const auto& [index, layer] : layers_) {
    nlohmann::json channels = nlohmann::json::array();
    for (const ChannelEstimate& channel : layer->channels) {
      channels.push_back({channel.mean, channel.variance, channel.gain});
    }
    layers.push_back({{"index", index},
                      {"margin", layer->margin.value()},
                      {"audited", layer->margin.audited()},
                      {"live", layer->margin.live()},
                      {"channels", std::move(channels)}});
  }
  return {{"version", 1}, {"layers", std::move(layers)}};
}

void FeedforwardSpeculation::restore(const nlohmann::json& state) {
  try {
    if (state.at("version") != 1) {
      throw UsageError("speculation of FF: its saved state is of another version; start a new run");
    }
    std::map<int, std::unique_ptr<Layer>> layers;
    for (const nlohmann::json& saved : state.at("layers")) {
      auto layer = std::make_unique<Layer>(options_.margin);
      layer->margin =
          Margin(saved.at("margin").get<double>(), saved.at("audited").get<int64_t>(), saved.at("live").get<int64_t>());
      for (const nlohmann::json& channel : saved.at("channels")) {
        layer->channels.push_back({channel.at(0).get<float>(), channel.at(1).get<float>(), channel.at(2).get<float>()});
      }
      layers[saved.at("index").get<int>()] = std::move(layer);
    }
    layers_ = std::move(layers);
    counts_.clear();
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(fmt::format(
        "speculation of FF: its saved state is damaged ({}); resume from an earlier checkpoint", error.what()));
  }
}

}  // namespace trainer
