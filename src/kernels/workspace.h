#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tensor/aligned.h"

namespace trainer {

/// Memory that the kernels of one network share: they run one after the other, and none needs its contents from one
/// call to the next. What one layer asks for is there for all others, so a network takes what its largest layer takes.
class Workspace {
 public:
  enum class Use {
    weights,       ///< a weight in a kernel's own layout
    dense_weight,  ///< with zeros where it is pruned
    source,        ///< X (or dX) in a kernel's own layout
    destination,   ///< Z or dZ likewise
    addend,        ///< what is added to a tensor afterwards
    partials,      ///< partial weight gradients
    fp32_source,   ///< an FP32 copy of X or dX
    fp32_destination,
    window,  ///< of one thread
    tiles,   ///< of one thread
    sums,    ///< of one thread
    result,  ///< of one thread
    scratchpad,
  };

  /// At least `count` floats, kAlignment-aligned, with any values in them. Valid until the same use is asked for more.
  float* floats(Use use, int64_t count) { return grow(of(use).front(), count); }
  /// The same for one thread: prepare_threads() must have been called outside of the parallel region.
  float* floats(Use use, int thread, int64_t count) { return grow(of(use)[static_cast<size_t>(thread)], count); }
  void prepare_threads(int threads);

 private:
  static constexpr size_t kUses = static_cast<size_t>(Use::scratchpad) + 1;
  using Arrays = std::vector<AlignedVector<float>>;

  Arrays& of(Use use) { return arrays_[static_cast<size_t>(use)]; }
  static float* grow(AlignedVector<float>& array, int64_t count);

  std::array<Arrays, kUses> arrays_ = make_arrays();
  static std::array<Arrays, kUses> make_arrays();
};

}  // namespace trainer
