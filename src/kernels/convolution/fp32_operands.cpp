#include <utility>

#include "kernels/convolution/paths.h"
#include "kernels/elementwise/convert.h"

namespace trainer {
namespace {

using Use = Workspace::Use;

class Fp32Operands final : public Convolution {
 public:
  Fp32Operands(std::unique_ptr<Convolution> inner, std::shared_ptr<Workspace> workspace)
      : inner_(std::move(inner)), workspace_(std::move(workspace)) {}

  void feedforward(const Tensor& X, const WeightView& W, Tensor& Z) override {
    Tensor stored = place(Z, Use::fp32_destination);
    inner_->feedforward(fp32(X, Use::fp32_source), W, stored);
    store(stored, Z);
  }

  void backpropagate(const Tensor& dZ, const WeightView& W, Tensor& dX, bool accumulate) override {
    Tensor stored = place(dX, Use::fp32_source);
    if (accumulate && dX.format() != Format::fp32) {
      convert(dX, stored);
    }
    inner_->backpropagate(fp32(dZ, Use::fp32_destination), W, stored, accumulate);
    store(stored, dX);
  }

  void weight_gradient(const Tensor& dZ, const Tensor& X, const std::shared_ptr<const Pattern>& pattern,
                       std::span<float> dW) override {
    inner_->weight_gradient(fp32(dZ, Use::fp32_destination), fp32(X, Use::fp32_source), pattern, dW);
  }

  void release_pattern() override { inner_->release_pattern(); }

 private:
  /// `tensor` itself where it is FP32, else memory for an FP32 copy.
  Tensor place(const Tensor& tensor, Use use) {
    return tensor.format() == Format::fp32 ? tensor : Tensor(tensor.shape(), workspace_->floats(use, tensor.size()));
  }
  Tensor fp32(const Tensor& tensor, Use use) {
    Tensor copy = place(tensor, use);
    if (tensor.format() != Format::fp32) {
      convert(tensor, copy);
    }
    return copy;
  }
  static void store(const Tensor& from, Tensor& to) {
    if (to.format() != Format::fp32) {
      convert(from, to);
    }
  }

  std::unique_ptr<Convolution> inner_;
  std::shared_ptr<Workspace> workspace_;
};

}  // namespace

std::unique_ptr<Convolution> with_fp32_operands(std::unique_ptr<Convolution> inner,
                                                std::shared_ptr<Workspace> workspace) {
  return std::make_unique<Fp32Operands>(std::move(inner), std::move(workspace));
}

}  // namespace trainer
