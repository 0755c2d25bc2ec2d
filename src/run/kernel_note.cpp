#include "run/kernel_note.h"

#include <fmt/format.h>
#include <hwy/targets.h>

#include <algorithm>
#include <bit>
#include <map>

#include "base/cpu_features.h"
#include "base/parallel.h"
#include "network/layers/contraction.h"

namespace trainer {
namespace {

std::string path_text(KernelPath path) {
  switch (path) {
    case KernelPath::highway:
      return fmt::format("highway ({})", highway_target());
    case KernelPath::half:
      return fmt::format("half ({})", half_arithmetic_name());
    default:
      return std::string(to_string(path));
  }
}

}  // namespace

const char* highway_target() {
  // Highway numbers its targets from the best one up. What the compiler may use everywhere counts as supported.
  const auto targets = static_cast<uint64_t>((hwy::SupportedTargets() | HWY_STATIC_TARGET) & HWY_TARGETS);
  return hwy::TargetName(static_cast<int64_t>(uint64_t{1} << std::countr_zero(targets)));
}

const std::vector<KernelEntry>& kernel_list() {
  static const std::vector<KernelEntry> entries = {
      {"convolution",
       {"reference", "highway", "half", "onednn"},
       "auto: the faster of highway, half (in FP16, where the CPU has arithmetic for it) and onednn for each phase, "
       "shape "
       "and density (see train --explain-kernels)"},
      {"linear", {"reference", "highway", "half", "onednn"}, "as convolution"},
      {"batchnorm", {"reference", "highway", "onednn"}, "auto: highway"},
      {"pooling", {"reference", "highway", "onednn"}, "auto: highway"},
      {"relu", {"reference", "highway", "onednn"}, "auto: highway"},
      {"clipped-relu", {"reference", "highway", "onednn"}, "auto: highway"},
      {"add", {"reference", "highway", "onednn"}, "auto: highway"},
      {"softmax-cross-entropy", {"reference"}, "the same on every path"},
  };
  return entries;
}

std::string kernel_note(KernelPath path, const Network& network, std::span<const ConvolutionPhase> phases) {
  std::map<KernelPath, int> counts;
  for (const Network::Node& node : network.nodes()) {
    const layers::Contraction* contraction = node.layer->contraction();
    for (const ConvolutionPhase phase : phases) {
      if (contraction != nullptr && contraction->has(phase)) {
        ++counts[contraction->path_of(phase)];
      }
    }
  }
  std::string text = fmt::format("kernels {}:", to_string(path));
  for (const auto& [chosen, count] : counts) {
    text += fmt::format(" {} phases of contractions on {},", count, path_text(chosen));
  }
  return fmt::format("{} all else on {}, {} threads", text, path_text(operation_path(path)), thread_count());
}

}  // namespace trainer
