#pragma once

#include <cstdint>

namespace trainer {

/// Which outputs are audited if they are predicted: a function of its arguments alone, so the same for any number of
/// threads and after a resumption.
class AuditSample {
 public:
  /// `rate` is used to the nearest 1/65536.
  AuditSample(double rate, uint64_t seed, int64_t step, int layer);

  /// Bits of 64 outputs of a channel, each set with the probability `rate`.
  uint64_t word(int64_t channel, int64_t index) const;

 private:
  uint32_t rate_;
  uint64_t key_;
};

}  // namespace trainer
