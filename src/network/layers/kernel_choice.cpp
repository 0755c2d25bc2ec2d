#include "network/layers/kernel_choice.h"

namespace trainer {

KernelPath contraction_path(KernelPath path, const Pattern& pattern) {
  if (path != KernelPath::automatic) {
    return path;
  }
  const bool sparse = pattern.density() < kSparseBelowDensity || pattern.columns() < kDenseFromWeightsPerOutput;
  return sparse ? KernelPath::highway : KernelPath::onednn;
}

KernelPath operation_path(KernelPath path) { return path == KernelPath::automatic ? KernelPath::highway : path; }

Convolution& ContractionKernel::for_pattern(const Pattern& pattern) {
  const KernelPath wanted = contraction_path(path_, pattern);
  if (!kernel_ || wanted != made_for_) {
    kernel_ = make_convolution(wanted, geometry_, workspace_);
    made_for_ = wanted;
  }
  return *kernel_;
}

}  // namespace trainer
