#pragma once

#include <algorithm>
#include <cstdint>

namespace trainer {

/// How many pieces of `bytes_each` one thread should take at a time: enough to be worth waking it.
inline int64_t grain_for(int64_t bytes_each) {
  constexpr int64_t kGrainBytes = int64_t{256} * 1024;
  return std::max<int64_t>(1, kGrainBytes / std::max<int64_t>(1, bytes_each));
}

}  // namespace trainer
