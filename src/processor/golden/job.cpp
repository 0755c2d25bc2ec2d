#include "processor/golden/job.h"

namespace trainer::golden {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

size_t output_size(Phase phase, const Layer& layer) {
  switch (phase) {
    case Phase::FF:
      return static_cast<size_t>(layer.n * layer.k * layer.p() * layer.q());
    case Phase::BP:
      return layer.X.size();
    case Phase::WG:
      break;
  }
  return layer.W.size();
}

}  // namespace

Job::Job(Phase phase_, const Layer& layer_, const Processor& processor_)
    : phase(phase_),
      layer(layer_),
      processor(processor_),
      skips_positions(phase_ == Phase::WG ? processor_.skip_pruned_gradients : processor_.skip_weight_zeros),
      lockstep(!processor_.skip_input_zeros && !skips_positions),
      p(layer_.p()),
      q(layer_.q()),
      padded_batch(8 * divide_up(layer_.n, 8)),
      tiles(divide_up(p * q * padded_batch, processor_.tile)),
      input_channels_per_group(layer_.c / layer_.groups),
      kernels_per_group(layer_.k / layer_.groups),
      channels_per_group(phase_ == Phase::BP ? input_channels_per_group : kernels_per_group),
      streamed_per_group(phase_ == Phase::BP ? kernels_per_group : input_channels_per_group),
      blocks_per_group(divide_up(channels_per_group, processor_.pes)),
      blocks(layer_.groups * blocks_per_group),
      output(output_size(phase_, layer_), 0.0F) {}

int64_t Job::bits(const std::vector<float>& tensor, int64_t begin, int64_t end) const {
  int64_t sum = 0;
  for (int64_t i = begin; i < end; ++i) {
    if (processor.skip_input_zeros) {
      sum += tensor[static_cast<size_t>(i)] != 0 ? 1 + 16 : 1;
    } else {
      sum += 16;
    }
  }
  return sum;
}

bool Job::held(int64_t index) const {
  if (!skips_positions) {
    return true;
  }
  const auto i = static_cast<size_t>(index);
  return layer.unpruned[i] != 0 && (phase == Phase::WG || layer.W[i] != 0);
}

int64_t Job::weight_index(int64_t k, int64_t c, int64_t r, int64_t s) const {
  return ((k * input_channels_per_group + c % input_channels_per_group) * layer.r + r) * layer.s + s;
}

Meeting Job::meet(int64_t place, int64_t k, int64_t c, int64_t r, int64_t s) const {
  Meeting meeting;
  const int64_t n = place % padded_batch;
  const int64_t pixel = place / padded_batch;
  if (n >= layer.n || pixel >= p * q) {
    return meeting;
  }
  const int64_t row = pixel / q;
  const int64_t column = pixel % q;
  const int64_t y = row * layer.stride + r * layer.dilation - layer.padding;
  const int64_t x = column * layer.stride + s * layer.dilation - layer.padding;
  meeting.position = true;
  meeting.inside = y >= 0 && y < layer.h && x >= 0 && x < layer.w;
  meeting.x_index = ((n * layer.c + c) * layer.h + y) * layer.w + x;
  meeting.z_index = ((n * layer.k + k) * p + row) * q + column;
  return meeting;
}

int64_t Job::positions_of_tile(int64_t tile) const {
  int64_t count = 0;
  for (int64_t place = tile * processor.tile; place < (tile + 1) * processor.tile; ++place) {
    count += meet(place, 0, 0, 0, 0).position ? 1 : 0;
  }
  return count;
}

}  // namespace trainer::golden
