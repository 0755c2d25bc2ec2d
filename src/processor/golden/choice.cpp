#include "processor/golden/choice.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "processor/golden/item_port.h"
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
  struct Cycles {
    int64_t item = 0;
    int64_t port = 0;
    int64_t drain = 0;
  };

  Held held(const Block& block, int64_t slice) const;
  int64_t wanted_of(int64_t met) const;
  int64_t sums(const Block& block, const Held& held) const;
  int64_t visit(int64_t issued, int64_t lanes, bool by_bitmap) const;
  int64_t group_sums(const Block& block, const Held& held) const;
  int64_t drain(const Block& block, int64_t slice) const;
  int64_t item(const Block& block, int64_t slice) const;
  int64_t ways() const;
  int64_t work_weight_compressed(const Held& held) const;
  int64_t work_activation_compressed(const Held& held, int64_t slice, int64_t lanes) const;
  int64_t estimate(const Held& held, int64_t slice, int64_t sums) const;
  int64_t pass_in_groups(const Pass& pass, const std::vector<std::vector<Cycles>>& cycles) const;
  int64_t pass_dynamic(const Pass& pass, const std::vector<std::vector<Cycles>>& cycles) const;

  bool weight_compressed() const { return job_.dataflow.compress == Compress::weights; }

  const Job& job_;
  const int64_t y_;
  int64_t nonzeros_ = 1, size_ = 1;        // of the streamed operand; 1 of 1 without skipping
  int64_t dZ_nonzeros_ = 1, dZ_size_ = 1;  // of dZ
  int64_t met_;                            // m: positions that a visit meets
};

