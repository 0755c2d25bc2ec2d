#include "processor/golden/output_buffer.h"

#include <algorithm>

namespace trainer::golden {
void OutputBuffer::use(Job* job) {
  job_ = job;
  held_.clear();
  outputs_.clear();
}

void OutputBuffer::take(const Item& item, const std::vector<Bank>& banks) {
  Job& job = *job_;
  const bool WG = job.phase == Phase::WG;
  const bool first = held_.insert(WG ? std::pair(item.block, item.slice) : std::pair(item.tile, item.block)).second;
  const int64_t sums = sums_of(item, banks);
  if (!first) {
    job.counts.output_read += kSumBits * sums;
    job.counts.reduce += sums;
  }
  job.counts.output_write += kSumBits * sums;
  for (const Bank& bank : banks) {
    keep(item, bank);
  }
}

OutputBuffer::Part& OutputBuffer::part_of(int64_t output, const Item& item) {
  const int64_t number = job_->phase == Phase::WG ? item.tile : item.slice;
  std::vector<Part>& parts = outputs_[output];
  const auto known = std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.number == number; });
  return known != parts.end() ? *known : *parts.insert(known, {number, 0, {}});
}

void OutputBuffer::keep(const Item& item, const Bank& bank) {
  for (const auto& [output, sum] : bank.sums) {
    part_of(output, item).sum = sum;
  }
  for (const Term& term : bank.terms) {
    part_of(term.output, item).products.emplace_back(term.column, term.product);
  }
}

float OutputBuffer::add(std::vector<Part>& parts) {
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.number < b.number; });
  float output = 0;
  for (Part& part : parts) {
    // A column has one product at most for a pixel.
    std::sort(part.products.begin(), part.products.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [column, product] : part.products) {
      part.sum += product;
    }
    output += part.sum;
  }
  return output;
}

void OutputBuffer::finish() {
  for (auto& [output, parts] : outputs_) {
    job_->output[static_cast<size_t>(output)] = add(parts);
  }
  if (job_->phase == Phase::WG) {
    return;  // dW stays as it is until UP
  }
  const NumberFormat& format = job_->phase == Phase::FF ? job_->formats.Z : job_->formats.dX;
  for (float& value : job_->output) {
    value = round_to(format, value);
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
