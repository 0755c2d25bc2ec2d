#include "kernels/convolution/terms.h"

#include <utility>

#include "base/parallel.h"
#include "kernels/elementwise/convert.h"

namespace trainer {
namespace {

constexpr int64_t kRefreshGrain = 1 << 15;

}  // namespace

TermList::TermList(const ConvolutionGeometry& geometry, Direction direction, const ConvolutionPass& pass,
                   const Tiling& tiling, std::shared_ptr<const Pattern> pattern)
    : pattern_(std::move(pattern)) {
  const int64_t c_per_group = geometry.c / geometry.groups;
  const int64_t k_per_group = geometry.k / geometry.groups;
  const bool forward = direction == Direction::forward;
  const int64_t inputs = forward ? c_per_group : k_per_group;
  const int64_t outputs = forward ? k_per_group : c_per_group;
  outputs_ = pass.phases() * outputs;
  blocks_ = (inputs + tiling.channels - 1) / tiling.channels;

  const auto visit = [&](const auto& body) {
    for (int64_t k = 0; k < pattern_->rows(); ++k) {
      const auto row = static_cast<size_t>(k);
      for (uint32_t i = pattern_->row_begin()[row]; i < pattern_->row_begin()[row + 1]; ++i) {
        const int64_t column = pattern_->column_at(k, i);
        const Tap& row_tap = pass.rows.taps[static_cast<size_t>(column / geometry.s % geometry.r)];
        const Tap& column_tap = pass.columns.taps[static_cast<size_t>(column % geometry.s)];
        if (row_tap.used && column_tap.used) {
          const int64_t c = column / (geometry.r * geometry.s);
          const int64_t input = forward ? c : k % k_per_group;
          const int64_t output = pass.phase(row_tap, column_tap) * outputs + (forward ? k % k_per_group : c);
          const int64_t group = k / k_per_group;
          const int64_t key = (group * blocks_ + input / tiling.channels) * outputs_ + output;
          const int64_t offset = tiling.offset(input % tiling.channels, pass, row_tap, column_tap);
          body(static_cast<size_t>(key), i, static_cast<uint32_t>(offset));
        }
      }
    }
  };
  begin_.assign(static_cast<size_t>(geometry.groups * blocks_ * outputs_) + 1, 0);
  visit([&](size_t key, uint32_t, uint32_t) { ++begin_[key + 1]; });
  for (size_t i = 1; i < begin_.size(); ++i) {
    begin_[i] += begin_[i - 1];
  }
  std::vector<uint32_t> next = begin_;
  // Where runs are shorter than a weight on average, places take less memory than distances.
  const bool as_in_pattern = forward && begin_.size() - 1 < begin_.back();
  (as_in_pattern ? distance_ : place_).resize(as_in_pattern ? begin_.size() - 1 : begin_.back());
  terms_.resize(begin_.back());
  visit([&](size_t key, uint32_t index, uint32_t offset) {
    const uint32_t at = next[key]++;
    if (as_in_pattern) {
      distance_[key] = index - at;
    } else {
      place_[at] = index;
    }
    terms_[at].offset = offset;
  });
}

void TermList::refresh(std::span<const float> values, Format format) {
  const auto take = [&](const auto& bits_of) {
    parallel_for(static_cast<int64_t>(terms_.size()), kRefreshGrain, [&](int64_t begin, int64_t end) {
      for_each_place(begin, end, [&](uint32_t term, uint32_t place) { terms_[term].bits = bits_of(place); });
    });
  };
  if (format == Format::fp16) {
    halves_.resize(values.size());
    convert(values, halves_);
    take([this](uint32_t place) { return uint32_t{halves_[place].bits} * 0x10001U; });
  } else {
    take([values](uint32_t place) { return std::bit_cast<uint32_t>(values[place]); });
  }
}

}  // namespace trainer
