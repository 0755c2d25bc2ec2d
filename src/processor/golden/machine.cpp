#include "processor/golden/machine.h"

#include <stdexcept>
#include <string>
#include <systemc>
#include <utility>
#include <vector>

#include "processor/golden/arithmetic.h"
#include "processor/golden/batchnorm.h"
#include "processor/golden/monitor.h"
#include "processor/golden/stream_unit.h"

// SystemC's library has a main of its own that calls this. Programs that use the model have their own main instead, and
// the linker wants the name all the same.
int sc_main(int /*count*/, char* /*arguments*/[]) { return 1; }

namespace trainer::golden {

struct Machine::Parts {
  Parts(int64_t most_groups_, int64_t most_pes_)
      : most_groups(most_groups_),
        most_pes(most_pes_),
        clock("clock", period),
        port("port"),
        channel("channel", period),
        sequencer("sequencer", channel),
        distributor("distributor", sequencer, groups),
        unit("unit", channel),
        monitor("monitor", sequencer, distributor, groups, channel, unit) {
    for (int64_t g = 0; g < most_groups; ++g) {
      groups.push_back(
          std::make_unique<Group>(("group" + std::to_string(g)).c_str(), g, most_pes, output, port, sequencer));
      groups.back()->clock(clock);
    }
    port.clock(clock);
    sequencer.clock(clock);
    distributor.clock(clock);
    unit.clock(clock);
    monitor.clock(clock);
  }

  void watch(Counts* counts, const Processor& processor) {
    if (processor.groups > most_groups || processor.pes > most_pes) {
      throw std::logic_error("golden model: the machine was built with fewer groups or PEs than this run uses");
    }
    monitor.watch(counts, processor);
  }

  void run(Job& job, bool ideal_memory) {
    watch(&job.counts, job.processor);
    output.use(&job);
    port.use(&job);
    distributor.use(&job);
    for (int64_t g = 0; g < job.processor.groups; ++g) {
      groups[static_cast<size_t>(g)]->use(&job);
    }
    sequencer.start(&job, ideal_memory);
    sc_core::sc_start();
    output.finish();
  }

  void run(std::vector<Stage> stages, const Processor& processor, Counts* counts) {
    watch(counts, processor);
    unit.start(std::move(stages), processor, counts);
    sc_core::sc_start();
  }

  const int64_t most_groups;
  const int64_t most_pes;
  const sc_core::sc_time period{2, sc_core::SC_NS};
  sc_core::sc_clock clock;
  OutputBuffer output;
  OutputPort port;
  std::vector<std::unique_ptr<Group>> groups;
  MemoryChannel channel;
  PassSequencer sequencer;
  Distributor distributor;
  StreamUnit unit;
  Monitor monitor;
};

Machine::Machine(int64_t most_groups, int64_t most_pes) : parts_(std::make_unique<Parts>(most_groups, most_pes)) {}

Machine::~Machine() = default;

Result Machine::run(Phase phase, const Layer& layer, const Processor& processor, const Dataflow& dataflow) {
  Job ideal(phase, layer, processor, dataflow);
  parts_->run(ideal, true);
  Job job(phase, layer, processor, dataflow);
  parts_->run(job, false);
  job.counts.compute_cycles = ideal.counts.cycle;
  return {job.counts, std::move(job.output), std::move(job.items), std::move(ideal.items)};
}

Result Machine::batchnorm_feedforward(const BatchNorm& layer, const Processor& processor) {
  Result result;
  result.output.resize(layer.Z.size());
  parts_->run(batchnorm_feedforward_stages(layer, processor, result), processor, &result.counts);
  return result;
}

Result Machine::batchnorm_backpropagation(const BatchNorm& layer, const Processor& processor) {
  Result result;
  result.output.resize(layer.Z.size());
  parts_->run(batchnorm_backpropagation_stages(layer, processor, result), processor, &result.counts);
  return result;
}

UpdateResult Machine::update(const Update& update, const Processor& processor) {
  UpdateResult result{{}, update.weight, update.momentum};
  std::vector<size_t> trained;
  for (size_t i = 0; i < update.weight.size(); ++i) {
    if (update.unpruned[i] != 0 || !processor.skip_pruned_gradients) {
      trained.push_back(i);
    }
  }
  const Arithmetic math{result.counts};
  const auto step = [&](int64_t element) {
    const size_t i = trained[static_cast<size_t>(element)];
    float& weight = result.weight[i];
    float& momentum = result.momentum[i];
    const float gradient = math.add(update.gradient[i], math.multiply(update.decay, weight));
    momentum = math.add(math.multiply(update.momentum_factor, momentum), gradient);
    weight = math.subtract(weight, math.multiply(update.rate, momentum));
  };
  constexpr int64_t kFetchBits = 32 + 32 + 16;                // weight, momentum, dW
  const int64_t store_bits = 32 + 32 + processor.value_bits;  // weight, momentum, and the weight as FF reads it
  const auto elements = static_cast<int64_t>(trained.size());
  parts_->run({{elements, processor.update_elements, kFetchBits, store_bits, step}}, processor, &result.counts);
  return result;
}

}  // namespace trainer::golden
