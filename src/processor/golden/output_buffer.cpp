#include "processor/golden/output_buffer.h"

#include <algorithm>

namespace trainer::golden {
namespace {

constexpr int64_t kSumBits = 32;

}  // namespace

void OutputBuffer::use(Job* job) {
  job_ = job;
  held_.clear();
  pixels_.clear();
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
    for (const auto& [index, sum] : bank.sums) {
      job.output[static_cast<size_t>(index)] += sum;  // 0 where it was not held
    }
    gather(item, bank);
  }
}

void OutputBuffer::gather(const Item& item, const Bank& bank) {
  for (const Term& term : bank.terms) {
    std::vector<Terms>& slices = pixels_[term.output];
    const auto same_slice = [&](const Terms& terms) { return terms.slice == item.slice; };
    auto terms = std::find_if(slices.begin(), slices.end(), same_slice);
    if (terms == slices.end()) {
      terms = slices.insert(terms, {item.slice, {}});
    }
    terms->products.emplace_back(term.column, term.product);
  }
}

void OutputBuffer::add_terms() {
  for (auto& [pixel, slices] : pixels_) {
    for (Terms& terms : slices) {
      // A column has one product at most for a pixel.
      std::sort(terms.products.begin(), terms.products.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      float sum = 0;
      for (const auto& [column, product] : terms.products) {
        sum += product;
      }
      job_->output[static_cast<size_t>(pixel)] += sum;
    }
  }
}

void OutputBuffer::finish() {
  add_terms();
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
