#pragma once

#include <memory>
#include <utility>

#include "kernels/convolution/convolution.h"
#include "kernels/path.h"
#include "tensor/pattern.h"

namespace trainer {

/// Under `automatic`, a convolution or linear layer visits unpruned weights only (highway) when fewer than this part of
/// its weights is unpruned, or when an output has so few weights, pruned ones included, that oneDNN's changes of layout
/// cost more than its dense kernels save: first layers, 1x1 convolutions of few channels. Otherwise it is dense
/// (onednn). The choice depends on the pattern alone, so a run gives the same bits on every machine load and after
/// every resumption.
inline constexpr double kSparseBelowDensity = 0.5;
inline constexpr int64_t kDenseFromWeightsPerOutput = 144;

/// The path for a contraction with this weight; `path` itself unless automatic.
KernelPath contraction_path(KernelPath path, const Pattern& pattern);
/// The path for everything else: highway for automatic.
KernelPath operation_path(KernelPath path);

/// The kernel of one contraction, replaced when another pattern asks for another path.
class ContractionKernel {
 public:
  ContractionKernel() = default;
  ContractionKernel(KernelPath path, const ConvolutionGeometry& geometry, std::shared_ptr<Workspace> workspace)
      : path_(path), geometry_(geometry), workspace_(std::move(workspace)) {}

  Convolution& for_pattern(const Pattern& pattern);

 private:
  KernelPath path_ = KernelPath::automatic;
  ConvolutionGeometry geometry_;
  std::shared_ptr<Workspace> workspace_;
  KernelPath made_for_ = KernelPath::automatic;
  std::unique_ptr<Convolution> kernel_;
};

}  // namespace trainer
