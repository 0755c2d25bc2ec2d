#pragma once

#include <systemc>

#include "processor/golden/job.h"

namespace trainer::golden {

/// What a group asks of one PE: the items of its output channel.
struct ChannelItem {
  int64_t channel = 0;
  int64_t tile = 0;
};
inline std::ostream& operator<<(std::ostream& out, const ChannelItem& item) {
  return out << item.channel << '@' << item.tile;
}
inline std::ostream& operator<<(std::ostream& out, const Command& command) {
  return out << static_cast<int>(command.kind);
}

/// Walks the compressed weights of one output channel and queues the held positions for its PE. It keeps up: the queue
/// is refilled in the time step in which the PE reads it.
class Sequencer : public sc_core::sc_module {
 public:
  explicit Sequencer(sc_core::sc_module_name name);

  void use(Job* job) { job_ = job; }

  sc_core::sc_fifo<ChannelItem> items;
  sc_core::sc_fifo<Command> commands;

 private:
  void run();
  void look_at_position();

  Job* job_ = nullptr;
  bool open_ = false;
  ChannelItem item_;
  int64_t next_ = 0;       // position within the channel's weights
  int64_t positions_ = 0;  // of the channel
};

}  // namespace trainer::golden
