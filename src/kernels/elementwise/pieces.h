#pragma once

#include <cstdint>

namespace trainer {

/// Values that one call of an elementwise kernel works on: 256 KB, long enough to hide the cost of a call.
inline constexpr int64_t kElementwisePiece = int64_t{1} << 16;

/// Channels that one call works on where channels are independent: about kElementwisePiece / 4 values or one channel.
inline int64_t channels_per_piece(int64_t channel_size) {
  const int64_t channels = kElementwisePiece / 4 / (channel_size > 0 ? channel_size : 1);
  return channels > 1 ? channels : 1;
}

}  // namespace trainer
