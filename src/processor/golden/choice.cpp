#include "processor/golden/choice.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "processor/golden/passes.h"

namespace trainer::golden {
namespace {

int64_t total(const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); }

/// The controller's view of a job: counts alone.
class Predictor {
 public:
  explicit Predictor(const Job& job);
  int64_t compute_cycles(const std::vector<Pass>& passes) const;

 private:
  struct Held {
    int64_t all = 0;   // H
    int64_t most = 0;  // h
  };

  Held held(const Block& block, int64_t slice) const;
  int64_t item(int64_t block, int64_t slice) const;
  int64_t item_weight_compressed(const Held& held) const;
  int64_t item_activation_compressed(const Block& block, int64_t slice, const Held& held) const;

  const Job& job_;
  const int64_t y_;
  int64_t nonzeros_ = 1, size_ = 1;        // of the streamed operand; 1 of 1 without skipping
  int64_t dZ_nonzeros_ = 1, dZ_size_ = 1;  // of dZ
};

Predictor::Predictor(const Job& job) : job_(job), y_(divide_up(job.all_positions, job.tiles)) {
  if (job.zeros()) {
    dZ_nonzeros_ = total(job.nonzeros_dZ);
    dZ_size_ = static_cast<int64_t>(job.layer.dZ.size());
    const bool BP = job.phase == Phase::BP;
    nonzeros_ = BP ? dZ_nonzeros_ : total(job.nonzeros_X);
    size_ = BP ? dZ_size_ : static_cast<int64_t>(job.layer.X.size());
  }
}

Predictor::Held Predictor::held(const Block& block, int64_t slice) const {
  Held result;
  const Range columns = job_.columns_of_slice(slice);
  for (const int64_t o : block.channels) {
    int64_t count = 0;
    for (int64_t column = columns.first; column < columns.end; ++column) {
      count += job_.held(o, column) ? 1 : 0;
    }
    result.all += count;
    result.most = std::max(result.most, count);
  }
  return result;
}

int64_t Predictor::item_weight_compressed(const Held& held) const {
  const int64_t L = job_.processor.lanes;
  int64_t twice_lane_cycles = 2 * L * divide_up(y_, L);
  if (job_.zeros()) {
    int64_t q = divide_up(y_ * nonzeros_, size_);
    if (job_.phase == Phase::WG) {
      q = divide_up(q * dZ_nonzeros_, dZ_size_);
    }
    twice_lane_cycles = std::max(2 * L, 2 * q + L - 1);
  }
  const int64_t pe = divide_up(held.most * twice_lane_cycles, 2 * L);
  int64_t sums = y_;
  if (job_.phase == Phase::BP) {
    sums = y_ * job_.layer.stride * job_.layer.stride;
  } else if (job_.phase == Phase::WG) {
    sums = held.most;
  }
  return std::max(pe, divide_up(sums, job_.processor.drain));
}

int64_t Predictor::item_activation_compressed(const Block& block, int64_t slice, const Held& held) const {
  const int64_t L = job_.processor.lanes;
  const int64_t P = job_.processor.pes;
  const int64_t columns = job_.columns_of_slice(slice).size();
  const int64_t inputs = job_.inputs_of_slice(slice).size();
  const int64_t cw = std::min(held.all, divide_up(2 * held.all + (L - 1) * columns, 2 * L));
  int64_t pe = 0;
  int64_t sums = 0;
  if (job_.phase == Phase::WG) {
    pe = inputs == 0 ? 0 : divide_up(cw * divide_up(inputs, P) * y_ * nonzeros_, inputs * size_);
    sums = divide_up(held.all, P);
  } else {
    const int64_t yp = divide_up(y_, P);
    pe = divide_up(cw * yp * nonzeros_, size_);
    sums = yp * static_cast<int64_t>(block.channels.size());
    sums *= job_.phase == Phase::BP ? job_.layer.stride * job_.layer.stride : 1;
  }
  return std::max(pe, divide_up(sums, job_.processor.drain));
}

int64_t Predictor::item(int64_t b, int64_t slice) const {
  const Block& block = job_.blocks[static_cast<size_t>(b)];
  const Held counts = held(block, slice);
  return job_.dataflow.compress == Compress::weights ? item_weight_compressed(counts)
                                                     : item_activation_compressed(block, slice, counts);
}

int64_t Predictor::compute_cycles(const std::vector<Pass>& passes) const {
  std::map<std::pair<int64_t, int64_t>, int64_t> items;  // by block and slice: the same for every tile
  for (int64_t block = 0; block < static_cast<int64_t>(job_.blocks.size()); ++block) {
    for (int64_t slice = 0; slice < job_.dataflow.gc; ++slice) {
      items[{block, slice}] = item(block, slice);
    }
  }
  int64_t cycles = 0;
  for (const Pass& pass : passes) {
    std::vector<int64_t> groups(static_cast<size_t>(job_.processor.groups), 0);
    for (int64_t tile = pass.tiles.first; tile < pass.tiles.end; ++tile) {
      for (int64_t block = pass.blocks.first; block < pass.blocks.end; ++block) {
        for (int64_t slice = 0; slice < job_.dataflow.gc; ++slice) {
          groups[static_cast<size_t>(job_.group_of(tile, block, slice))] += items[{block, slice}];
        }
      }
    }
    cycles += *std::max_element(groups.begin(), groups.end());
  }
  return cycles;
}

}  // namespace

Choice predict(Phase phase, const Layer& layer, const Processor& processor, const Dataflow& dataflow) {
  const Job job(phase, layer, processor, dataflow);
  const std::vector<Pass> passes = plan_passes(job).passes;
  int64_t memory = 0;
  for (const Pass& pass : passes) {
    memory += transfer_cycles(processor, pass.load_bytes) + transfer_cycles(processor, pass.store_bytes);
  }
  Choice choice;
  choice.dataflow = dataflow;
  choice.predicted_compute = Predictor(job).compute_cycles(passes);
  choice.predicted_cycles = std::max(choice.predicted_compute, memory);
  return choice;
}

Choice choose(Phase phase, const Layer& layer, const Processor& processor, const Pins& pins) {
  std::optional<Choice> best;
  const auto consider = [&](const Dataflow& dataflow) {
    const bool wrong_grouping = pins.grouping && (pins.grouping->gk != dataflow.gk ||
                                                  pins.grouping->gp != dataflow.gp || pins.grouping->gc != dataflow.gc);
    if (wrong_grouping || (pins.compress && *pins.compress != dataflow.compress) ||
        (pins.assignment && *pins.assignment != dataflow.assignment)) {
      return;
    }
    const Choice choice = predict(phase, layer, processor, dataflow);
    if (!best || std::pair(choice.predicted_cycles, choice.predicted_compute) <
                     std::pair(best->predicted_cycles, best->predicted_compute)) {
      best = choice;
    }
  };
  for (const Compress compress : {Compress::weights, Compress::activations}) {
    for (int64_t gk = processor.groups; gk >= 1; gk /= 2) {
      for (int64_t gp = processor.groups / gk; gp >= 1; gp /= 2) {
        for (const Assignment assignment : {Assignment::in_order, Assignment::balanced}) {
          consider({compress, gk, gp, processor.groups / gk / gp, assignment});
        }
      }
    }
  }
  return best.value();
}

}  // namespace trainer::golden
