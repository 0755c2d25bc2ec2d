#include "network/parameter.h"

#include <functional>
#include <numeric>
#include <utility>

namespace trainer {

Parameter make_parameter(std::string name, std::vector<int64_t> extents, bool is_weight) {
  const int64_t size = std::accumulate(extents.begin(), extents.end(), int64_t{1}, std::multiplies<>());
  const int64_t rows = is_weight ? extents.front() : 1;
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.extents = std::move(extents);
  parameter.pattern = Pattern::full(rows, size / rows);
  parameter.value.resize(static_cast<size_t>(size));
  parameter.gradient.resize(static_cast<size_t>(size));
  parameter.is_weight = is_weight;
  parameter.decays = is_weight;
  return parameter;
}

}  // namespace trainer
