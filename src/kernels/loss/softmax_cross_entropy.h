#pragma once

#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace trainer {

struct LossResult {
  double mean_loss = 0;  ///< nats, over the images that count
  int64_t correct = 0;   ///< images whose largest logit is the label's (the first of equal ones wins)
};

/// Softmax cross-entropy of logits N x classes x 1 x 1 against `labels` (0 .. classes-1), with label smoothing
/// (the label gets 1 - smoothing, and smoothing is spread evenly over all classes).
///
/// Only the first labels.size() images count; the rest of the batch is padding and gets a zero gradient.
/// `dlogits` (overwritten; may be empty for evaluation) is the gradient of the mean loss.
LossResult softmax_cross_entropy(const Tensor& logits, std::span<const int32_t> labels, float smoothing,
                                 Tensor& dlogits);

}  // namespace trainer
