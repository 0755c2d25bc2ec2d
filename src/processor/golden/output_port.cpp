#include "processor/golden/output_port.h"

#include <algorithm>

namespace trainer::golden {

OutputPort::OutputPort(const sc_core::sc_module_name& name) : sc_core::sc_module(name), clock("clock") {
  SC_HAS_PROCESS(OutputPort);
  SC_METHOD(look);
  dont_initialize();
  sensitive << clock.neg();
}

void OutputPort::use(const Job* job) {
  job_ = job;
  const Processor& processor = job->processor;
  const int64_t group_bits = kSumBits * processor.pes * processor.drain;  // that one group gives in a cycle
  ways_ = static_cast<size_t>(std::max<int64_t>(1, processor.output_port_bits / group_bits));
  asks_.clear();
  granted_.clear();
}

void OutputPort::ask(int64_t group) { asks_.insert({job_->now(), group}); }

void OutputPort::look() {
  while (granted_.size() < ways_ && !asks_.empty()) {
    granted_.insert(asks_.begin()->group);
    asks_.erase(asks_.begin());
  }
}

}  // namespace trainer::golden
