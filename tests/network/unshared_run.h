#pragma once

#include <map>
#include <string>
#include <vector>

#include "network/network.h"

namespace trainer::test {

/// FF, WG and BP of a planned network with an array of its own for every output and gradient, and all sums over
/// consumers made here: what the network's sharing of memory is tested against. Gives the gradients by parameter name.
inline std::map<std::string, AlignedVector<float>> unshared_gradients(Network& network, const Tensor& images,
                                                                      const Tensor& dlogits) {
  const auto& nodes = network.nodes();
  std::vector<Tensor> outputs(nodes.size());
  std::vector<Tensor> gradients(nodes.size());
  std::vector<std::vector<const Tensor*>> inputs(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::vector<Shape> shapes;
    for (const int input : nodes[i].inputs) {
      inputs[i].push_back(input < 0 ? &images : &outputs[static_cast<size_t>(input)]);
      shapes.push_back(inputs[i].back()->shape());
    }
    outputs[i] = Tensor(nodes[i].layer->output_shape(shapes));
    gradients[i] = Tensor(outputs[i].shape());
    nodes[i].layer->feedforward(inputs[i], outputs[i], true, nullptr);
  }
  gradients.back() = dlogits.clone();
  for (size_t i = nodes.size(); i-- > 0;) {
    std::vector<Tensor> dinputs;
    std::vector<Tensor*> pointers;
    for (const Tensor* input : inputs[i]) {
      dinputs.emplace_back(input->shape());
    }
    for (size_t k = 0; k < dinputs.size(); ++k) {
      pointers.push_back(nodes[i].inputs[k] < 0 ? nullptr : &dinputs[k]);
    }
    const std::vector<uint8_t> overwrite(dinputs.size(), 0);
    Tensor doutput = gradients[i].clone();
    nodes[i].layer->weight_gradient(inputs[i], doutput, nullptr);
    nodes[i].layer->backpropagate({inputs[i], outputs[i], doutput, pointers, overwrite}, nullptr);
    for (size_t k = 0; k < dinputs.size(); ++k) {
      if (nodes[i].inputs[k] >= 0) {
        Tensor& sum = gradients[static_cast<size_t>(nodes[i].inputs[k])];
        for (int64_t j = 0; j < sum.size(); ++j) {
          sum.data()[j] += dinputs[k].data()[j];
        }
      }
    }
  }
  std::map<std::string, AlignedVector<float>> result;
  for (const Parameter* parameter : network.parameters()) {
    result[parameter->name] = parameter->gradient;
  }
  return result;
}

}  // namespace trainer::test
