#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trainer {

/// What the modelled hardware does, counted. docs/processor-contract.md says when each one happens.
enum class Event {
  mac,
  mac_fp8,
  lane_active,
  lane_idle,
  cycle,
  dispatch,
  bitmap_scan,
  bitmap_read,
  operand_read,
  accumulate,
  reduce,
  estimate,
  exponent_read,
  predict,
  prune,
  activation_read,
  activation_write,
  weight_read,
  weight_write,
  output_read,
  output_write,
  fp32_add,
  fp32_multiply,
  bn_channel,
  dram_read,
  dram_write,
};
inline constexpr size_t kEvents = 26;

/// Where an event's energy is accounted: core and DRAM are never mixed.
enum class EventPart { core, dram };

struct EventEntry {
  Event event;
  std::string_view name;  ///< in cost tables and reports
  std::string_view unit;  ///< of the count
  EventPart part;
  std::string_view meaning;
};

/// The visible table of events, in the enum's order.
const std::array<EventEntry, kEvents>& event_table();
std::string_view to_string(Event event);

/// Counts of every event.
class EventCounts {
 public:
  int64_t& operator[](Event event) { return counts_[static_cast<size_t>(event)]; }
  int64_t operator[](Event event) const { return counts_[static_cast<size_t>(event)]; }
  EventCounts& operator+=(const EventCounts& other) {
    for (size_t i = 0; i < kEvents; ++i) {
      counts_[i] += other.counts_[i];
    }
    return *this;
  }
  bool operator==(const EventCounts&) const = default;

 private:
  std::array<int64_t, kEvents> counts_{};
};

}  // namespace trainer
