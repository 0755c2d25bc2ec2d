#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensor/aligned.h"
#include "tensor/pattern.h"

namespace trainer {

/// A trained array: a convolution's or linear layer's weight, a bias, or gamma and beta of BN.
///
/// `value` and `gradient` hold the unpruned entries alone, in the pattern's order. What is not a weight has a full
/// pattern of one row.
struct Parameter {
  std::string name;              ///< as PyTorch names it, such as "layer2.0.conv1.weight"
  std::vector<int64_t> extents;  ///< of the dense array: {K, C/groups, R, S}, {K, C} or {C}
  std::shared_ptr<const Pattern> pattern;
  AlignedVector<float> value;
  AlignedVector<float> gradient;
  bool is_weight = false;  ///< of a convolution or linear layer: may be pruned
  bool decays = false;     ///< weight decay applies (weights only: not biases, gamma, beta)
};

/// A dense parameter of zeros. A weight's pattern has extents[0] rows, anything else one row; weights alone decay.
Parameter make_parameter(std::string name, std::vector<int64_t> extents, bool is_weight);

/// State that is kept but not trained: BN's running mean and variance.
struct Buffer {
  std::string name;
  AlignedVector<float> value;
};

}  // namespace trainer
