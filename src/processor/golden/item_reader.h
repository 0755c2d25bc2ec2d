#pragma once

#include "processor/golden/job.h"

namespace trainer::golden {

/// An item's share of activations and weights goes from the global buffer to its group, with the bitmaps that the group
/// reads once per item; weight positions that are not held stay behind with their pairs (contract, sections 7 and 8).
void read_item(Job& job, const Item& item);

}  // namespace trainer::golden
