#include "kernels/workspace.h"

namespace trainer {

void Workspace::prepare_threads(int threads) {
  for (Arrays& arrays : arrays_) {
    if (static_cast<int>(arrays.size()) < threads) {
      arrays.resize(static_cast<size_t>(threads));
    }
  }
}

float* Workspace::grow(AlignedVector<float>& array, int64_t count) {
  if (static_cast<int64_t>(array.size()) < count) {
    array = {};  // nothing of the old contents is wanted: no copy, and the memory is free for the new
    array.resize(static_cast<size_t>(count));
  }
  return array.data();
}

std::array<Workspace::Arrays, Workspace::kUses> Workspace::make_arrays() {
  std::array<Arrays, kUses> arrays;
  arrays.fill(Arrays(1));
  return arrays;
}

}  // namespace trainer
