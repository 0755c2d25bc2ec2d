#pragma once

#include <cstdint>
#include <deque>
#include <systemc>
#include <vector>

#include "processor/golden/bank.h"
#include "processor/golden/output_buffer.h"
#include "processor/golden/output_port.h"
#include "processor/golden/pass_sequencer.h"

namespace trainer::golden {

/// Moves a group's finished sums to the output buffer, item after item: so many per PE and cycle, and of all PEs as
/// many as its port takes.
class Drain : public sc_core::sc_module {
 public:
  Drain(const sc_core::sc_module_name& name, int64_t group, OutputBuffer& output, OutputPort& port,
        PassSequencer& sequencer);

  void use(Job* job);
  void push(const Item& item, std::vector<Bank> banks);
  /// Items whose sums have not left.
  int64_t undrained() const { return static_cast<int64_t>(entries_.size()); }
  bool busy() const { return busy_; }

  sc_core::sc_event drained;
  sc_core::sc_in<bool> clock;

 private:
  struct Entry {
    Item item;
    std::vector<Bank> banks;
    int64_t port_bits = 0;  ///< that have not passed the port
  };

  void run();
  /// One cycle of a group that has the port.
  void move();
  bool empty() const;
  void complete();

  const int64_t group_;
  OutputBuffer& output_;
  OutputPort& port_;
  PassSequencer& sequencer_;
  sc_core::sc_event pushed_;
  Job* job_ = nullptr;
  std::deque<Entry> entries_;
  bool busy_ = false;  // with the first entry: it has the port, or has asked for it
};

}  // namespace trainer::golden
