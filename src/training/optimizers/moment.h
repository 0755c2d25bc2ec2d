#pragma once

#include <string>
#include <utility>
#include <vector>

#include "training/optimizer.h"

namespace trainer {

/// One state array for each parameter, parallel to its values: zero at first, and for weights that have just grown.
class Moment {
 public:
  Moment(std::string name, const std::vector<Parameter*>& parameters);

  float* of(size_t index) { return values_[index].data(); }
  void pattern_changed(size_t index, const Pattern& from, const Pattern& to);
  /// Appends its arrays, named "<name>/<parameter>".
  void append_state(const std::vector<Parameter*>& parameters, std::vector<Optimizer::StateArray>& state);

 private:
  std::string name_;
  std::vector<AlignedVector<float>> values_;
};

/// Values that one piece of an optimiser's parallel loop updates: small enough to share a layer, large enough to be
/// worth a thread's attention.
inline constexpr int64_t kUpdateGrain = 32768;

}  // namespace trainer