Predictor::Predictor(const Job& job) : job_(job), y_(divide_up(job.all_positions, job.tiles)), met_(y_) {
  if (job.zeros()) {
    dZ_nonzeros_ = total(job.nonzeros_dZ);
    dZ_size_ = static_cast<int64_t>(job.layer.dZ.size());
    const bool BP = job.phase == Phase::BP;
    nonzeros_ = BP ? dZ_nonzeros_ : total(job.nonzeros_X);
    size_ = BP ? dZ_size_ : static_cast<int64_t>(job.layer.X.size());
    met_ = divide_up(y_ * nonzeros_, size_);
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

/// q: of the positions that a visit meets, those that it issues.
int64_t Predictor::wanted_of(int64_t met) const {
  if (job_.speculated) {
    const int64_t outputs = job_.all_positions * job_.layer.k;
    return divide_up(met * job_.layer.wanted.value_or(outputs), outputs);
  }
  if (job_.masked) {
    return divide_up(met * total(job_.nonzeros_X), static_cast<int64_t>(job_.layer.X.size()));
  }
  return job_.phase == Phase::WG ? divide_up(met * dZ_nonzeros_, dZ_size_) : met;
}

/// S
int64_t Predictor::sums(const Block& block, const Held& held) const {
  if (job_.phase == Phase::WG) {
    return weight_compressed() ? held.most : divide_up(held.all, job_.processor.pes);
  }
  const int64_t own =
      weight_compressed() ? y_ : divide_up(y_, job_.processor.pes) * static_cast<int64_t>(block.channels.size());
  return job_.phase == Phase::BP ? own * job_.layer.stride * job_.layer.stride : own;
}

/// Sg
int64_t Predictor::group_sums(const Block& block, const Held& held) const {
  if (job_.phase == Phase::WG) {
    return held.all;
  }
  const int64_t sums = y_ * static_cast<int64_t>(block.channels.size());
  return job_.phase == Phase::BP ? sums * job_.layer.stride * job_.layer.stride : sums;
}

int64_t Predictor::drain(const Block& block, int64_t slice) const {
  const Held counts = held(block, slice);
  return std::max(divide_up(sums(block, counts), job_.processor.drain),
                  divide_up(kSumBits * group_sums(block, counts), job_.processor.output_port_bits));
}

int64_t Predictor::ways() const {
  return std::max<int64_t>(1, job_.processor.output_port_bits / (kSumBits * job_.processor.pes * job_.processor.drain));
}

/// Cycles of a visit of WC times twice the lanes: on average where bitmaps say what is issued.
int64_t Predictor::visit(int64_t issued, int64_t lanes, bool by_bitmap) const {
  return by_bitmap ? std::max(2 * lanes, 2 * issued + lanes - 1) : 2 * lanes * divide_up(y_, lanes);
}

int64_t Predictor::work_weight_compressed(const Held& held) const {
  const int64_t L = job_.processor.lanes;
  return divide_up(held.most * visit(wanted_of(met_), L, job_.zeros() || job_.selective), 2 * L);
}

int64_t Predictor::work_activation_compressed(const Held& held, int64_t slice, int64_t lanes) const {
  const int64_t columns = job_.columns_of_slice(slice).size();
  const int64_t inputs = job_.inputs_of_slice(slice).size();
  const int64_t width = std::min(held.all, divide_up(2 * held.all + (lanes - 1) * columns, 2 * lanes));
  if (job_.phase != Phase::WG) {
    return divide_up(width * divide_up(y_, job_.processor.pes) * nonzeros_, size_);
  }
  return inputs == 0 ? 0 : divide_up(width * divide_up(inputs, job_.processor.pes) * y_ * nonzeros_, inputs * size_);
}

int64_t Predictor::estimate(const Held& held, int64_t slice, int64_t sums) const {
  const int64_t Le = job_.processor.estimator_lanes;
  const int64_t work = weight_compressed() ? divide_up(held.most * visit(met_, Le, job_.zeros()), 2 * Le)
                                           : work_activation_compressed(held, slice, Le);
  return work + divide_up(sums, Le);
}

int64_t Predictor::item(const Block& block, int64_t slice) const {
  const Held counts = held(block, slice);
  const int64_t S = sums(block, counts);
  const int64_t work = weight_compressed() ? work_weight_compressed(counts)
                                           : work_activation_compressed(counts, slice, job_.processor.lanes);
  const int64_t cycles = std::max(work, drain(block, slice));
  return job_.speculated ? std::max(cycles, estimate(counts, slice, S)) : cycles;
}

int64_t Predictor::compute_cycles(const std::vector<Pass>& passes) const {
  std::vector<std::vector<Cycles>> cycles;  // by block and slice: the same for every tile
  for (size_t block = 0; block < job_.blocks.size(); ++block) {
    cycles.emplace_back();
    for (int64_t slice = 0; slice < job_.dataflow.gc; ++slice) {
      const int64_t port = port_cycles(job_, static_cast<int64_t>(block), slice, 1, job_.tiles, y_);
      cycles.back().push_back({item(job_.blocks[block], slice), port, drain(job_.blocks[block], slice)});
    }
  }
  int64_t sum = 0;
  for (const Pass& pass : passes) {
    int64_t ports = 0;
    int64_t drains = 0;
    for (int64_t block = pass.blocks.first; block < pass.blocks.end; ++block) {
      for (const Cycles& item : cycles[static_cast<size_t>(block)]) {
        ports += pass.tiles.size() * item.port;
        drains += pass.tiles.size() * item.drain;
      }
    }
    const bool dynamic = job_.dataflow.assignment == Assignment::dynamic;
    const int64_t work = dynamic ? pass_dynamic(pass, cycles) : pass_in_groups(pass, cycles);
    sum += std::max({ports, divide_up(drains, ways()), work});
  }
  return sum;
}

/// The group that has most.
int64_t Predictor::pass_in_groups(const Pass& pass, const std::vector<std::vector<Cycles>>& cycles) const {
  std::vector<int64_t> groups(static_cast<size_t>(job_.processor.groups), 0);
  for (int64_t tile = pass.tiles.first; tile < pass.tiles.end; ++tile) {
    for (int64_t block = pass.blocks.first; block < pass.blocks.end; ++block) {
      for (int64_t slice = 0; slice < job_.dataflow.gc; ++slice) {
        groups[static_cast<size_t>(job_.group_of(tile, block, slice))] +=
            cycles[static_cast<size_t>(block)][static_cast<size_t>(slice)].item;
      }
    }
  }
  return *std::max_element(groups.begin(), groups.end());
}

/// Shared evenly among a slice's groups, but an item is not divided.
int64_t Predictor::pass_dynamic(const Pass& pass, const std::vector<std::vector<Cycles>>& cycles) const {
  int64_t most = 0;
  for (int64_t slice = 0; slice < job_.dataflow.gc; ++slice) {
    int64_t sum = 0;
    for (int64_t block = pass.blocks.first; block < pass.blocks.end; ++block) {
      const int64_t item = cycles[static_cast<size_t>(block)][static_cast<size_t>(slice)].item;
      sum += pass.tiles.size() * item;
      most = std::max(most, item);
    }
    most = std::max(most, divide_up(sum, job_.dataflow.gk * job_.dataflow.gp));
  }
  return most;
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

namespace {

/// Is the dataflow among the controller's candidates?
bool is_candidate(Phase phase, const Layer& layer, const Processor& processor, const Pins& pins,
                  const Dataflow& dataflow) {
  const bool wrong_grouping = pins.grouping && (pins.grouping->gk != dataflow.gk || pins.grouping->gp != dataflow.gp ||
                                                pins.grouping->gc != dataflow.gc);
  if (wrong_grouping || (pins.compress && *pins.compress != dataflow.compress) ||
      (pins.assignment && *pins.assignment != dataflow.assignment)) {
    return false;
  }
  if (dataflow.assignment == Assignment::dynamic && !pins.grouping && dataflow.gp != 1) {
    return false;  // treats gk and gp alike
  }
  return phase != Phase::FF || !layer.speculated || !processor.speculation_feedforward || dataflow.gc == 1;
}

}  // namespace

Choice choose(Phase phase, const Layer& layer, const Processor& processor, const Pins& pins) {
  std::optional<Choice> best;
  const auto consider = [&](const Dataflow& dataflow) {
    if (!is_candidate(phase, layer, processor, pins, dataflow)) {
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
        for (const Assignment assignment : {Assignment::in_order, Assignment::balanced, Assignment::dynamic}) {
          consider({compress, gk, gp, processor.groups / gk / gp, assignment});
        }
      }
    }
  }
  return best.value();
}

}  // namespace trainer::golden
