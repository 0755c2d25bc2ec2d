#pragma once

#include <cstddef>
#include <cstdint>

namespace trainer {

/// Rows of interleaved bits (see TileGrid): `blocks` blocks of `width` tiles (4, 8 or 16) of `words_per_tile` words.
struct TileRows {
  size_t blocks;
  size_t width;
  size_t words_per_tile;
  int lane_shift;  ///< log2 of the lanes L of a PE
};

/// The population count of every tile of a. Returns that of all tiles.
int64_t tile_populations(const TileRows& rows, const uint32_t* a, uint32_t* counts);
/// One visit of each tile: cycles[i] = max(1, ceil(populations[i] / L)); count is a multiple of 4.
void visit_cycles(const uint32_t* populations, size_t count, int lane_shift, uint32_t* cycles);
/// One visit of each tile of a AND b. Returns the population count of all tiles.
int64_t visit_cycles_and(const TileRows& rows, const uint32_t* a, const uint32_t* b, uint32_t* cycles);
/// The same of a AND row first + columns[i] of `table`, for all i < count, added to `cycles`.
int64_t add_visit_cycles_of_pairs(const TileRows& rows, const uint32_t* a, const uint32_t* table, int64_t first,
                                  const uint32_t* columns, size_t count, uint32_t* cycles);

/// sum += table row columns[i], for all i < count. Rows of `row_size` entries, a multiple of 4.
void add_table_rows(const uint32_t* table, size_t row_size, const uint32_t* columns, size_t count, uint32_t* sum);
/// sum += factor * row.
void add_scaled_row(const uint32_t* row, size_t count, uint32_t factor, uint32_t* sum);
/// Row target[columns[i]] of `sums` += row source[columns[i]] of `table`, for all i < count.
void scatter_table_rows(const uint32_t* table, size_t row_size, const uint32_t* source, const uint32_t* target,
                        const uint32_t* columns, size_t count, uint32_t* sums);
/// sum[i] = max(sum[i], row[i]); count is a multiple of 4.
void max_row(const uint32_t* row, size_t count, uint32_t* sum);

}  // namespace trainer
