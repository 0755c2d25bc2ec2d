#pragma once

#include <string>
#include <vector>

namespace trainer {

/// What `trainer list` can list: models, data, processors, costs, operating-points, methods, optimizers, schedules,
/// kernels.
std::vector<std::string> listing_names();

/// One line for each entry of `what` (empty: of everything), or JSON. Throws UsageError for an unknown `what`.
std::string listing(const std::string& what, bool json);

}  // namespace trainer
