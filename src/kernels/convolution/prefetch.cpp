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
  const int64_t row_size = job.input_columns * job.input_batch;
  const int64_t line_values = kLineBytes / bytes_of(job.input.format);
  const int64_t lines_of_column = (job.images + line_values - 1) / line_values;
  const int64_t most = job.channels * static_cast<int64_t>(job.row_planes->size()) * job.rows *
                       std::max<int64_t>(end - begin, 0) * lines_of_column;
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
        const ConstElements input = job.input + (channel * job.channel_size + row * row_size);
        for (int64_t column = begin; column < end; column += step) {
          for (int64_t image = 0; image < job.images; image += line_values) {
            *line++ = (input + (column * job.input_batch + image)).data;
          }
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
