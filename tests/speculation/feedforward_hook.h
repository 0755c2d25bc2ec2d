#pragma once

#include <string>
#include <vector>

#include "speculation/feedforward.h"

namespace trainer::test {

/// Speculation of FF, and a record of what it did in the present step.
class FeedforwardHook final : public StepHook {
 public:
  explicit FeedforwardHook(const FeedforwardOptions& options = {}) : speculation(options) {}

  FeedforwardSpeculation speculation;
  std::vector<std::string> announced;
  int64_t nonzero_where_skipped = 0;
  int64_t skipped = 0;
  int64_t wrong_estimates = 0;

  void begin_step(int64_t step) override {
    announced.clear();
    nonzero_where_skipped = 0;
    skipped = 0;
    wrong_estimates = 0;
    speculation.begin_step(step);
  }
  bool changes_outputs() const override { return true; }
  void rectification(const ContractionLayer& layer, const Rectification& after) override {
    announced.push_back(layer.name + (after.shortcut == nullptr ? "" : " with shortcut"));
    layer_ = layer.index;
    after_ = after;
  }
  Tensor* estimate(const ContractionLayer& layer) override {
    Zhat_ = layer.index == layer_ ? &speculation.estimate(layer) : nullptr;
    return Zhat_;
  }
  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override {
    if (layer.index == layer_) {
      Tensor expected(Z.shape());
      make_estimating_convolution(layer.geometry)->estimate(X, W, layer.smallest_normals, expected);
      for (size_t i = 0; i < expected.values().size(); ++i) {
        wrong_estimates += Zhat_->values()[i] != expected.values()[i] ? 1 : 0;
      }
      outputs_ = speculation.feedforward(layer, after_, Z);
    }
  }
  void rectified(const ContractionLayer& layer, Tensor& A) override {
    speculation.rectified(layer, A);
    skipped += speculation.counts().at(layer.index).skipped;
    if (layer.index != layer_) {
      return;
    }
    for (int64_t c = 0; c < A.shape().c; ++c) {
      for (int64_t i = 0; i < A.shape().channel_size(); ++i) {
        const auto word = static_cast<size_t>(c * outputs_.words_per_channel + i / 64);
        nonzero_where_skipped += ((outputs_.bits[word] >> (i % 64)) & 1U) != 0 && A.channel(c)[i] != 0 ? 1 : 0;
      }
    }
  }

 private:
  int layer_ = -1;
  Tensor* Zhat_ = nullptr;
  Rectification after_;
  SkippedOutputs outputs_;
};

}  // namespace trainer::test
