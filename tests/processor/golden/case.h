#pragma once

#include <optional>
#include <string>

#include "processor/golden/choice.h"
#include "processor/random_layer.h"

namespace trainer::golden_test {

/// A layer and a processor that both models run. Values are small integers, so that sums are exact in any order.
struct Case {
  LayerCase layer;
  /// The layer a step earlier, which the fast model must not mix up with this one: other values, in half of all cases
  /// under the same mask.
  std::optional<LayerCase> before;
  /// What training does with the layer, and what stands before and after it: the members of golden::Layer that are no
  /// operands. `skipped` is of `layer`, `skipped_before` of `before`; empty where the step was not speculated.
  bool reads_shortcut = false, gradient_pruned = false;
  bool input_is_rectified = false, input_from_batchnorm = false, output_to_batchnorm = false;
  std::vector<uint8_t> skipped, skipped_before;
  /// BN after it.
  bool batchnorm_after_contraction = true, contraction_has_bp = true;
  int64_t applied_on_load = 0;
  golden::Processor processor;
  golden::Pins pins;
  std::string text;  ///< the problem, the processor, and how to run this case alone
};

/// The case of this number: any small layer on any small processor, pinned or adaptive.
Case random_case(uint64_t number);
/// Any small processor for some layer; adds what it pins.
golden::Processor random_processor(Random& random, golden::Pins& pins);
/// "array.groups=4 array.pes_per_group=3 ...": every key that matters, as --set takes them.
std::string processor_string(const golden::Processor& processor, const golden::Pins& pins);

/// The same operands for the golden model.
golden::Layer golden_layer(const Case& c);
/// A tensor's values in the order of its letters.
std::vector<float> in_order(const Tensor& tensor);

}  // namespace trainer::golden_test
