#pragma once

#include <cstdint>
#include <vector>

#include "kernels/convolution/decoupled.h"

namespace trainer {

/// Sums of each output channel over each run of tiles, added in the order of runs: the same bits for any number of
/// threads. Does nothing where the sums wanted are null.
class RunSums {
 public:
  void prepare(const OutputSums* wanted, int64_t runs, int64_t channels) {
    channels_ = channels;
    sums_.resize(wanted == nullptr ? 0 : static_cast<size_t>(runs * channels));
  }

  /// One for each channel.
  batchnorm::Sums* of(int64_t run) { return sums_.data() + run * channels_; }

  void add(const OutputSums* wanted) const {
    if (wanted == nullptr) {
      return;
    }
    for (size_t c = 0; c < wanted->sums.size(); ++c) {
      batchnorm::Sums total;
      for (size_t i = c; i < sums_.size(); i += static_cast<size_t>(channels_)) {
        total.first += sums_[i].first;
        total.second += sums_[i].second;
      }
      wanted->sums[c] = total;
    }
  }

 private:
  int64_t channels_ = 0;
  std::vector<batchnorm::Sums> sums_;
};

}  // namespace trainer
