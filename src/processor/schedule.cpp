#include "processor/schedule.h"

#include <algorithm>

#include "processor/tile_counts.h"

namespace trainer {

ArraySchedule schedule_array(std::span<const uint32_t> cycles, const TileGrid& grid, int64_t channels,
                             int64_t conv_groups, int64_t pes_per_group, int64_t groups) {
  const int64_t row_size = grid.row_size();
  const int64_t group_channels = channels / conv_groups;
  const int64_t group_blocks = (group_channels + pes_per_group - 1) / pes_per_group;
  ArraySchedule schedule;
  schedule.channel_blocks = group_blocks * conv_groups;

  AlignedVector<uint32_t> slowest(static_cast<size_t>(schedule.channel_blocks * row_size));
  for (int64_t channel = 0; channel < channels; ++channel) {
    const uint32_t* row = cycles.data() + channel * row_size;
    for (int64_t tile = 0; tile < grid.tiles(); ++tile) {
      schedule.active_cycles += row[tile];
    }
    const int64_t block = channel / group_channels * group_blocks + channel % group_channels / pes_per_group;
    max_row(row, static_cast<size_t>(row_size), slowest.data() + block * row_size);
  }

  int64_t item = 0;
  uint32_t round = 0;
  for (int64_t tile = 0; tile < grid.tiles(); ++tile) {
    for (int64_t block = 0; block < schedule.channel_blocks; ++block) {
      round = std::max(round, slowest[static_cast<size_t>(block * row_size + tile)]);
      if (++item % groups == 0) {
        schedule.cycles += round;
        round = 0;
      }
    }
  }
  schedule.cycles += round;
  return schedule;
}

}  // namespace trainer
