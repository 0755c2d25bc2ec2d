#include "processor/golden/memory.h"

#include <algorithm>

namespace trainer::golden {
namespace {

int64_t bytes(int64_t bits) { return (bits + 7) / 8; }

/// Bits of channels first .. end-1 of an N x C x (pixels) tensor.
int64_t channel_bits(const Job& job, const std::vector<float>& tensor, int64_t channels, int64_t pixels,
                     ChannelRange range) {
  int64_t sum = 0;
  for (int64_t n = 0; n < job.layer.n; ++n) {
    sum += job.bits(tensor, (n * channels + range.first) * pixels, (n * channels + range.end) * pixels);
  }
  return sum;
}

int64_t gradient_bits(const Job& job, ChannelRange range) {
  return channel_bits(job, job.layer.dZ, job.layer.k, job.p * job.q, range);
}

int64_t input_bits(const Job& job, ChannelRange range) {
  return channel_bits(job, job.layer.X, job.layer.c, job.layer.h * job.layer.w, range);
}

/// The weight as FF and BP read it, or the mask as WG does.
int64_t weight_bits(const Job& job) {
  int64_t sum = 0;
  for (size_t i = 0; i < job.layer.W.size(); ++i) {
    sum += job.skips_positions ? 1 : 0;
    sum += job.phase != Phase::WG && job.held(static_cast<int64_t>(i)) ? 16 : 0;
  }
  return sum;
}

}  // namespace

ChannelRange channels_of(const Job& job, int64_t block) {
  const int64_t conv_group = block / job.blocks_per_group;
  const int64_t first = block % job.blocks_per_group * job.processor.pes;
  const int64_t end = std::min(first + job.processor.pes, job.channels_per_group);
  const int64_t base = conv_group * job.channels_per_group;
  return {base + first, base + end};
}

void load_operands(Job& job) {
  job.counts.dram_read += bytes(weight_bits(job));
  if (job.phase != Phase::FF) {
    job.counts.dram_read += bytes(gradient_bits(job, {0, job.layer.k}));
  }
  if (job.phase != Phase::BP) {
    job.counts.dram_read += bytes(input_bits(job, {0, job.layer.c}));
  }
}

void stream_block(Job& job, int64_t block) {
  const int64_t first = block / job.blocks_per_group * job.streamed_per_group;
  const ChannelRange streamed{first, first + job.streamed_per_group};
  job.counts.buffer_read += job.phase == Phase::BP ? gradient_bits(job, streamed) : input_bits(job, streamed);
  if (job.phase == Phase::WG) {
    job.counts.buffer_read += gradient_bits(job, channels_of(job, block));
  }
}

void store_results(Job& job) {
  if (job.phase == Phase::FF) {
    return;
  }
  for (size_t i = 0; i < job.output.size(); ++i) {
    if (job.phase == Phase::BP) {
      job.counts.buffer_write += 16;
      job.counts.dram_write += 2;
    } else if (job.held(static_cast<int64_t>(i))) {
      job.counts.dram_write += 2;
    }
  }
}

}  // namespace trainer::golden
