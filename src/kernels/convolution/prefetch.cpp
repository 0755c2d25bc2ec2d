#include "kernels/convolution/prefetch.h"

#include <algorithm>

namespace trainer {
namespace {

constexpr auto kLineBytes = static_cast<int64_t>(kAlignment);

/// The columns of a row: a run of bytes each.
class Columns {
 public:
  Columns(int64_t count, int64_t distance, int64_t bytes)
      : count_(count), distance_(distance), lines_((bytes + kLineBytes - 1) / kLineBytes) {}

  int64_t lines() const { return count_ * lines_; }
  /// Writes the lines of the row that begins at `first`, and returns where the next row's go.
  const std::byte** write(const std::byte* first, const std::byte** line) const {
    for (int64_t i = 0; i < lines_; ++i) {
      for (int64_t column = 0; column < count_; ++column) {
        line[column] = first + column * distance_;
      }
      line += count_;
      first += kLineBytes;
    }
    return line;
  }

 private:
  int64_t count_;
  int64_t distance_;
  int64_t lines_;
};

}  // namespace

void PrefetchLines::add(const PackJob& job) {
  if (job.column_planes->empty()) {
    return;  // a pass without taps reads nothing
  }
  // All column planes together: every column from the first to the last, or only those in step.
  const int64_t packed_columns = job.row_pitch / job.batch;
  const int64_t step = job.column_planes->size() > 1 ? 1 : job.step;
  const int64_t last = job.first_column + (packed_columns - 1) * job.step + std::ranges::max(*job.column_planes);
  const int64_t end = std::min(job.column_limit, last + 1);
  int64_t begin = job.first_column;
  if (begin < 0) {
    begin += (step - 1 - begin) / step * step;
  }
  const int64_t value = bytes_of(job.input.format);
  const int64_t column_bytes = job.input_batch * value;
  const Columns columns(end > begin ? (end - begin + step - 1) / step : 0, step * column_bytes, job.images * value);
  const std::byte** line =
      room_for(job.channels * static_cast<int64_t>(job.row_planes->size()) * job.rows * columns.lines());
  for (int64_t channel = 0; channel < job.channels; ++channel) {
    const std::byte* const first = job.input.data + channel * job.channel_size * value + begin * column_bytes;
    for (const int64_t row_plane : *job.row_planes) {
      for (int64_t i = 0; i < job.rows; ++i) {
        const int64_t row = job.first_row + row_plane + i * job.step;
        if (row >= 0 && row < job.input_rows) {
          line = columns.write(first + row * job.input_columns * column_bytes, line);
        }
      }
    }
  }
  count_ = line - lines_.data();
}

void PrefetchLines::add(const UnpackJob& job) {
  const int64_t value = bytes_of(job.output.format);
  const Columns columns(job.columns, job.column_stride * value, job.images * value);
  const std::byte** line = room_for(job.outputs * job.rows * columns.lines());
  for (int64_t o = 0; o < job.outputs; ++o) {
    for (int64_t i = 0; i < job.rows; ++i) {
      line = columns.write(job.output.data + (o * job.channel_size + i * job.row_stride) * value, line);
    }
  }
  count_ = line - lines_.data();
}

const std::byte** PrefetchLines::room_for(int64_t most) {
  if (static_cast<int64_t>(lines_.size()) < count_ + most) {
    lines_.resize(static_cast<size_t>(count_ + most));
  }
  return lines_.data() + count_;
}

PrefetchList PrefetchLines::over(int64_t outputs) const {
  return {lines_.data(), lines_.data() + count_, (count_ + outputs - 1) / outputs};
}

}  // namespace trainer
