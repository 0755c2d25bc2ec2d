#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/convolution/axis.h"
#include "kernels/convolution/geometry.h"
#include "kernels/convolution/tiling.h"
#include "tensor/aligned.h"
#include "tensor/format.h"
#include "tensor/half.h"
#include "tensor/pattern.h"

namespace trainer {

/// One unpruned weight as an inner loop reads it.
struct Term {
  uint32_t offset = 0;  ///< values from the start of the packed block to where the weight reads
  uint32_t bits = 0;    ///< the weight: an FP32 number, or an FP16 number twice, to be broadcast in one go

  float value() const { return std::bit_cast<float>(bits); }
};

/// Which way a pass goes through the weight.
enum class Direction { forward, backward };

/// The unpruned weights of one pattern that a pass uses, in the order it reads them: by group of the convolution, block
/// of input channels, output phase and output channel, then as the pattern has them.
class TermList {
 public:
  /// `pass` and `tiling` belong to `direction`: backward, the input channels are the weight's K.
  TermList(const ConvolutionGeometry& geometry, Direction direction, const ConvolutionPass& pass, const Tiling& tiling,
           std::shared_ptr<const Pattern> pattern);

  const std::shared_ptr<const Pattern>& pattern() const { return pattern_; }
  std::span<const Term> terms() const { return terms_; }
  /// outputs + 1 entries, an output being a channel (within the group) of a phase, channels first: terms of output o
  /// are [o] .. [o+1]-1 of terms().
  const uint32_t* begin(int64_t group, int64_t block) const {
    return begin_.data() + (group * blocks_ + block) * outputs_;
  }
  int64_t blocks() const { return blocks_; }
  /// Calls body(term, place) for terms begin .. end-1: the place of its weight in the pattern's order.
  template <class Body>
  void for_each_place(int64_t begin, int64_t end, const Body& body) const;
  /// Takes the values, in `format`, from an array in the pattern's order.
  void refresh(std::span<const float> values, Format format);

 private:
  std::shared_ptr<const Pattern> pattern_;  // held, so that its address names it
  int64_t outputs_;
  int64_t blocks_;
  std::vector<uint32_t> begin_;
  // One of the two says where terms stand in the pattern. A forward pass takes the weights of an output channel and
  // block in the pattern's order, so a term's place is its number and what is here for its entry of begin_ (modulo
  // 2^32); else each term has an entry.
  std::vector<uint32_t> distance_;
  std::vector<uint32_t> place_;
  AlignedVector<Term> terms_;
  std::vector<Half> halves_;  // the values in FP16, in the pattern's order
};

template <class Body>
void TermList::for_each_place(int64_t begin, int64_t end, const Body& body) const {
  auto term = static_cast<uint32_t>(begin);
  const auto stop = static_cast<uint32_t>(end);
  if (distance_.empty()) {
    for (; term < stop; ++term) {
      body(term, place_[term]);
    }
    return;
  }
  for (size_t run = std::ranges::upper_bound(begin_, term) - begin_.begin() - 1; term < stop; ++run) {
    const uint32_t run_stop = std::min(stop, begin_[run + 1]);
    const uint32_t distance = distance_[run];
    for (; term < run_stop; ++term) {
      body(term, term + distance);
    }
  }
}

}  // namespace trainer
