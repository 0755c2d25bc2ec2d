#include "network/fp32_hook.h"

#include "kernels/elementwise/convert.h"

namespace trainer {

class Fp32Hook::Shown {
 public:
  Shown(const Tensor& stored, AlignedVector<float>& memory) : tensor_(stored) {
    if (stored.format() != Format::fp32) {
      if (memory.size() < static_cast<size_t>(stored.size())) {
        memory.resize(static_cast<size_t>(stored.size()));
      }
      tensor_ = Tensor(stored.shape(), memory.data());
      convert(stored, tensor_);
    }
  }

  operator Tensor&() { return tensor_; }  // NOLINT(google-explicit-constructor)

  void store(Tensor& stored) const {
    if (stored.format() != Format::fp32) {
      convert(tensor_, stored);
    }
  }

 private:
  Tensor tensor_;
};

void Fp32Hook::rectification(const ContractionLayer& layer, const Rectification& after) {
  Rectification shown = after;
  if (after.shortcut != nullptr) {
    shortcut_ = Shown(*after.shortcut, shortcut_memory_);
    shown.shortcut = &shortcut_;
  }
  ForwardingHook::rectification(layer, shown);
}

void Fp32Hook::rectified(const ContractionLayer& layer, Tensor& A) {
  Shown a(A, memory_[0]);
  ForwardingHook::rectified(layer, a);
  a.store(A);
}

void Fp32Hook::feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) {
  Shown z(Z, memory_[1]);
  ForwardingHook::feedforward(layer, Shown(X, memory_[0]), W, z);
  z.store(Z);
}

void Fp32Hook::gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& dZ) {
  Shown dz(dZ, memory_[1]);
  ForwardingHook::gradient(layer, Shown(X, memory_[0]), W, dz);
  dz.store(dZ);
}

void Fp32Hook::backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                               Tensor& dX) {
  Shown dx(dX, memory_[2]);
  ForwardingHook::backpropagation(layer, Shown(X, memory_[0]), W, Shown(dZ, memory_[1]), dx);
  dx.store(dX);
}

void Fp32Hook::weight_gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                               std::span<float> dW) {
  ForwardingHook::weight_gradient(layer, Shown(X, memory_[0]), W, Shown(dZ, memory_[1]), dW);
}

void Fp32Hook::batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) {
  ForwardingHook::batchnorm_feedforward(layer, Shown(Z, memory_[0]));
}

void Fp32Hook::batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) {
  Shown dz(dZ, memory_[1]);
  ForwardingHook::batchnorm_backpropagation(layer, Shown(Z, memory_[0]), dz);
  dz.store(dZ);
}

}  // namespace trainer
