// Section 16 of docs/processor-contract.md in whole networks: what the engine computed in a step of training, layer by
// layer and phase by phase, is what the golden model computes of the same operands, bit for bit.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "processor/golden/network_step.h"
#include "processor/golden/the_machine.h"
#include "processor/processor_file.h"

namespace trainer::golden_test {
namespace {

using golden::Assignment;
using golden::Compress;
using golden::Dataflow;
using golden::Phase;

golden::Processor golden_processor(const ProcessorParameters& p) {
  golden::Processor processor;
  processor.groups = p.groups;
  processor.pes = p.pes_per_group;
  processor.lanes = p.lanes;
  processor.tile = p.tile;
  processor.fifo_depth = p.fifo_depth;
  processor.drain = p.drain;
  processor.value_bits = p.value_bits();
  processor.activations_KB = p.activations_KB;
  processor.weights_KB = p.weights_KB;
  processor.outputs_KB = p.outputs_KB;
  processor.port_bits = p.port_bits;
  processor.output_port_bits = p.output_port_bits;
  processor.clock_kHz = std::llround(p.clock_MHz * 1000);
  processor.bandwidth_MBps = std::llround(p.bandwidth_GBps * 1000);
  processor.latency_ns = p.latency_ns;
  processor.skip_input_zeros = p.skip_input_zeros;
  processor.skip_weight_zeros = p.skip_weight_zeros;
  processor.skip_pruned_gradients = p.skip_pruned_gradients;
  processor.speculation_feedforward = p.speculates_feedforward;
  processor.speculation_backpropagation = p.speculates_backpropagation;
  processor.speculation_gradients = p.speculates_gradients;
  processor.estimator_lanes = p.speculation_lanes;
  processor.estimator_fifo = p.speculation_fifo_depth;
  processor.decoupled_batchnorm = p.batchnorm() == BatchNormUnit::decoupled;
  processor.batchnorm_elements = p.batchnorm_elements_per_cycle;
  processor.update_elements = p.update_elements_per_cycle;
  return processor;
}

/// trainer-28nm, which skips what training skipped, or computes everything where training did.
golden::Processor processor_of(const TrainingRun& run) {
  std::vector<std::string> overrides = {run.precision.kind == Precision::Kind::fp8 ? "precision=fp8"
                                                                                   : "precision=fp16"};
  if (!run.speculates) {
    overrides.insert(overrides.end(), {"speculation.feedforward=false", "speculation.backpropagation=false"});
  }
  return golden_processor(load_processor("trainer-28nm", overrides));
}

/// Those in which sums are added in one order only, of 8 groups: two for every layer, in turn.
std::vector<Dataflow> dataflows_of(Phase phase, size_t layer) {
  static const std::vector<Dataflow> weights = {{Compress::weights, 8, 1, 1, Assignment::balanced},
                                                {Compress::weights, 2, 4, 1, Assignment::in_order},
                                                {Compress::weights, 4, 2, 1, Assignment::dynamic}};
  static const std::vector<Dataflow> activations = {{Compress::activations, 1, 8, 1, Assignment::in_order},
                                                    {Compress::activations, 8, 1, 1, Assignment::dynamic},
                                                    {Compress::activations, 4, 2, 1, Assignment::balanced}};
  static const std::vector<Dataflow> weights_wg = {{Compress::weights, 8, 1, 1, Assignment::in_order},
                                                   {Compress::weights, 4, 1, 2, Assignment::balanced},
                                                   {Compress::weights, 1, 1, 8, Assignment::in_order}};
  static const std::vector<Dataflow> activations_wg = {{Compress::activations, 2, 1, 4, Assignment::balanced},
                                                       {Compress::activations, 8, 1, 1, Assignment::in_order},
                                                       {Compress::activations, 4, 1, 2, Assignment::balanced}};
  const bool wg = phase == Phase::WG;
  return {(wg ? weights_wg : weights)[layer % 3], (wg ? activations_wg : activations)[layer % 3]};
}

/// "" where every bit is equal.
std::string bit_difference(std::span<const float> golden, std::span<const float> engine) {
  if (golden.size() != engine.size()) {
    return fmt::format("{} values instead of {}", golden.size(), engine.size());
  }
  size_t differ = 0;
  std::string first;
  for (size_t i = 0; i < golden.size(); ++i) {
    if (std::bit_cast<uint32_t>(golden[i]) != std::bit_cast<uint32_t>(engine[i])) {
      first = differ++ == 0 ? fmt::format("value {} is {:a} instead of {:a}", i, golden[i], engine[i]) : first;
    }
  }
  return differ == 0 ? "" : fmt::format("{} of {} differ, {}", differ, golden.size(), first);
}

class GoldenNetwork : public testing::TestWithParam<TrainingRun> {
 protected:
  void expect_feedforward(const LayerStep& step, const Dataflow& dataflow) {
    const golden::Result result = machine().run(Phase::FF, step.operands, processor_, dataflow);
    std::vector<float> engine = step.Z;
    for (size_t i = 0; i < step.operands.skipped.size(); ++i) {
      if (step.operands.skipped[i] != 0) {
        engine[i] = round_to(step.operands.formats->Z, step.Zhat[i]);
        ++skipped_;
      }
    }
    EXPECT_EQ(bit_difference(result.output, engine), "") << "Z of " << step.layer.name;
  }

