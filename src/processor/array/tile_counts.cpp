#include "processor/array/tile_counts.h"

#include <type_traits>

// The counters are population counts, which AVX3_DL has an instruction for; Highway leaves that target out by default.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "processor/array/tile_counts.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h must come first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// max(1, ceil(wanted / L))
template <typename V>
HWY_INLINE V cycles_of_visit(V wanted, int lane_shift) {
  const hn::DFromV<V> d;
  return hn::Max(hn::Set(d, 1U), hn::ShiftRightSame(hn::Add(wanted, hn::Set(d, (1U << lane_shift) - 1)), lane_shift));
}

// Sums up lanes that stand kWidth apart.
template <size_t kWidth, typename V>
HWY_INLINE hn::Vec<hn::CappedTag<uint32_t, kWidth>> fold(V counts) {
#if HWY_TARGET != HWY_SCALAR  // whose vectors have one lane
  using D = hn::DFromV<V>;
  if constexpr (hn::MaxLanes(D()) > kWidth) {
    const hn::Half<D> half;
    return fold<kWidth>(hn::Add(hn::LowerHalf(half, counts), hn::UpperHalf(half, counts)));
  } else
#endif
  {
    return counts;
  }
}

// Population counts of as many tiles of a block as fit in a vector, the block being kWidth tiles wide. Vectors that are
// longer than that take several words of each tile at a time, the words of a tile being kWidth apart.
template <size_t kWidth, size_t kLanes, typename Combine>
HWY_INLINE hn::Vec<hn::CappedTag<uint32_t, kWidth>> count_tiles(size_t block_words, Combine combine) {
  const hn::CappedTag<uint32_t, kLanes> d;
  const size_t step = HWY_MAX(hn::Lanes(d), kWidth);
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  size_t j = 0;
  for (; j + 2 * step <= block_words; j += 2 * step) {
    even = hn::Add(even, hn::PopulationCount(combine(d, j)));
    odd = hn::Add(odd, hn::PopulationCount(combine(d, j + step)));
  }
  if (j < block_words) {
    even = hn::Add(even, hn::PopulationCount(combine(d, j)));
  }
  return fold<kWidth>(hn::Add(even, odd));
}

// kWidth tiles side by side; `combine` gives the words to count, `store` takes the counts of a vector of tiles.
template <size_t kWidth, size_t kLanes, typename Combine, typename Store>
HWY_INLINE int64_t for_each_visit(const TileRows& rows, size_t words_per_tile, Combine combine, Store store) {
  const hn::CappedTag<uint32_t, kWidth> d;
  const size_t block_words = words_per_tile * kWidth;
  int64_t total = 0;
  for (size_t lane = 0; lane < kWidth; lane += hn::Lanes(d)) {
    auto all = hn::Zero(d);
    for (size_t block = 0; block < rows.blocks; ++block) {
      const auto count = count_tiles<kWidth, kLanes>(
          block_words, [&](auto tag, size_t at) HWY_ATTR { return combine(tag, block * block_words + lane + at); });
      all = hn::Add(all, count);
      store(d, block * kWidth + lane, count);
    }
    total += hn::GetLane(hn::SumOfLanes(d, all));
  }
  return total;
}

template <size_t kValue>
using Constant = std::integral_constant<size_t, kValue>;

// work(width, lanes of a vector, words per tile) for the width and the tiles of these rows, where all of them are
// types: loops over a tile of 512 are unrolled. A tile is a multiple of 64 bits: an even number of words.
template <typename Words, typename Work>
HWY_INLINE int64_t by_width(const TileRows& rows, Words words, Work work) {
  return rows.width == 16  ? work(Constant<16>(), Constant<16>(), words)
         : rows.width == 8 ? work(Constant<8>(), Constant<16>(), words)
         : words % 4 == 0  ? work(Constant<4>(), Constant<16>(), words)
                           : work(Constant<4>(), Constant<8>(), words);
}

template <typename Combine, typename Store>
HWY_INLINE int64_t for_each_visit_of(const TileRows& rows, Combine combine, Store store) {
  return by_width(rows, rows.words_per_tile, [&](auto width, auto lanes, size_t words) HWY_ATTR {
    return for_each_visit<decltype(width)::value, decltype(lanes)::value>(rows, words, combine, store);
  });
}

int64_t populations_of(const TileRows& rows, const uint32_t* HWY_RESTRICT a, uint32_t* HWY_RESTRICT counts) {
  return for_each_visit_of(
      rows, [a](auto d, size_t at) HWY_ATTR { return hn::LoadU(d, a + at); },
      [counts](auto d, size_t at, auto wanted) HWY_ATTR { hn::StoreU(wanted, d, counts + at); });
}

