#include "processor/array/tile_counts.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>
#include <vector>

#include "base/random.h"
#include "processor/array/interleave.h"
#include "processor/array/masked_sums.h"
#include "tensor/bitmap_pack.h"

namespace trainer {
namespace {

// Runs `check` once for every instruction set that this build has code for and this CPU can run.
template <typename Check>
void for_each_target(Check check) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

std::vector<uint32_t> random_words(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<uint32_t> words(count);
  for (uint32_t& word : words) {
    word = random.below(3) == 0 ? 0 : random.next() & random.next();
  }
  return words;
}

TEST(TileCounts, EveryInstructionSetEveryWidth) {
  for_each_target([] {
    for (const auto& [width, words_per_tile] : std::vector<std::pair<size_t, size_t>>{
             {4, 2}, {4, 4}, {4, 6}, {4, 16}, {8, 2}, {8, 6}, {8, 16}, {16, 2}, {16, 6}, {16, 16}}) {
      const TileRows rows{3, width, words_per_tile, 2};
      const size_t size = rows.blocks * width;
      const std::vector<uint32_t> a = random_words(size * rows.words_per_tile, 1);
      const std::vector<uint32_t> b = random_words(size * rows.words_per_tile, 2);
      std::vector<uint32_t> expected(size);
      std::vector<uint32_t> expected_and(size);
      int64_t total = 0;
      int64_t total_and = 0;
      for (size_t tile = 0; tile < size; ++tile) {
        int count = 0;
        int count_and = 0;
        for (size_t j = 0; j < rows.words_per_tile; ++j) {
          const size_t word = (tile / width * rows.words_per_tile + j) * width + tile % width;
          count += std::popcount(a[word]);
          count_and += std::popcount(a[word] & b[word]);
        }
        total += count;
        total_and += count_and;
        expected[tile] = static_cast<uint32_t>(std::max(1, (count + 3) / 4));
        expected_and[tile] = static_cast<uint32_t>(std::max(1, (count_and + 3) / 4));
      }
      std::vector<uint32_t> populations(size);
      std::vector<uint32_t> cycles(size);
      EXPECT_EQ(tile_populations(rows, a.data(), populations.data()), total);
      EXPECT_EQ(std::accumulate(populations.begin(), populations.end(), int64_t{0}), total);
      visit_cycles(populations.data(), size, 2, cycles.data());
      EXPECT_EQ(cycles, expected);
      EXPECT_EQ(visit_cycles_and(rows, a.data(), b.data(), cycles.data()), total_and);
      EXPECT_EQ(cycles, expected_and);
      const std::vector<uint32_t> columns = {4};  // of a table whose row 3 is b
      EXPECT_EQ(add_visit_cycles_of_pairs(rows, a.data(), b.data(), -4, columns.data(), 1, cycles.data()), total_and);
      for (size_t tile = 0; tile < size; ++tile) {
        EXPECT_EQ(cycles[tile], 2 * expected_and[tile]);
      }
    }
  });
}

TEST(TileCounts, Interleaving) {
  for_each_target([] {
    for (const size_t width : {4U, 8U, 16U}) {
      for (const size_t words_per_tile : {2U, 4U, 6U, 16U}) {
        constexpr size_t kBlocks = 2;
        const std::vector<uint32_t> linear = random_words(kBlocks * width * words_per_tile, 8);
        std::vector<uint32_t> words(linear.size());
        interleave_tiles(reinterpret_cast<const uint8_t*>(linear.data()), kBlocks, width, words_per_tile, words.data());
        for (size_t i = 0; i < linear.size(); ++i) {
          const size_t tile = i / words_per_tile;
          const size_t j = i % words_per_tile;
          EXPECT_EQ(words[(tile / width * words_per_tile + j) * width + tile % width], linear[i]) << i;
        }
      }
    }
  });
}

TEST(TileCounts, RowsOfATable) {
  for_each_target([] {
    for (const size_t row_size : {4U, 8U, 16U, 48U, 64U, 80U}) {
      const std::vector<uint32_t> table = random_words(5 * row_size, 3);
      const std::vector<uint32_t> columns = {0, 4, 3, 4};
      const std::vector<uint32_t> source = {1, 0, 0, 2, 4};
      const std::vector<uint32_t> target = {0, 0, 0, 1, 1};
      std::vector<uint32_t> sum(row_size, 7);
      std::vector<uint32_t> sums(2 * row_size, 7);
      std::vector<uint32_t> largest(row_size, 7);
      add_table_rows(table.data(), row_size, columns.data(), columns.size(), sum.data());
      scatter_table_rows(table.data(), row_size, source.data(), target.data(), columns.data(), columns.size(),
                         sums.data());
      max_row(table.data(), row_size, largest.data());
      std::vector<uint32_t> scaled(row_size, 7);
      add_scaled_row(table.data(), row_size, 3, scaled.data());
      for (size_t i = 0; i < row_size; ++i) {
        const auto entry = [&](size_t row) { return table[row * row_size + i]; };
        EXPECT_EQ(sum[i], 7 + entry(0) + entry(4) + entry(3) + entry(4));
        EXPECT_EQ(sums[i], 7 + entry(1));
        EXPECT_EQ(sums[row_size + i], 7 + entry(4) + entry(2) + entry(4));
        EXPECT_EQ(largest[i], std::max(7U, entry(0)));
        EXPECT_EQ(scaled[i], 7 + 3 * entry(0));
      }
    }
  });
}

TEST(TileCounts, SumsWhereBitsAreSet) {
  Random random(6);
  std::vector<uint8_t> bits(3 * 20 + 64);
  for (uint8_t& byte : bits) {
    byte = static_cast<uint8_t>(random.next());
  }
  for_each_target([&] {
    for (const size_t bytes : {1U, 3U, 4U, 7U, 8U, 17U}) {
      const MaskedRows rows{3, bytes, 20, 8 * bytes + 5};
      std::vector<uint16_t> sums(3 * rows.sums_stride, 1000);
      add_where_set(rows, bits.data(), 77, sums.data());
      for (size_t row = 0; row < rows.rows; ++row) {
        for (size_t i = 0; i < rows.sums_stride; ++i) {
          const bool set = i < 8 * bytes && ((bits[row * 20 + i / 8] >> (i % 8)) & 1) != 0;
          EXPECT_EQ(sums[row * rows.sums_stride + i], set ? 1077 : 1000) << row << " " << i;
        }
      }
    }
  });
}

TEST(TileCounts, PackingOnEveryInstructionSet) {
  std::vector<float> values(149);
  Random random(5);
  for (float& value : values) {
    value = random.below(2) == 0 ? -0.0F : random.normal();
  }
  for_each_target([&] {
    for (const size_t count : {0U, 1U, 7U, 8U, 9U, 64U, 149U}) {
      std::vector<uint8_t> bits((count + 7) / 8 + 1, 0xA5);
      size_t nonzeros = 0;
      EXPECT_EQ(pack_nonzeros(values.data(), count, bits.data()),
                static_cast<size_t>(std::count_if(values.begin(), values.begin() + static_cast<long>(count),
                                                  [](float value) { return value != 0; })));
      for (size_t i = 0; i < (count + 7) / 8 * 8; ++i) {
        const bool set = ((bits[i / 8] >> (i % 8)) & 1) != 0;
        EXPECT_EQ(set, i < count && values[i] != 0);
        nonzeros += set ? 1 : 0;
      }
      EXPECT_EQ(bits.back(), 0xA5) << "written past the end";
    }
  });
}

}  // namespace
}  // namespace trainer
