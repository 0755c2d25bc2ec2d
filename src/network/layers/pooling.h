#pragma once

#include <memory>

#include "kernels/pooling/pooling.h"
#include "network/layer.h"

namespace trainer::layers {

struct PoolingOptions {
  PoolingKind kind = PoolingKind::maximum;
  bool global = false;  ///< the window is the whole image; the fields below do not count then
  int64_t window_h = 2;
  int64_t window_w = 2;
  int64_t stride = 2;
  int64_t padding = 0;  ///< less than or equal to half the window
};

/// Maximum, average or global pooling of each channel (PoolingGeometry says how padding counts).
class Pooling : public Layer {
 public:
  /// Throws UsageError for a window or stride below 1, or padding of more than half the window.
  explicit Pooling(const PoolingOptions& options);

  const PoolingOptions& options() const { return options_; }

  std::string_view kind() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  LayerMemory memory() const override { return {.keeps_doutput = true}; }
  NewValues new_values() const override { return {.output = options_.kind == PoolingKind::average, .dinputs = true}; }
  void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) override;
  void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) override;
  void backpropagate(const BackwardView& view, StepHook* hook) override;

 private:
  PoolingGeometry geometry(const Shape& input) const;

  PoolingOptions options_;
  std::unique_ptr<trainer::Pooling> kernel_;
};

}  // namespace trainer::layers
