#pragma once

#include <vector>

#include "base/random.h"
#include "network/parameter.h"

namespace trainer::testing_helpers {

/// A parameter of one row that decays, unpruned.
inline Parameter parameter(const std::vector<float>& values, const std::string& name = "weight") {
  Parameter result;
  result.name = name;
  result.extents = {1, static_cast<int64_t>(values.size())};
  result.pattern = Pattern::full(1, static_cast<int64_t>(values.size()));
  result.value.assign(values.begin(), values.end());
  result.gradient.assign(values.size(), 0.0F);
  result.is_weight = true;
  result.decays = true;
  return result;
}

/// A weight of these extents with this mask (empty: all unpruned) and these values of its unpruned entries.
inline Parameter weight(const std::vector<int64_t>& extents, const std::vector<uint8_t>& mask,
                        const std::vector<float>& values) {
  Parameter result;
  result.name = "weight";
  result.extents = extents;
  int64_t columns = 1;
  for (size_t i = 1; i < extents.size(); ++i) {
    columns *= extents[i];
  }
  result.pattern = mask.empty() ? Pattern::full(extents[0], columns) : Pattern::from_mask(extents[0], columns, mask);
  result.value.assign(values.begin(), values.end());
  result.gradient.assign(values.size(), 0.0F);
  result.is_weight = true;
  result.decays = true;
  return result;
}

/// The same with a random mask of about `density` and normal values.
inline Parameter random_weight(int64_t rows, int64_t columns, double density, Random& random) {
  std::vector<uint8_t> mask(static_cast<size_t>(rows * columns));
  std::vector<float> values;
  mask[random.below(mask.size())] = 1;
  for (uint8_t& kept : mask) {
    kept = kept != 0 || random.uniform() < static_cast<float>(density) ? 1 : 0;
    if (kept != 0) {
      values.push_back(random.normal());
    }
  }
  return weight({rows, columns}, mask, values);
}

}  // namespace trainer::testing_helpers