  void expect_backpropagation(const LayerStep& step, const Dataflow& dataflow) {
    const auto is_zero = [](float value) { return value == 0; };
    const bool first = std::ranges::all_of(step.dX_before, is_zero);
    golden::Layer operands = step.operands;
    if (!first) {
      operands.formats->dX = kSum;
    }
    std::vector<float> dX = machine().run(Phase::BP, operands, processor_, dataflow).output;
    std::vector<float> engine = step.dX;
    const bool masked = processor_.speculation_backpropagation && step.layer.input_is_rectified;
    for (size_t i = 0; i < dX.size(); ++i) {
      if (masked && operands.X[i] == 0) {
        EXPECT_EQ(dX[i], 0) << "dX " << i << " of " << step.layer.name << " was not wanted";
        engine[i] = 0;
        ++unwanted_;
        continue;
      }
      dX[i] = first ? dX[i] : round_to(step.operands.formats->dX, step.dX_before[i] + dX[i]);
    }
    EXPECT_EQ(bit_difference(dX, engine), "") << "dX of " << step.layer.name;
    added_ += first ? 0 : 1;
  }

  void expect_weight_gradient(const LayerStep& step, const Dataflow& dataflow) {
    const golden::Result result = machine().run(Phase::WG, step.operands, processor_, dataflow);
    EXPECT_EQ(bit_difference(result.output, step.dW), "") << "dW of " << step.layer.name;
  }

  golden::Processor processor_ = processor_of(GetParam());
  int64_t added_ = 0;
  int64_t unwanted_ = 0;
  int64_t skipped_ = 0;
};

TEST_P(GoldenNetwork, EveryLayerIsTheEnginesBitForBit) {
  const TrainingRun& run = GetParam();
  SCOPED_TRACE(run.text());
  const std::vector<LayerStep> steps = record_step(run);
  for (size_t i = 0; i < steps.size(); ++i) {
    for (const Dataflow& dataflow : dataflows_of(Phase::FF, i)) {
      expect_feedforward(steps[i], dataflow);
    }
    for (const Dataflow& dataflow : dataflows_of(Phase::BP, i)) {
      if (steps[i].layer.has_bp) {
        expect_backpropagation(steps[i], dataflow);
      }
    }
    if (run.path == KernelPath::reference) {
      for (const Dataflow& dataflow : dataflows_of(Phase::WG, i)) {
        expect_weight_gradient(steps[i], dataflow);
      }
    }
  }
  EXPECT_GT(added_, 0) << "no layer adds to another branch's gradient";
  if (run.speculates) {
    EXPECT_GT(skipped_, 0) << "no output was skipped";
    EXPECT_GT(unwanted_, 0) << "no gradient was masked";
  }
}

std::string name_of_run(const testing::TestParamInfo<TrainingRun>& info) {
  const TrainingRun& run = info.param;
  std::string name = fmt::format("{}_{}_{}{}", run.model, trainer::to_string(run.precision.kind), to_string(run.path),
                                 run.speculates ? "_speculating" : "");
  std::ranges::replace(name, '-', '_');
  return name;
}

// 9 images of 14 x 14 pixels are 3,136 places: seven tiles of WG, which end among the images of one pixel.
constexpr Shape kImages = {9, 1, 14, 14};

INSTANTIATE_TEST_SUITE_P(
    Networks, GoldenNetwork,
    testing::Values(TrainingRun{"resnet20", 0.25, kImages, KernelPath::reference, Format::fp16},
                    TrainingRun{"resnet20", 0.25, kImages, KernelPath::reference, Precision::fp8()},
                    TrainingRun{"resnet18", 0.06, kImages, KernelPath::highway, Format::fp16},
                    TrainingRun{"resnet18", 0.06, kImages, KernelPath::highway, Precision::fp8()},
                    TrainingRun{"resnet18", 0.06, kImages, KernelPath::highway, Format::fp16, true},
                    TrainingRun{"resnet20", 0.25, kImages, KernelPath::highway, Precision::fp8(), true}),
    name_of_run);

}  // namespace
}  // namespace trainer::golden_test
