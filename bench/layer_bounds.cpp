#include "layer_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace trainer::bench {
namespace {

/// A convolution of the network and its weights.
struct Seen {
  size_t node = 0;
  std::string name;
  ConvolutionGeometry geometry;
  int64_t nonzeros = 0;
  bool has_bp = true;
};

class Observer : public StepHook {
 public:
  std::vector<Seen> layers;

  void feedforward(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& W, Tensor& /*Z*/) override {
    if (!layer.is_linear) {
      layers.push_back(
          {static_cast<size_t>(layer.index), layer.name, layer.geometry, W.pattern->nonzeros(), layer.has_bp});
    }
  }
};

struct Phase {
  const char* name;
  double seconds;
  double read_bytes;  // of tensors
  double write_bytes;
};

void print_phase(const Seen& layer, const Phase& phase, const MachinePeaks& peaks) {
  const ConvolutionGeometry& g = layer.geometry;
  const double macs = static_cast<double>(layer.nonzeros) * static_cast<double>(g.n * g.p() * g.q());
  const double registers = macs / peaks.macs_per_s;
  const double l1 = 4 * macs / peaks.l1_bytes_per_s;
  const double l2 = 4 * macs / peaks.l2_bytes_per_s;
  const double dram = phase.read_bytes / peaks.dram_bytes_per_s + phase.write_bytes / peaks.store_bytes_per_s;
  const double most = std::max({registers, l1, dram});
  const char* bound = most == dram ? "DRAM" : (l1 > 1.05 * registers ? "L1" : "FMA");
  fmt::print("  {:24} {:3} {:8.2f} {:8.2f} {:8.2f} {:8.2f} {:8.2f}  {:5} {:4.0f} %\n", layer.name, phase.name,
             1e3 * phase.seconds, 1e3 * registers, 1e3 * l1, 1e3 * l2, 1e3 * dram, bound, 100 * most / phase.seconds);
}

}  // namespace

void print_layer_bounds(Network& network, TrainingSession& session, const Batch& batch,
                        const std::vector<NodeTimes>& times, int steps, const MachinePeaks& peaks) {
  network.record_times(nullptr);
  Observer observer;
  session.step(batch, &observer);
  fmt::print(
      "peaks of {:.1f} GMAC/s, {:.0f} GB/s from L1, {:.0f} GB/s from L2, {:.1f} GB/s from and {:.1f} GB/s to memory\n",
      1e-9 * peaks.macs_per_s, 1e-9 * peaks.l1_bytes_per_s, 1e-9 * peaks.l2_bytes_per_s, 1e-9 * peaks.dram_bytes_per_s,
      1e-9 * peaks.store_bytes_per_s);
  fmt::print("  {:24} {:3} {:>8} {:>8} {:>8} {:>8} {:>8}  {:5} {:>6}\n", "ms of a step", "", "taken", "FMA", "L1",
             "all L2", "DRAM", "bound", "of it");
  const auto bytes_per_value = static_cast<double>(bytes_of(network.format()));
  for (const Seen& layer : observer.layers) {
    const double X = bytes_per_value * static_cast<double>(layer.geometry.input().size());
    const double Z = bytes_per_value * static_cast<double>(layer.geometry.output().size());
    const NodeTimes& taken = times[layer.node];
    print_phase(layer, {"FF", taken.feedforward / steps, X, Z}, peaks);
    if (layer.has_bp) {
      print_phase(layer, {"BP", taken.backpropagation / steps, Z, X}, peaks);
    }
    print_phase(layer, {"WG", taken.weight_gradient / steps, X + Z, 0}, peaks);
  }
}

}  // namespace trainer::bench
