#pragma once

#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "processor/golden/pe.h"

namespace trainer::golden {

inline std::ostream& operator<<(std::ostream& out, const Item& item) { return out << item.block << '@' << item.tile; }

/// PEs that work on one item at a time, each on its own output channel.
class Group : public sc_core::sc_module {
 public:
  Group(sc_core::sc_module_name name, int64_t number, int64_t pes, sc_core::sc_fifo<int>& done);

  void use(Job* job);
  bool active(int64_t pe) const { return pes_[static_cast<size_t>(pe)]->active(); }

  sc_core::sc_in<bool> clock;
  sc_core::sc_fifo<Item> items;

 private:
  void run();
  void begin(const Item& item);

  const int number_;
  sc_core::sc_fifo<int>& done_;
  sc_core::sc_fifo<int> pe_done_;
  Broadcast broadcast_;
  std::vector<std::unique_ptr<Sequencer>> sequencers_;
  std::vector<std::unique_ptr<Pe>> pes_;
  Job* job_ = nullptr;
  int64_t working_ = 0;  // PEs that have not finished the item
};

}  // namespace trainer::golden
