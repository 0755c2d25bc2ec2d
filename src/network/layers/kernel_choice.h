#pragma once

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "kernels/convolution/choice/break_even.h"
#include "kernels/convolution/convolution.h"
#include "kernels/path.h"
#include "tensor/pattern.h"

namespace trainer {

/// The rule under `automatic` for shapes that nothing was measured of: a convolution or linear layer visits unpruned
/// weights only (highway) when fewer than this part of its weights is unpruned, or when an output has so few weights,
/// pruned ones included, that oneDNN's changes of layout cost more than its dense kernels save: first layers, 1x1
/// convolutions of few channels. Otherwise it is dense (onednn).
inline constexpr double kSparseBelowDensity = 0.5;
inline constexpr int64_t kDenseFromWeightsPerOutput = 144;

/// The rule for a contraction with this weight; `path` itself unless automatic.
KernelPath contraction_path(KernelPath path, const Pattern& pattern);
/// The path for everything else: highway for automatic, and for half, which only convolutions have.
KernelPath operation_path(KernelPath path);

/// The kernels of one contraction: each phase has its path, which changes when another pattern asks for it. Under
/// `automatic` that depends on the pattern alone, by the break-even densities where they are set and by the rule where
/// not: so a run gives the same bits on every machine load and after every resumption.
class ContractionKernel {
 public:
  ContractionKernel() = default;
  /// `storage` is the run's: half has a place in FP16 alone, elsewhere what is left to it runs on highway.
  ContractionKernel(KernelPath path, Format storage, const ConvolutionGeometry& geometry,
                    std::shared_ptr<Workspace> workspace)
      : path_(path), storage_(storage), geometry_(geometry), workspace_(std::move(workspace)) {}

  void set_break_even(const BreakEven& break_even) { break_even_ = break_even; }
  const std::optional<BreakEven>& break_even() const { return break_even_; }
  KernelPath path_of(ConvolutionPhase phase, const Pattern& pattern) const;
  /// The kernel to run the phase with. A path that no phase takes any more is freed, scratch memory included.
  Convolution& for_phase(ConvolutionPhase phase, const Pattern& pattern);
  /// Another pattern is coming: frees what kernels derived from the last one.
  void release_pattern();

 private:
  bool is_taken(KernelPath path, const Pattern& pattern) const;

  KernelPath path_ = KernelPath::automatic;
  Format storage_ = Format::fp32;
  ConvolutionGeometry geometry_;
  std::shared_ptr<Workspace> workspace_;
  std::optional<BreakEven> break_even_;
  std::array<std::unique_ptr<Convolution>, kKernelPaths> kernels_;
};

}  // namespace trainer
