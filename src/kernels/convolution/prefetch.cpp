#include "kernels/convolution/prefetch.h"

#include <algorithm>

namespace trainer {
namespace {

constexpr auto kLineBytes = static_cast<int64_t>(kAlignment);

}  // namespace

void PrefetchLines::add(const PackJob& job) {
  if (job.column_planes->empty()) {
    return;  // a pass without taps reads nothing
  }
  // All column planes together: every column from the first to the last, or only those in step.
  const int64_t packed_columns = job.row_pitch / job.batch;
  const int64_t step = job.column_planes->size() > 1 ? 1 : job.step;
  const int64_t last = job.first_column + (packed_columns - 1) * job.step + job.column_planes->back();
  const int64_t end = std::min(job.column_limit, last + 1);
  int64_t begin = job.first_column + (step > 1 ? job.column_planes->back() : 0);
  if (begin < 0) {
    begin += (step - 1 - begin) / step * step;
  }
  const int64_t value = bytes_of(job.input.format);
  const int64_t column_bytes = job.input_batch * value;
  const int64_t row_bytes = job.input_columns * column_bytes;
  const int64_t channel_bytes = job.channel_size * value;
  const int64_t lines_of_column = (job.images * value + kLineBytes - 1) / kLineBytes;
  const int64_t columns = end > begin ? (end - begin + step - 1) / step : 0;
  const int64_t most =
      job.channels * static_cast<int64_t>(job.row_planes->size()) * job.rows * columns * lines_of_column;
  if (static_cast<int64_t>(lines_.size()) < count_ + most) {
    lines_.resize(static_cast<size_t>(count_ + most));
  }
  const std::byte** line = lines_.data() + count_;
  for (int64_t channel = 0; channel < job.channels; ++channel) {
    for (const int64_t row_phase : *job.row_planes) {
      for (int64_t i = 0; i < job.rows; ++i) {
        const int64_t row = job.first_row + row_phase + i * job.step;
        if (row < 0 || row >= job.input_rows) {
          continue;
        }
        const std::byte* first = job.input.data + channel * channel_bytes + row * row_bytes + begin * column_bytes;
        for (int64_t column = 0; column < columns; ++column) {
          for (int64_t k = 0; k < lines_of_column; ++k) {
            *line++ = first + k * kLineBytes;
          }
          first += step * column_bytes;
        }
      }
    }
  }
  count_ = line - lines_.data();
}

PrefetchList PrefetchLines::over(int64_t outputs) const {
  return {lines_.data(), lines_.data() + count_, (count_ + outputs - 1) / outputs};
}

}  // namespace trainer