int64_t cycles_of_and(const TileRows& rows, const uint32_t* HWY_RESTRICT a, const uint32_t* HWY_RESTRICT b,
                      uint32_t* HWY_RESTRICT cycles) {
  return for_each_visit_of(
      rows, [a, b](auto d, size_t at) HWY_ATTR { return hn::And(hn::LoadU(d, a + at), hn::LoadU(d, b + at)); },
      [&rows, cycles](auto d, size_t at, auto wanted)
          HWY_ATTR { hn::StoreU(cycles_of_visit(wanted, rows.lane_shift), d, cycles + at); });
}

// Block by block, so that a's words of a block stay at hand while those of all pairs pass.
template <size_t kWidth, size_t kLanes, typename Words>
HWY_INLINE int64_t add_pairs(const TileRows& rows, Words words_per_tile, const uint32_t* HWY_RESTRICT a,
                             const uint32_t* HWY_RESTRICT table, int64_t first, const uint32_t* HWY_RESTRICT columns,
                             size_t count, uint32_t* HWY_RESTRICT cycles) {
  const hn::CappedTag<uint32_t, kWidth> d;
  const size_t block_words = words_per_tile * kWidth;
  const auto row_words = static_cast<int64_t>(rows.blocks * block_words);
  int64_t total = 0;
  for (size_t lane = 0; lane < kWidth; lane += hn::Lanes(d)) {
    for (size_t block = 0; block < rows.blocks; ++block) {
      const size_t offset = block * block_words + lane;
      const uint32_t* HWY_RESTRICT left = a + offset;
      auto sum = hn::LoadU(d, cycles + block * kWidth + lane);
      auto all = hn::Zero(d);
      for (size_t i = 0; i < count; ++i) {
        const uint32_t* HWY_RESTRICT right =
            table + (first + static_cast<int64_t>(columns[i])) * row_words + static_cast<int64_t>(offset);
        const auto wanted = count_tiles<kWidth, kLanes>(block_words, [left, right](auto tag, size_t at) HWY_ATTR {
          return hn::And(hn::LoadU(tag, left + at), hn::LoadU(tag, right + at));
        });
        all = hn::Add(all, wanted);
        sum = hn::Add(sum, cycles_of_visit(wanted, rows.lane_shift));
      }
      hn::StoreU(sum, d, cycles + block * kWidth + lane);
      total += hn::GetLane(hn::SumOfLanes(d, all));
    }
  }
  return total;
}

int64_t add_cycles_of_pairs(const TileRows& rows, const uint32_t* a, const uint32_t* table, int64_t first,
                            const uint32_t* columns, size_t count, uint32_t* cycles) {
  const auto add = [&](auto width, auto lanes, auto words) HWY_ATTR {
    return add_pairs<decltype(width)::value, decltype(lanes)::value>(rows, words, a, table, first, columns, count,
                                                                     cycles);
  };
  return rows.words_per_tile == 16 ? by_width(rows, Constant<16>(), add) : by_width(rows, rows.words_per_tile, add);
}

// Rows have a multiple of 4 entries.
template <typename Combine>
HWY_INLINE void combine_rows(const uint32_t* HWY_RESTRICT row, size_t count, uint32_t* HWY_RESTRICT sum,
                             Combine combine) {
  const hn::CappedTag<uint32_t, 16> d;
  const hn::CappedTag<uint32_t, 4> quarter;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    hn::StoreU(combine(hn::LoadU(d, sum + i), hn::LoadU(d, row + i)), d, sum + i);
  }
  for (; i < count; i += hn::Lanes(quarter)) {
    hn::StoreU(combine(hn::LoadU(quarter, sum + i), hn::LoadU(quarter, row + i)), quarter, sum + i);
  }
}

// kVectors vectors of the sum stay in registers while all rows pass.
template <size_t kVectors, typename D>
HWY_INLINE void add_strip(D d, const uint32_t* HWY_RESTRICT table, size_t row_size,
                          const uint32_t* HWY_RESTRICT columns, size_t count, uint32_t* HWY_RESTRICT sum) {
  const size_t lanes = hn::Lanes(d);
  hn::Vec<D> sums[kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    sums[v] = hn::LoadU(d, sum + v * lanes);
  }
  for (size_t i = 0; i < count; ++i) {
    const uint32_t* row = table + columns[i] * row_size;
    for (size_t v = 0; v < kVectors; ++v) {
      sums[v] = hn::Add(sums[v], hn::LoadU(d, row + v * lanes));
    }
  }
  for (size_t v = 0; v < kVectors; ++v) {
    hn::StoreU(sums[v], d, sum + v * lanes);
  }
}

