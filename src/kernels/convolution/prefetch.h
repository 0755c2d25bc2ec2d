#pragma once

#include <cstdint>
#include <vector>

#include "kernels/convolution/tile_kernels.h"

namespace trainer {

/// The cache lines that coming jobs will read.
class PrefetchLines {
 public:
  void clear() { count_ = 0; }
  void add(const PackJob& job);
  /// What a job that accumulates adds to.
  void add(const UnpackJob& job);
  /// Spread over the outputs of one kernel call. Valid until the lines change.
  PrefetchList over(int64_t outputs) const;

 private:
  /// Where lines are written: room for `most` more.
  const std::byte** room_for(int64_t most);

  std::vector<const std::byte*> lines_;  // the first count_
  int64_t count_ = 0;
};

}  // namespace trainer
