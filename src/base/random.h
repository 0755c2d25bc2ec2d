#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace trainer {

/// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011).
///
/// A stream is named by a key and a position in a 2-D space, so any number can be had without drawing those before it:
/// what image 17 of epoch 3 sees depends on (seed, epoch, index) alone, not on threads, order or resumption.
class Random {
 public:
  /// `stream` and `substream` name independent sequences under one seed, for example (epoch, index).
  explicit Random(uint64_t seed, uint64_t stream = 0, uint32_t substream = 0);

  uint32_t next();
  uint64_t next64();
  /// Uniform in [0, 1), 24 bits.
  float uniform();
  /// Uniform in [low, high).
  float uniform(float low, float high);
  /// Uniform in 0 .. bound-1, without bias. `bound` must be positive.
  uint64_t below(uint64_t bound);
  /// Standard normal (Box-Muller).
  float normal();

 private:
  void refill();

  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;  // [0] block within the stream, [1] substream, [2..3] stream
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
  float spare_normal_ = 0;
  bool has_spare_normal_ = false;
};

/// A random permutation of 0 .. count-1 (Fisher-Yates), determined by the state of `random`.
std::vector<uint32_t> shuffled(uint32_t count, Random& random);

}  // namespace trainer
