#include "processor/golden/output_buffer.h"

namespace trainer::golden {
namespace {

constexpr int64_t kSumBits = 32;

}  // namespace

void OutputBuffer::use(Job* job) {
  job_ = job;
  held_.clear();
}

void OutputBuffer::take(const Item& item, const std::vector<Bank>& banks) {
  Job& job = *job_;
  const bool WG = job.phase == Phase::WG;
  const bool first = held_.insert(WG ? std::pair(item.block, item.slice) : std::pair(item.tile, item.block)).second;
  const int64_t sums = sums_of(item, banks);
  if (!first) {
    job.counts.buffer_read += kSumBits * sums;
    job.counts.reduce += sums;
  }
  job.counts.buffer_write += kSumBits * sums;
  for (const Bank& bank : banks) {
    for (const auto& [index, sum] : bank.sums) {
      job.output[static_cast<size_t>(index)] += sum;  // 0 where it was not held
    }
  }
}

int64_t OutputBuffer::sums_of(const Item& item, const std::vector<Bank>& banks) const {
  if (job_->phase == Phase::BP) {
    // A tile's pixels of dX, as many as its share of positions; those that it reaches beyond are not counted.
    const int64_t pixels = job_->share(job_->layer.n * job_->layer.h * job_->layer.w, {item.tile, item.tile + 1});
    return static_cast<int64_t>(job_->blocks[static_cast<size_t>(item.block)].channels.size()) * pixels;
  }
  int64_t sums = 0;
  for (const Bank& bank : banks) {
    sums += static_cast<int64_t>(bank.sums.size());
  }
  return sums;
}

}  // namespace trainer::golden
