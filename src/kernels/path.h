#pragma once

#include <string_view>

namespace trainer {

/// Where a kernel comes from.
enum class KernelPath {
  automatic,  ///< the faster of highway (sparse) and onednn (dense) for the layer at hand
  reference,  ///< plain loops, kept for ever: what the others are tested against
  highway,    ///< Google Highway: visits unpruned weights only
  half,       ///< as highway, adding FP16 products in FP16, chunk by chunk; convolutions of an FP16 run alone
  onednn,     ///< oneDNN: dense
};

inline constexpr int kKernelPaths = 5;

std::string_view to_string(KernelPath path);
/// "auto", "reference", "highway", "half", "onednn"; anything else throws UsageError that lists them.
KernelPath parse_kernel_path(std::string_view text);

}  // namespace trainer
