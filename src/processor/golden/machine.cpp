#include "processor/golden/machine.h"

#include <stdexcept>
#include <string>
#include <systemc>
#include <utility>
#include <vector>

#include "processor/golden/arithmetic.h"
#include "processor/golden/batchnorm.h"
#include "processor/golden/controller.h"
#include "processor/golden/stream_unit.h"

// SystemC's library has a main of its own that calls this. Programs that use the model have their own main instead, and
// the linker wants the name all the same.
int sc_main(int /*count*/, char* /*arguments*/[]) { return 1; }

namespace trainer::golden {
namespace {

/// Looks at the array in the middle of every clock cycle, when all that happens at its edge has settled.
class Monitor : public sc_core::sc_module {
 public:
  Monitor(sc_core::sc_module_name name, const Controller& array, const StreamUnit& unit)
      : sc_core::sc_module(name), clock("clock"), array_(array), unit_(unit) {
    SC_HAS_PROCESS(Monitor);
    SC_METHOD(look);
    dont_initialize();
    sensitive << clock.neg();
  }

  void watch(Counts* counts, const Processor& processor) {
    counts_ = counts;
    processor_ = processor;
  }

  sc_core::sc_in<bool> clock;

 private:
  void look() {
    if (!array_.busy() && !unit_.busy()) {
      return;
    }
    ++counts_->cycle;
    bool working = unit_.busy();
    for (int64_t group = 0; group < processor_.groups; ++group) {
      for (int64_t pe = 0; pe < processor_.pes; ++pe) {
        const bool active = array_.active(group, pe);
        (active ? counts_->lane_active : counts_->lane_idle) += processor_.lanes;
        working = working || active;
      }
    }
    if (!working) {
      throw std::logic_error("golden model: the array is stuck");
    }
  }

  const Controller& array_;
  const StreamUnit& unit_;
  Counts* counts_ = nullptr;
  Processor processor_;
};

}  // namespace

struct Machine::Parts {
  Parts(int64_t most_groups_, int64_t most_pes_)
      : most_groups(most_groups_),
        most_pes(most_pes_),
        clock("clock", sc_core::sc_time(2, sc_core::SC_NS)),
        controller("array", most_groups_, most_pes_),
        unit("unit"),
        monitor("monitor", controller, unit) {
    controller.clock(clock);
    unit.clock(clock);
    monitor.clock(clock);
  }

  void watch(Counts* counts, const Processor& processor) {
    if (processor.groups > most_groups || processor.pes > most_pes) {
      throw std::logic_error("golden model: the machine was built with fewer groups or PEs than this run uses");
    }
    monitor.watch(counts, processor);
  }

  const int64_t most_groups;
  const int64_t most_pes;
  sc_core::sc_clock clock;
  Controller controller;
  StreamUnit unit;
  Monitor monitor;
};

Machine::Machine(int64_t most_groups, int64_t most_pes) : parts_(std::make_unique<Parts>(most_groups, most_pes)) {}

Machine::~Machine() = default;

Result Machine::run(Phase phase, const Layer& layer, const Processor& processor) {
  Job job(phase, layer, processor);
  parts_->watch(&job.counts, processor);
  parts_->controller.start(&job);
  sc_core::sc_start();
  return {job.counts, std::move(job.output)};
}

Result Machine::batchnorm_feedforward(const BatchNorm& layer, const Processor& processor) {
  Result result{{}, std::vector<float>(layer.Z.size())};
  parts_->watch(&result.counts, processor);
  parts_->unit.start(batchnorm_feedforward_stages(layer, processor, result));
  sc_core::sc_start();
  return result;
}

Result Machine::batchnorm_backpropagation(const BatchNorm& layer, const Processor& processor) {
  Result result{{}, std::vector<float>(layer.Z.size())};
  parts_->watch(&result.counts, processor);
  parts_->unit.start(batchnorm_backpropagation_stages(layer, processor, result));
  sc_core::sc_start();
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
    math.fetch(32 + 32 + 16);  // weight, momentum, dW
    float& weight = result.weight[i];
    float& momentum = result.momentum[i];
    const float gradient = math.add(update.gradient[i], math.multiply(update.decay, weight));
    momentum = math.add(math.multiply(update.momentum_factor, momentum), gradient);
    weight = math.subtract(weight, math.multiply(update.rate, momentum));
    math.store(32 + 32 + 16);  // weight, momentum, and the weight in FP16
  };
  parts_->watch(&result.counts, processor);
  parts_->unit.start({{static_cast<int64_t>(trained.size()), processor.update_elements, step}});
  sc_core::sc_start();
  return result;
}

}  // namespace trainer::golden
