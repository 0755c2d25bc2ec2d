#include "speculation/hook.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trainer {
namespace {

nlohmann::json to_json(const GradientCounts& counts) {
  return {{"values", counts.values}, {"operands", counts.operands}, {"dropped", counts.dropped}, {"kept", counts.kept}};
}

GradientCounts gradient_counts(const nlohmann::json& document) {
  return {document.at("values").get<int64_t>(), document.at("operands").get<int64_t>(),
          document.at("dropped").get<int64_t>(), document.at("kept").get<int64_t>()};
}

nlohmann::json to_json(const FeedforwardCounts& counts) {
  return {{"outputs", counts.outputs},           {"wanted", counts.wanted},
          {"predicted", counts.predicted},       {"audited", counts.audited},
          {"audited_live", counts.audited_live}, {"skipped", counts.skipped},
          {"false_skips", counts.false_skips},   {"missed", counts.missed}};
}

FeedforwardCounts feedforward_counts(const nlohmann::json& document) {
  const auto number = [&](const char* key) { return document.at(key).get<int64_t>(); };
  return {number("outputs"),      number("wanted"),  number("predicted"),   number("audited"),
          number("audited_live"), number("skipped"), number("false_skips"), number("missed")};
}

}  // namespace

SpeculatingHook::SpeculatingHook(const SpeculationOptions& options) {
  if (options.classes.feedforward) {
    feedforward_.emplace(options.feedforward);
  }
  if (options.classes.gradients) {
    gradients_.emplace(options.gradients);
  }
}

void SpeculatingHook::begin_step(int64_t step) {
  if (feedforward_) {
    feedforward_->begin_step(step);
  }
  if (gradients_) {
    gradients_->begin_step(step);
  }
  ForwardingHook::begin_step(step);
}

void SpeculatingHook::rectification(const ContractionLayer& layer, const Rectification& after) {
  after_ = after;
  ForwardingHook::rectification(layer, after);
}

Tensor* SpeculatingHook::estimate(const ContractionLayer& layer) {
  return feedforward_ && after_ ? &feedforward_->estimate(layer) : ForwardingHook::estimate(layer);
}

void SpeculatingHook::rectified(const ContractionLayer& layer, Tensor& A) {
  if (feedforward_) {
    feedforward_->rectified(layer, A);
  }
  ForwardingHook::rectified(layer, A);
}

void SpeculatingHook::feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) {
  if (feedforward_ && after_) {
    names_.try_emplace(layer.index, layer.name);
    const SkippedOutputs skipped = feedforward_->feedforward(layer, *after_, Z);
    ForwardingHook::outputs_skipped(layer, skipped);
  }
  after_.reset();
  ForwardingHook::feedforward(layer, X, W, Z);
}

void SpeculatingHook::gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& dZ) {
  if (gradients_ && GradientPruning::applies_to(layer)) {
    names_.try_emplace(layer.index, layer.name);
    gradients_->gradient(layer, dZ);
    ForwardingHook::gradient_dropped(layer);
  }
  ForwardingHook::gradient(layer, X, W, dZ);
}

void SpeculatingHook::end_step() {
  std::map<int, LayerSpeculation> step;
  const auto of = [&](int index) -> LayerSpeculation& {
    return step.try_emplace(index, LayerSpeculation{index, names_.at(index)}).first->second;
  };
  if (feedforward_) {
    for (const auto& [index, counts] : feedforward_->counts()) {
      of(index).feedforward = counts;
    }
  }
  if (gradients_) {
    for (const auto& [index, counts] : gradients_->counts()) {
      of(index).gradients = counts;
    }
  }
  last_step_.clear();
  for (const auto& [index, layer] : step) {
    last_step_.push_back(layer);
    LayerSpeculation& total = totals_.try_emplace(index, LayerSpeculation{index, layer.layer}).first->second;
    total.gradients += layer.gradients;
    total.feedforward += layer.feedforward;
  }
  ForwardingHook::end_step();
}

std::vector<LayerSpeculation> SpeculatingHook::totals() const {
  std::vector<LayerSpeculation> list;
  for (const auto& [index, layer] : totals_) {
    list.push_back(layer);
  }
  return list;
}

nlohmann::json SpeculatingHook::save() const {
  nlohmann::json layers = nlohmann::json::array();
  for (const auto& [index, layer] : totals_) {
    layers.push_back({{"index", index},
                      {"layer", layer.layer},
                      {"gradients", to_json(layer.gradients)},
                      {"feedforward", to_json(layer.feedforward)}});
  }
  nlohmann::json document = {{"version", 1}, {"totals", layers}};
  if (feedforward_) {
    document["feedforward"] = feedforward_->state();
  }
  if (gradients_) {
    document["gradients"] = gradients_->state();
  }
  return document;
}

void SpeculatingHook::restore(const nlohmann::json& saved) {
  try {
    if (saved.at("version") != 1) {
      throw UsageError("checkpoint: its state of speculation is of another version; start a new run with --init");
    }
    std::map<int, LayerSpeculation> totals;
    for (const nlohmann::json& layer : saved.at("totals")) {
      const int index = layer.at("index").get<int>();
      totals[index] = {index, layer.at("layer").get<std::string>(), gradient_counts(layer.at("gradients")),
                       feedforward_counts(layer.at("feedforward"))};
    }
    if (feedforward_) {
      feedforward_->restore(saved.at("feedforward"));
    }
    if (gradients_) {
      gradients_->restore(saved.at("gradients"));
    }
    totals_ = std::move(totals);
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(
        fmt::format("checkpoint: the state of speculation is damaged ({}); resume from the checkpoint "
                    "before it",
                    error.what()));
  }
}

}  // namespace trainer
