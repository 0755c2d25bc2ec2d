#include "run/kernel_note.h"

#include <fmt/format.h>
#include <hwy/targets.h>

#include <algorithm>
#include <bit>
#include <map>

#include "base/parallel.h"
#include "network/layers/kernel_choice.h"

namespace trainer {
namespace {

/// Highway numbers its targets from the best one up. What the compiler may use everywhere counts as supported.
const char* highway_target() {
  const auto targets = static_cast<uint64_t>((hwy::SupportedTargets() | HWY_STATIC_TARGET) & HWY_TARGETS);
  return hwy::TargetName(static_cast<int64_t>(uint64_t{1} << std::countr_zero(targets)));
}

std::string path_text(KernelPath path) {
  return path == KernelPath::highway ? fmt::format("highway ({})", highway_target()) : std::string(to_string(path));
}

}  // namespace

const std::vector<KernelEntry>& kernel_list() {
  static const std::vector<KernelEntry> entries = {
      {"convolution",
       {"reference", "highway", "onednn"},
       "auto: highway for pruned or depthwise weights, onednn for dense ones"},
      {"linear", {"reference", "highway", "onednn"}, "as convolution"},
      {"batchnorm", {"reference", "highway", "onednn"}, "auto: highway"},
      {"pooling", {"reference", "highway", "onednn"}, "auto: highway"},
      {"relu", {"reference", "highway", "onednn"}, "auto: highway"},
      {"clipped-relu", {"reference", "highway", "onednn"}, "auto: highway"},
      {"add", {"reference", "highway", "onednn"}, "auto: highway"},
      {"softmax-cross-entropy", {"reference"}, "the same on every path"},
  };
  return entries;
}

std::string kernel_note(KernelPath path, Network& network) {
  std::map<KernelPath, int> contractions;
  for (const Parameter* parameter : network.parameters()) {
    if (parameter->is_weight) {
      ++contractions[contraction_path(path, *parameter->pattern)];
    }
  }
  std::string text = fmt::format("kernels {}:", to_string(path));
  for (const auto& [chosen, count] : contractions) {
    text += fmt::format(" {} contractions on {},", count, path_text(chosen));
  }
  return fmt::format("{} all else on {}, {} threads", text, path_text(operation_path(path)), thread_count());
}

}  // namespace trainer
