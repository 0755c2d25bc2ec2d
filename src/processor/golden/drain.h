#pragma once

#include <cstdint>
#include <deque>
#include <systemc>
#include <vector>

#include "processor/golden/bank.h"
#include "processor/golden/output_buffer.h"
#include "processor/golden/pass_sequencer.h"

namespace trainer::golden {

/// Moves a group's finished sums to the output buffer, item after item: so many per PE and cycle.
class Drain : public sc_core::sc_module {
 public:
  Drain(const sc_core::sc_module_name& name, OutputBuffer& output, PassSequencer& sequencer);

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
  };

  void run();
  bool empty() const;
  void complete();

  OutputBuffer& output_;
  PassSequencer& sequencer_;
  sc_core::sc_event pushed_;
  Job* job_ = nullptr;
  std::deque<Entry> entries_;
  bool busy_ = false;
};

}  // namespace trainer::golden
