#include "kernels/convolution/terms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/convolution/axis.h"
#include "kernels/convolution/problem.h"

namespace trainer {
namespace {

/// A list for windows of `channels` channels, with its pass.
TermList make_list(const ConvolutionGeometry& geometry, Direction direction, int64_t channels,
                   const std::shared_ptr<const Pattern>& pattern) {
  const ConvolutionPass pass =
      direction == Direction::forward ? forward_pass(geometry) : backward_passes(geometry).front();
  Tiling tiling;
  tiling.channels = channels;
  tiling.row_pitch = 100;
  tiling.plane_pitch = 1000;
  tiling.channel_pitch = 10000;
  return {geometry, direction, pass, tiling, pattern};
}

/// The pattern's number of each weight in the order that the list is documented to have.
std::vector<uint32_t> places_in_order(const ConvolutionGeometry& g, Direction direction, int64_t channels,
                                      const Pattern& pattern) {
  const bool forward = direction == Direction::forward;
  const ConvolutionPass pass = forward ? forward_pass(g) : backward_passes(g).front();
  const int64_t inputs = forward ? g.c / g.groups : g.k / g.groups;
  const int64_t outputs = forward ? g.k / g.groups : g.c / g.groups;
  std::vector<uint32_t> places;
  for (int64_t group = 0; group < g.groups; ++group) {
    for (int64_t block = 0; block < inputs; block += channels) {
      for (int64_t output = 0; output < pass.phases() * outputs; ++output) {
        for (int64_t k = 0; k < g.k; ++k) {
          const auto row = static_cast<size_t>(k);
          for (uint32_t i = pattern.row_begin()[row]; i < pattern.row_begin()[row + 1]; ++i) {
            const int64_t column = pattern.column_at(k, i);
            const Tap& row_tap = pass.rows.taps[static_cast<size_t>(column / g.s % g.r)];
            const Tap& column_tap = pass.columns.taps[static_cast<size_t>(column % g.s)];
            const int64_t c = column / (g.r * g.s);
            const int64_t of_group = k % (g.k / g.groups);
            const int64_t input = forward ? c : of_group;
            const int64_t at = pass.phase(row_tap, column_tap) * outputs + (forward ? of_group : c);
            if (k / (g.k / g.groups) == group && row_tap.used && column_tap.used &&
                input / channels * channels == block && at == output) {
              places.push_back(i);
            }
          }
        }
      }
    }
  }
  return places;
}

TEST(TermList, KnowsThePlaceOfEveryTermFromWhereverItIsEntered) {
  for (const char* text : {"n1c7k5h4r3p1d0.3", "n1c6k4h5r3s2p1g2d0.4", "n1c5k6h4r1d0.1", "n1c3k4h3r2d0", "n1c4k3h6r3p1",
                           "n1c4k3h1r3p1d0.5"}) {
    const testing::Operands operands(parse_convolution_problem(text));
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      for (const int64_t channels : {1, 2, 8}) {
        const TermList list = make_list(operands.geometry, direction, channels, operands.pattern);
        const std::vector<uint32_t> expected =
            places_in_order(operands.geometry, direction, channels, *operands.pattern);
        const auto count = static_cast<int64_t>(list.terms().size());
        ASSERT_EQ(count, static_cast<int64_t>(expected.size())) << text;
        for (int64_t begin = 0; begin <= count; ++begin) {
          for (const int64_t end : {begin, std::min(begin + 2, count), count}) {
            std::vector<uint32_t> terms;
            std::vector<uint32_t> places;
            list.for_each_place(begin, end, [&](uint32_t term, uint32_t place) {
              terms.push_back(term);
              places.push_back(place);
            });
            ASSERT_EQ(static_cast<int64_t>(places.size()), end - begin) << text;
            for (size_t i = 0; i < places.size(); ++i) {
              ASSERT_EQ(terms[i], begin + static_cast<int64_t>(i)) << text;
              ASSERT_EQ(places[i], expected[terms[i]]) << text << " " << channels << " " << begin << " " << end;
            }
          }
        }
      }
    }
  }
}

TEST(TermList, TakesTheValuesOfItsPlaces) {
  const testing::Operands operands(parse_convolution_problem("n1c60k70h4r3p1d0.9"));  // more than one thread's share
  TermList list = make_list(operands.geometry, Direction::forward, 7, operands.pattern);
  ASSERT_GT(list.terms().size(), size_t{1} << 15);
  std::vector<float> values(operands.W.size());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i);
  }
  list.refresh(values, Format::fp32);
  list.for_each_place(0, static_cast<int64_t>(list.terms().size()),
                      [&](uint32_t term, uint32_t place) { ASSERT_EQ(list.terms()[term].value(), values[place]); });
}

}  // namespace
}  // namespace trainer
