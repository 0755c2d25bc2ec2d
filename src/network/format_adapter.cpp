#include "network/format_adapter.h"

#include "kernels/elementwise/convert.h"

namespace trainer {
namespace {

std::vector<const Tensor*> pointers(const std::vector<Tensor>& tensors) {
  std::vector<const Tensor*> result;
  for (const Tensor& tensor : tensors) {
    result.push_back(&tensor);
  }
  return result;
}

void store(const Tensor& from, Tensor& to) {
  if (from.elements().data != to.elements().data) {
    convert(from, to);
  }
}

}  // namespace

void FormatAdapter::feedforward(Layer& layer, std::span<const Tensor* const> inputs, Tensor& output, bool training,
                                StepHook* hook) {
  used_ = 0;
  const std::vector<Tensor> floats = copies(inputs);
  Tensor result = place(output);
  layer.feedforward(pointers(floats), result, training, hook);
  store(result, output);
}

void FormatAdapter::weight_gradient(Layer& layer, std::span<const Tensor* const> inputs, Tensor& doutput,
                                    StepHook* hook) {
  if (layer.parameters().empty()) {
    return;
  }
  used_ = 0;
  const std::vector<Tensor> floats = copies(inputs);
  Tensor gradient = copy(doutput);
  layer.weight_gradient(pointers(floats), gradient, hook);
  if (hook != nullptr) {
    store(gradient, doutput);  // what the hook made of it
  }
}

void FormatAdapter::backpropagate(Layer& layer, const BackwardView& view, StepHook* hook) {
  used_ = 0;
  const std::vector<Tensor> floats = copies(view.inputs);
  const Tensor output = copy(view.output);
  Tensor doutput = copy(view.doutput);
  std::vector<Tensor> results;
  for (size_t i = 0; i < view.dinputs.size(); ++i) {
    const Tensor* dinput = view.dinputs[i];
    if (dinput == nullptr) {
      results.emplace_back();
    } else {
      results.push_back(view.accumulate[i] != 0 ? copy(*dinput) : place(*dinput));
    }
  }
  std::vector<Tensor*> dinputs;
  for (Tensor& result : results) {
    dinputs.push_back(result.empty() ? nullptr : &result);
  }
  layer.backpropagate({pointers(floats), output, doutput, dinputs, view.accumulate}, hook);
  for (size_t i = 0; i < dinputs.size(); ++i) {
    if (dinputs[i] != nullptr) {
      store(results[i], *view.dinputs[i]);
    }
  }
}

Tensor FormatAdapter::place(const Tensor& tensor) {
  if (tensor.format() == Format::fp32) {
    return tensor;
  }
  if (used_ == memory_.size()) {
    memory_.emplace_back();
  }
  AlignedVector<float>& memory = memory_[used_++];
  if (memory.size() < static_cast<size_t>(tensor.size())) {
    memory.resize(static_cast<size_t>(tensor.size()));
  }
  return {tensor.shape(), memory.data()};
}

Tensor FormatAdapter::copy(const Tensor& tensor) {
  Tensor floats = place(tensor);
  store(tensor, floats);
  return floats;
}

std::vector<Tensor> FormatAdapter::copies(std::span<const Tensor* const> tensors) {
  std::vector<Tensor> result;
  for (const Tensor* tensor : tensors) {
    result.push_back(copy(*tensor));
  }
  return result;
}

}  // namespace trainer
