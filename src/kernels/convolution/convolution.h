#pragma once

#include <memory>
#include <span>

#include "kernels/convolution/geometry.h"
#include "kernels/path.h"
#include "kernels/workspace.h"
#include "tensor/pattern.h"
#include "tensor/tensor.h"

namespace trainer {

class DecoupledConvolution;
class EstimatingConvolution;

/// The weight of one convolution as kernels see it: `values` are the unpruned weights in the pattern's order.
struct WeightView {
  const std::shared_ptr<const Pattern>& pattern;
  std::span<const float> values;
};

/// The three phases of one convolution on one path, for one geometry. Not thread-safe: one object serves one layer and
/// may keep what it derived from the pattern between calls.
///
/// Tensors are FP32 or FP16, each as it likes; arithmetic is FP32, and what is stored in FP16 is rounded once.
/// Results do not depend on the number of threads, bit for bit. Tensors must have the geometry's shapes.
class Convolution {
 public:
  virtual ~Convolution() = default;

  /// FF: Z = X * W.
  virtual void feedforward(const Tensor& X, const WeightView& W, Tensor& Z) = 0;
  /// BP: dX = dZ * W transposed. With `accumulate`, dX += it.
  virtual void backpropagate(const Tensor& dZ, const WeightView& W, Tensor& dX, bool accumulate) = 0;
  /// WG: dW of the unpruned weights alone, in the pattern's order; overwritten.
  virtual void weight_gradient(const Tensor& dZ, const Tensor& X, const std::shared_ptr<const Pattern>& pattern,
                               std::span<float> dW) = 0;

  /// Another pattern is coming: frees what was derived from the last one.
  virtual void release_pattern() {}

  /// The same object where its path can do BN's work on the way (kernels/convolution/decoupled.h); null where not.
  virtual DecoupledConvolution* decoupled() { return nullptr; }
  /// The same object where its path can estimate Z beside FF (kernels/convolution/estimating.h); null where not.
  virtual EstimatingConvolution* estimating() { return nullptr; }
};

/// `path` must not be automatic. Every path accepts every valid geometry. `workspace` may be shared with kernels that
/// never run at the same time.
std::unique_ptr<Convolution> make_convolution(KernelPath path, const ConvolutionGeometry& geometry,
                                              std::shared_ptr<Workspace> workspace = std::make_shared<Workspace>());

}  // namespace trainer
