#include "network/layers/kernel_choice.h"

#include <algorithm>

namespace trainer {

KernelPath contraction_path(KernelPath path, const Pattern& pattern) {
  if (path != KernelPath::automatic) {
    return path;
  }
  const bool sparse = pattern.density() < kSparseBelowDensity || pattern.columns() < kDenseFromWeightsPerOutput;
  return sparse ? KernelPath::highway : KernelPath::onednn;
}

KernelPath operation_path(KernelPath path) {
  return path == KernelPath::automatic || path == KernelPath::half ? KernelPath::highway : path;
}

KernelPath ContractionKernel::path_of(ConvolutionPhase phase, const Pattern& pattern) const {
  if (path_ != KernelPath::automatic || !break_even_) {
    return contraction_path(path_, pattern);
  }
  const KernelPath path = (*break_even_)[phase].path(pattern.density());
  return path == KernelPath::half && storage_ != Format::fp16 ? KernelPath::highway : path;
}

bool ContractionKernel::is_taken(KernelPath path, const Pattern& pattern) const {
  return std::any_of(kConvolutionPhases.begin(), kConvolutionPhases.end(),
                     [&](ConvolutionPhase phase) { return path_of(phase, pattern) == path; });
}

Convolution& ContractionKernel::for_phase(ConvolutionPhase phase, const Pattern& pattern) {
  const KernelPath wanted = path_of(phase, pattern);
  // Before another one allocates.
  for (size_t path = 0; path < kernels_.size(); ++path) {
    if (kernels_[path] && !is_taken(static_cast<KernelPath>(path), pattern)) {
      kernels_[path].reset();
    }
  }
  std::unique_ptr<Convolution>& kernel = kernels_[static_cast<size_t>(wanted)];
  if (!kernel) {
    kernel = make_convolution(wanted, geometry_, workspace_);
  }
  return *kernel;
}

void ContractionKernel::release_pattern() {
  for (const std::unique_ptr<Convolution>& kernel : kernels_) {
    if (kernel) {
      kernel->release_pattern();
    }
  }
}

}  // namespace trainer
