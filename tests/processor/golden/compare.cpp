#include "processor/golden/compare.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kernels/convolution/paths.h"
#include "processor/contraction_model.h"
#include "processor/stream_models.h"

namespace trainer::golden_test {
namespace {

constexpr golden::Phase kGoldenPhases[] = {golden::Phase::FF, golden::Phase::BP, golden::Phase::WG};
constexpr const char* kPhaseNames[] = {"FF", "BP", "WG"};

/// Every event by its member; a new event must be added to both models.
int64_t count_of(const golden::Counts& counts, Event event) {
  switch (event) {
    case Event::mac:
      return counts.mac;
    case Event::lane_active:
      return counts.lane_active;
    case Event::lane_idle:
      return counts.lane_idle;
    case Event::cycle:
      return counts.cycle;
    case Event::bitmap_scan:
      return counts.bitmap_scan;
    case Event::bitmap_read:
      return counts.bitmap_read;
    case Event::operand_read:
      return counts.operand_read;
    case Event::accumulate:
      return counts.accumulate;
    case Event::buffer_read:
      return counts.buffer_read;
    case Event::buffer_write:
      return counts.buffer_write;
    case Event::fp32_add:
      return counts.fp32_add;
    case Event::fp32_multiply:
      return counts.fp32_multiply;
    case Event::bn_channel:
      return counts.bn_channel;
    case Event::dram_read:
      return counts.dram_read;
    case Event::dram_write:
      return counts.dram_write;
  }
  return -1;
}

struct Values {
  std::vector<float> Z, dX, dW;
};

std::vector<float> in_order(const Tensor& tensor) {
  LayerCase carrier;
  carrier.X = tensor;
  carrier.dZ = Tensor({0, 0, 0, 0});
  carrier.pattern = Pattern::full(1, 1);
  carrier.weights = {0};
  return golden_layer(carrier).X;
}

/// The reference convolution's results; of absolute values with `magnitudes`.
Values reference_values(const LayerCase& layer, bool magnitudes) {
  const auto operand = [&](const Tensor& tensor) {
    Tensor copy = tensor.clone();
    for (float& value : copy.values()) {
      value = magnitudes ? std::abs(value) : value;
    }
    return copy;
  };
  const Tensor X = operand(layer.X);
  const Tensor dZ = operand(layer.dZ);
  std::vector<float> weights = layer.weights;
  for (float& weight : weights) {
    weight = magnitudes ? std::abs(weight) : weight;
  }
  const auto convolution = make_reference_convolution(layer.geometry);
  Tensor Z(layer.geometry.output());
  Tensor dX(layer.geometry.input());
  convolution->feedforward(X, {layer.pattern, weights}, Z);
  convolution->backpropagate(dZ, {layer.pattern, weights}, dX, false);
  const auto every_position = Pattern::full(layer.geometry.weight_rows(), layer.geometry.weight_columns());
  std::vector<float> dW(static_cast<size_t>(every_position->size()));
  convolution->weight_gradient(dZ, X, every_position, dW);
  return {in_order(Z), in_order(dX), dW};
}

std::string value_difference(const char* phase, const std::vector<float>& golden, const std::vector<float>& reference,
                             const std::vector<float>& magnitude, int64_t products) {
  const double nu = static_cast<double>(products) * std::ldexp(1.0, -24);
  const double gamma = nu / (1 - nu);
  if (golden.size() != reference.size()) {
    return fmt::format("{}: {} values instead of {}; ", phase, golden.size(), reference.size());
  }
  for (size_t i = 0; i < golden.size(); ++i) {
    // The magnitude's own sum may be too small by gamma; products of subnormals round by the smallest one.
    const double bound = 2 * gamma * (1 + 2 * gamma) * static_cast<double>(magnitude[i]) +
                         static_cast<double>(products) * std::numeric_limits<float>::denorm_min();
    if (!(std::abs(static_cast<double>(golden[i]) - static_cast<double>(reference[i])) <= bound)) {
      return fmt::format("{}: value {} is {} instead of {} (bound {}); ", phase, i, golden[i], reference[i], bound);
    }
  }
  return "";
}

testing::AssertionResult verdict(const std::string& differences, const Case& c) {
  if (differences.empty()) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << differences << "\n" << c.text;
}

}  // namespace

std::string difference(const golden::Counts& golden, const PhaseCounts& fast) {
  std::string text;
  const auto compare = [&](std::string_view name, int64_t golden_count, int64_t fast_count) {
    if (golden_count != fast_count) {
      text += fmt::format("{} golden {} fast {}, ", name, golden_count, fast_count);
    }
  };
  for (const EventEntry& entry : event_table()) {
    compare(entry.name, count_of(golden, entry.event), fast.events[entry.event]);
  }
  compare("cycles", golden.cycle, fast.cycles);
  compare("effectual", golden.mac, fast.effectual_macs);
  compare("skipped_by_input", golden.skipped_by_input, fast.skipped_by_input);
  compare("skipped_by_weight", golden.skipped_by_weight, fast.skipped_by_weight);
  compare("skipped_by_output", golden.skipped_by_output, fast.skipped_by_output);
  compare("dense", golden.mac + golden.skipped_by_input + golden.skipped_by_weight + golden.skipped_by_output,
          fast.dense_macs);
  return text;
}

testing::AssertionResult same_counts(const Case& c) {
  const golden::Layer layer = golden_layer(c.layer);
  const LayerBitmaps bitmaps(c.layer);
  ContractionModel fast(c.layer.geometry, c.processor);
  const PhaseCounts counts[] = {fast.feedforward(c.layer.W(), {bitmaps.X, 1}),
                                fast.backpropagation(c.layer.W(), bitmaps.dZ),
                                fast.weight_gradient(c.layer.W(), {bitmaps.X, 1}, bitmaps.dZ)};
  std::string text;
  for (size_t i = 0; i < 3; ++i) {
    const golden::Result result = machine().run(kGoldenPhases[i], layer, golden_processor(c.processor));
    const std::string differences = difference(result.counts, counts[i]);
    text += differences.empty() ? "" : fmt::format("{}: {}; ", kPhaseNames[i], differences);
  }
  return verdict(text, c);
}

testing::AssertionResult same_values(const Case& c) {
  const ConvolutionGeometry& g = c.layer.geometry;
  const golden::Layer layer = golden_layer(c.layer);
  const golden::Processor processor = golden_processor(c.processor);
  const Values reference = reference_values(c.layer, false);
  const Values magnitude = reference_values(c.layer, true);
  std::vector<float> held_dW = reference.dW;
  for (size_t i = 0; i < held_dW.size(); ++i) {
    held_dW[i] = processor.skip_pruned_gradients && layer.unpruned[i] == 0 ? 0.0F : held_dW[i];
  }
  const int64_t kernel = g.r * g.s;
  const std::string text = value_difference("Z", machine().run(golden::Phase::FF, layer, processor).output, reference.Z,
                                            magnitude.Z, g.c / g.groups * kernel) +
                           value_difference("dX", machine().run(golden::Phase::BP, layer, processor).output,
                                            reference.dX, magnitude.dX, g.k / g.groups * kernel) +
                           value_difference("dW", machine().run(golden::Phase::WG, layer, processor).output, held_dW,
                                            magnitude.dW, g.n * g.p() * g.q());
  return verdict(text, c);
}

testing::AssertionResult same_unit_counts(const Case& c) {
  const Shape shape = c.layer.geometry.output();
  golden::BatchNorm batchnorm;
  batchnorm.n = shape.n;
  batchnorm.c = shape.c;
  batchnorm.h = shape.h;
  batchnorm.w = shape.w;
  batchnorm.Z = golden_layer(c.layer).dZ;
  batchnorm.dY = batchnorm.Z;
  batchnorm.gamma.assign(static_cast<size_t>(shape.c), 1.5F);
  batchnorm.beta.assign(static_cast<size_t>(shape.c), 0.5F);
  const golden::Processor processor = golden_processor(c.processor);
  std::string text;
  const auto compare = [&](const char* what, const golden::Counts& counts, const PhaseCounts& fast) {
    const std::string differences = difference(counts, fast);
    text += differences.empty() ? "" : fmt::format("{}: {}; ", what, differences);
  };
  compare("BN forward", machine().batchnorm_feedforward(batchnorm, processor).counts,
          batchnorm_feedforward(shape, c.processor));
  compare("BN backward", machine().batchnorm_backpropagation(batchnorm, processor).counts,
          batchnorm_backpropagation(shape, c.processor));

  golden::Update step;
  step.unpruned = c.layer.pattern->mask();
  step.weight.assign(step.unpruned.size(), 1.0F);
  step.momentum.assign(step.unpruned.size(), 0.5F);
  step.gradient.assign(step.unpruned.size(), 0.25F);
  const int64_t trained = c.processor.skip_pruned_gradients ? c.layer.pattern->nonzeros() : c.layer.pattern->size();
  compare("UP", machine().update(step, processor).counts, update(trained, c.processor));
  return verdict(text, c);
}

}  // namespace trainer::golden_test
