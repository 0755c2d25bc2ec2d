#include "processor/golden/group.h"

#include "processor/golden/memory.h"

namespace trainer::golden {

Group::Group(sc_core::sc_module_name name, int64_t number, int64_t pes, sc_core::sc_fifo<int>& done)
    : sc_core::sc_module(name),
      clock("clock"),
      items("items", 1),
      number_(static_cast<int>(number)),
      done_(done),
      pe_done_("pe_done", static_cast<int>(pes)) {
  for (int64_t i = 0; i < pes; ++i) {
    const std::string suffix = std::to_string(i);
    sequencers_.push_back(std::make_unique<Sequencer>(("sequencer" + suffix).c_str()));
    pes_.push_back(std::make_unique<Pe>(("pe" + suffix).c_str(), i, *sequencers_.back(), broadcast_, pe_done_));
    pes_.back()->clock(clock);
  }
  SC_HAS_PROCESS(Group);
  SC_METHOD(run);
  dont_initialize();
  sensitive << items.data_written_event() << pe_done_.data_written_event();
}

void Group::use(Job* job) {
  job_ = job;
  broadcast_.reset();
  for (const auto& sequencer : sequencers_) {
    sequencer->use(job);
  }
  for (const auto& pe : pes_) {
    pe->use(job);
  }
}

void Group::run() {
  int finished = 0;
  while (pe_done_.nb_read(finished)) {
    if (--working_ == 0) {
      done_.nb_write(number_);
    }
  }
  Item item;
  if (items.nb_read(item)) {
    begin(item);
  }
}

void Group::begin(const Item& item) {
  Job& job = *job_;
  if (item.tile == 0) {
    stream_block(job, item.block);
  }
  const ChannelRange channels = channels_of(job, item.block);
  if (job.processor.skip_input_zeros) {
    for (int64_t c = 0; c < job.streamed_per_group; ++c) {
      job.counts.bitmap_read += job.processor.tile;
    }
  }
  for (int64_t channel = channels.first; channel < channels.end; ++channel) {
    if (job.processor.skip_input_zeros && job.phase == Phase::WG) {
      job.counts.bitmap_read += job.processor.tile;  // the PE's own dZ
    }
    sequencers_[static_cast<size_t>(channel - channels.first)]->items.nb_write({channel, item.tile});
    ++working_;
  }
}

}  // namespace trainer::golden
