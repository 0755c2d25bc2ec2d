#include "processor/golden/network_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "kernels/convolution/estimating.h"
#include "network/layers/contraction.h"
#include "network/named/models.h"
#include "network/quantiser.h"
#include "processor/golden/case.h"
#include "speculation/hook.h"
#include "tensor/scaled_format.h"
#include "training/session.h"

namespace trainer::golden_test {
namespace {

constexpr int64_t kClasses = 10;
constexpr int64_t kStepsBefore = 2;  // FP8 has scales of earlier steps then, speculation its estimates

Batch random_batch(const Shape& images, uint64_t number) {
  Random random(number, 21);
  Batch batch;
  batch.images = Tensor(images);
  for (float& value : batch.images.values()) {
    value = random.normal();
  }
  for (int64_t n = 0; n < images.n; ++n) {
    batch.labels.push_back(static_cast<int32_t>(random.below(kClasses)));
  }
  return batch;
}

golden::NumberFormat number_format(const ScaledFormat& format, bool saturates) {
  return {format.format.smallest_exponent(), format.format.mantissa_bits, format.format.largest(), saturates,
          format.scale};
}

/// The formats of every layer's operands and results in the step that comes next, from docs/precision.md.
class FormatsOfStep {
 public:
  explicit FormatsOfStep(Network& network) : network_(network), precision_(network.precision()) {
    for (const Parameter* parameter : network.parameters()) {
      weight_magnitudes_[parameter->name] = 0;
      for (const float value : parameter->value) {
        weight_magnitudes_[parameter->name] = std::max(weight_magnitudes_[parameter->name], std::abs(value));
      }
    }
    if (network.quantiser() != nullptr) {
      const auto history = network.quantiser()->history();
      history_.assign(history.begin(), history.end());
    }
  }

  golden::Formats of(const ContractionLayer& layer) const {
    const Network::Node& node = network_.nodes()[static_cast<size_t>(layer.index)];
    const bool biased = node.layer->contraction()->bias() != nullptr;
    golden::Formats formats = golden::formats_of(16);
    if (precision_.kind == Precision::Kind::fp8) {
      formats.X = forward(reach_of_output(node.inputs[0]));
      formats.W = forward(weight_magnitudes_.at(layer.name + ".weight"));
      formats.Z = biased ? kSum : forward(reach(1 + static_cast<size_t>(layer.index)));
      if (layer.has_bp) {
        const size_t gradients = 1 + network_.nodes().size();
        formats.dX = gradient(reach(gradients + static_cast<size_t>(node.inputs[0])));
      }
    } else if (biased) {
      formats.Z = kSum;
      formats.dX = kSum;  // hooks see it before it is stored
    }
    return formats;
  }

 private:
  golden::NumberFormat forward(float largest) const {
    return number_format(scaled_for(precision_.forward, known(largest)), true);
  }
  golden::NumberFormat gradient(float largest) const {
    return number_format(scaled_for(precision_.gradient, known(largest)), true);
  }
  static float known(float largest) {
    if (largest == 0) {
      throw std::logic_error("a tensor without a scale of earlier steps");
    }
    return largest;
  }
  /// Largest magnitude of a tensor in earlier steps: 0 images, 1 + node its output, 1 + nodes + node its gradient.
  float reach(size_t tensor) const {
    return *std::max_element(history_.begin() + static_cast<std::ptrdiff_t>(tensor * Quantiser::kHistory),
                             history_.begin() + static_cast<std::ptrdiff_t>((tensor + 1) * Quantiser::kHistory));
  }
  /// Of a node's output, or of the one whose values it passes on.
  float reach_of_output(int node) const {
    while (node >= 0 && reach(1 + static_cast<size_t>(node)) == 0) {
      node = network_.nodes()[static_cast<size_t>(node)].inputs[0];
    }
    return reach(static_cast<size_t>(node + 1));
  }

  const Network& network_;
  Precision precision_;
  std::map<std::string, float> weight_magnitudes_;
  std::vector<float> history_;
};

std::vector<float> scattered(const Pattern& pattern, std::span<const float> values) {
  std::vector<float> dense(static_cast<size_t>(pattern.size()), 0.0F);
  scatter(pattern, values, dense);
  return dense;
}

golden::Layer shape_of(const ContractionLayer& layer) {
  const ConvolutionGeometry& g = layer.geometry;
  golden::Layer result;
  result.n = g.n;
  result.c = g.c;
  result.h = g.h;
  result.w = g.w;
  result.k = g.k;
  result.r = g.r;
  result.s = g.s;
  result.stride = g.stride;
  result.padding = g.padding;
  result.dilation = g.dilation;
  result.groups = g.groups;
  result.input_is_rectified = layer.input_is_rectified;
  result.input_from_batchnorm = layer.input_from_batchnorm;
  result.output_to_batchnorm = layer.output_to_batchnorm;
  return result;
}

/// Takes down what a step computes.
class Recorder : public StepHook {
 public:
  Recorder(const Network& network, const FormatsOfStep& formats) : network_(network), formats_(formats) {}

  std::map<int, LayerStep> steps;