void add_rows_of(const uint32_t* table, size_t row_size, const uint32_t* columns, size_t count, uint32_t* sum) {
  const hn::CappedTag<uint32_t, 16> d;
  const hn::CappedTag<uint32_t, 4> quarter;
  size_t i = 0;
  for (; i + 4 * hn::Lanes(d) <= row_size; i += 4 * hn::Lanes(d)) {
    add_strip<4>(d, table + i, row_size, columns, count, sum + i);
  }
  for (; i + hn::Lanes(d) <= row_size; i += hn::Lanes(d)) {
    add_strip<1>(d, table + i, row_size, columns, count, sum + i);
  }
  for (; i < row_size; i += hn::Lanes(quarter)) {
    add_strip<1>(quarter, table + i, row_size, columns, count, sum + i);
  }
}

void scatter_rows_of(const uint32_t* table, size_t row_size, const uint32_t* source, const uint32_t* target,
                     const uint32_t* columns, size_t count, uint32_t* sums) {
  for (size_t i = 0; i < count; ++i) {
    const uint32_t column = columns[i];
    combine_rows(table + source[column] * row_size, row_size, sums + target[column] * row_size,
                 [](auto a, auto b) HWY_ATTR { return hn::Add(a, b); });
  }
}

void cycles_of(const uint32_t* populations, size_t count, int lane_shift, uint32_t* cycles) {
  combine_rows(populations, count, cycles,
               [lane_shift](auto /*before*/, auto wanted) HWY_ATTR { return cycles_of_visit(wanted, lane_shift); });
}

void add_scaled(const uint32_t* row, size_t count, uint32_t factor, uint32_t* sum) {
  combine_rows(row, count, sum, [factor](auto a, auto b) HWY_ATTR {
    return hn::Add(a, hn::Mul(b, hn::Set(hn::DFromV<decltype(b)>(), factor)));
  });
}

void max_rows(const uint32_t* row, size_t count, uint32_t* sum) {
  combine_rows(row, count, sum, [](auto a, auto b) HWY_ATTR { return hn::Max(a, b); });
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {
HWY_EXPORT(cycles_of);
HWY_EXPORT(cycles_of_and);
HWY_EXPORT(add_cycles_of_pairs);
HWY_EXPORT(populations_of);
HWY_EXPORT(add_scaled);
HWY_EXPORT(add_rows_of);
HWY_EXPORT(scatter_rows_of);
HWY_EXPORT(max_rows);

void visit_cycles(const uint32_t* populations, size_t count, int lane_shift, uint32_t* cycles) {
  HWY_DYNAMIC_DISPATCH(cycles_of)(populations, count, lane_shift, cycles);
}
int64_t visit_cycles_and(const TileRows& rows, const uint32_t* a, const uint32_t* b, uint32_t* cycles) {
  return HWY_DYNAMIC_DISPATCH(cycles_of_and)(rows, a, b, cycles);
}
int64_t add_visit_cycles_of_pairs(const TileRows& rows, const uint32_t* a, const uint32_t* table, int64_t first,
                                  const uint32_t* columns, size_t count, uint32_t* cycles) {
  return HWY_DYNAMIC_DISPATCH(add_cycles_of_pairs)(rows, a, table, first, columns, count, cycles);
}
int64_t tile_populations(const TileRows& rows, const uint32_t* a, uint32_t* counts) {
  return HWY_DYNAMIC_DISPATCH(populations_of)(rows, a, counts);
}
void add_scaled_row(const uint32_t* row, size_t count, uint32_t factor, uint32_t* sum) {
  HWY_DYNAMIC_DISPATCH(add_scaled)(row, count, factor, sum);
}
void add_table_rows(const uint32_t* table, size_t row_size, const uint32_t* columns, size_t count, uint32_t* sum) {
  HWY_DYNAMIC_DISPATCH(add_rows_of)(table, row_size, columns, count, sum);
}
void scatter_table_rows(const uint32_t* table, size_t row_size, const uint32_t* source, const uint32_t* target,
                        const uint32_t* columns, size_t count, uint32_t* sums) {
  HWY_DYNAMIC_DISPATCH(scatter_rows_of)(table, row_size, source, target, columns, count, sums);
}
void max_row(const uint32_t* row, size_t count, uint32_t* sum) { HWY_DYNAMIC_DISPATCH(max_rows)(row, count, sum); }

}  // namespace trainer
#endif
