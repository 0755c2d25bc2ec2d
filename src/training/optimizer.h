#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "network/parameter.h"

namespace trainer {

struct OptimizerOptions {
  std::string name = "sgd";  ///< one of optimizer_list()
  float momentum = 0.9F;     ///< sgd
  bool nesterov = false;     ///< sgd
  float beta1 = 0.9F;        ///< adamw
  float beta2 = 0.999F;      ///< adamw
  float epsilon = 1e-8F;     ///< adamw
  float weight_decay = 5e-4F;
};

/// Updates the unpruned values of parameters in place from their gradients (UP). State arrays run parallel to a
/// parameter's values: a pruned weight has none. Formulas as in PyTorch's SGD and AdamW.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One step with learning rate `rate`.
  virtual void step(float rate) = 0;
  /// The mask of parameter number `index` changed from `old_pattern` to its present one: kept weights keep their state,
  /// grown ones start from zero.
  virtual void pattern_changed(size_t index, const Pattern& old_pattern) = 0;

  /// State for checkpoints: named arrays, in a fixed order, that may be written into.
  struct StateArray {
    std::string name;
    size_t parameter = 0;  ///< number of the parameter whose values it runs parallel to
    std::span<float> values;
  };
  virtual std::vector<StateArray> state() = 0;
  /// Steps taken (AdamW's bias correction).
  virtual int64_t steps() const = 0;
  virtual void set_steps(int64_t steps) = 0;
};

struct NamedSummary {
  std::string_view name;
  std::string_view summary;
};
const std::vector<NamedSummary>& optimizer_list();

/// `parameters` must outlive the optimiser. Throws UsageError for an unknown name or a value out of range.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<Parameter*> parameters);

}  // namespace trainer