  void outputs_skipped(const ContractionLayer& layer, const SkippedOutputs& skipped) override {
    const Shape Z = layer.geometry.output();
    std::vector<uint8_t>& flags = skipped_[layer.index];
    for (int64_t n = 0; n < Z.n; ++n) {
      for (int64_t c = 0; c < Z.c; ++c) {
        for (int64_t position = n; position < Z.channel_size(); position += Z.n) {
          const auto word = static_cast<size_t>(c * skipped.words_per_channel + position / 64);
          flags.push_back(static_cast<uint8_t>((skipped.bits[word] >> (position % 64)) & 1U));
        }
      }
    }
    reads_shortcut_[layer.index] = skipped.reads_shortcut;
  }
  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override {
    LayerStep& step = steps[layer.index];
    step.layer = layer;
    step.operands = shape_of(layer);
    if (const auto skipped = skipped_.find(layer.index); skipped != skipped_.end()) {
      step.operands.speculated = true;
      step.operands.skipped = skipped->second;
      step.operands.reads_shortcut = reads_shortcut_.at(layer.index);
      Tensor Zhat(Z.shape());
      make_estimating_convolution(layer.geometry)->estimate(X, W, layer.smallest_normals, Zhat);
      step.Zhat = in_order(Zhat);
    }
    step.operands.X = in_order(X);
    step.operands.W = scattered(*W.pattern, W.values);
    step.operands.unpruned = W.pattern->mask();
    step.operands.formats = formats_.of(layer);
    step.Z = in_order(Z);
  }
  void gradient_dropped(const ContractionLayer& layer) override { steps[layer.index].operands.gradient_pruned = true; }
  void gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& dZ) override {
    steps[layer.index].operands.dZ = in_order(dZ);
  }
  void weight_gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& W, const Tensor& /*dZ*/,
                       std::span<float> dW) override {
    steps[layer.index].dW = scattered(*W.pattern, dW);
    gradients_[layer.index].assign(dW.begin(), dW.end());
  }
  void backpropagation(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, Tensor& dX) override {
    steps[layer.index].dX = in_order(dX);
    inputs_[layer.index] = dX.clone();
  }
  /// Z as it was stored is what BN reads.
  void batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) override {
    const int input = network_.nodes()[static_cast<size_t>(layer.index)].inputs[0];
    if (const auto step = steps.find(input); step != steps.end()) {
      step->second.Z = in_order(Z);
    }
  }

  const std::vector<float>& weight_gradient_of(int layer) const { return gradients_.at(layer); }
  const Tensor& input_gradient_of(int layer) const { return inputs_.at(layer); }

 private:
  const Network& network_;
  const FormatsOfStep& formats_;
  std::map<int, std::vector<uint8_t>> skipped_;
  std::map<int, bool> reads_shortcut_;
  std::map<int, std::vector<float>> gradients_;
  std::map<int, Tensor> inputs_;
};

/// In a twin of a recorded run, looks at what dX holds before a layer's BP: the layer gets a dZ of zeros, so that it
/// adds nothing, and what comes out is replaced by what was recorded.
class LookerBefore : public StepHook {
 public:
  explicit LookerBefore(Recorder& recorded) : recorded_(recorded) {}

  void gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& dZ) override {
    if (in_order(dZ) != recorded_.steps.at(layer.index).operands.dZ) {
      throw std::logic_error("the twin of the run went another way at " + layer.name);
    }
    dZ.fill(0);
  }
  void weight_gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, std::span<float> dW) override {
    std::ranges::copy(recorded_.weight_gradient_of(layer.index), dW.begin());
  }
  void backpropagation(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, Tensor& dX) override {
    recorded_.steps.at(layer.index).dX_before = in_order(dX);
    std::ranges::copy(recorded_.input_gradient_of(layer.index).values(), dX.values().begin());
  }

 private:
  Recorder& recorded_;
};

/// A run until before the step to be recorded.
class Training {
 public:
  explicit Training(const TrainingRun& run)
      : images_(run.images), network_(make_model({run.model, run.width, run.images, kClasses, 1})) {
    network_.plan(run.images, run.path, run.precision);
    TrainingOptions options;
    options.optimizer.name = "sgd";
    options.schedule.rate = 0.05F;
    options.schedule.total_steps = 100;
    options.pruning.sparsity = 0.9;
    session_ = std::make_unique<TrainingSession>(network_, options);
    SpeculationOptions speculation;
    speculation.classes.feedforward = speculation.classes.gradients = run.speculates;
    speculation_ = std::make_unique<SpeculatingHook>(speculation);
    while (session_->steps_done() < kStepsBefore) {
      step();
    }
  }

  Network& network() { return network_; }
  void step(StepHook* hook = nullptr) {
    speculation_->forward_to(hook);
    const StepResult result =
        session_->step(random_batch(images_, static_cast<uint64_t>(session_->steps_done())), speculation_.get());
    if (result.overflowed) {
      throw std::logic_error("a gradient overflowed");
    }
  }

 private:
  Shape images_;
  Network network_;
  std::unique_ptr<TrainingSession> session_;
  std::unique_ptr<SpeculatingHook> speculation_;
};

}  // namespace

std::string TrainingRun::text() const {
  return fmt::format("{} of width {} on {}, {} on path {}{}", model, width, trainer::to_string(images),
                     trainer::to_string(precision.kind), trainer::to_string(path), speculates ? ", speculating" : "");
}

std::vector<LayerStep> record_step(const TrainingRun& run) {
  Training training(run);
  const FormatsOfStep formats(training.network());
  Recorder recorder(training.network(), formats);
  training.step(&recorder);
  Training twin(run);
  LookerBefore looker(recorder);
  twin.step(&looker);
  std::vector<LayerStep> steps;
  for (auto& [index, step] : recorder.steps) {
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace trainer::golden_test
