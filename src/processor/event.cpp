#include "processor/event.h"

namespace trainer {

const std::array<EventEntry, kEvents>& event_table() {
  static constexpr std::array<EventEntry, kEvents> kTable = {{
      {Event::mac, "mac", "MAC", EventPart::core, "FP16 multiply-accumulates executed (effectual MACs)"},
      {Event::mac_fp8, "mac_fp8", "MAC", EventPart::core, "FP8 multiply-accumulates executed (effectual MACs)"},
      {Event::lane_active, "lane_active", "lane cycle", EventPart::core, "lane cycles of PEs that work on a visit"},
      {Event::lane_idle, "lane_idle", "lane cycle", EventPart::core, "lane cycles of PEs that wait"},
      {Event::cycle, "cycle", "cycle", EventPart::core, "clock cycles of the whole processor"},
      {Event::dispatch, "dispatch", "item", EventPart::core, "items of work sent to a group's queue"},
      {Event::bitmap_scan, "bitmap_scan", "bit", EventPart::core, "bits a PE shifts, ANDs and picks lanes from"},
      {Event::bitmap_read, "bitmap_read", "bit", EventPart::core, "bits from a group's bitmap buffer to its PEs"},
      {Event::operand_read, "operand_read", "16-bit word", EventPart::core,
       "16-bit words read from a group's operand buffer"},
      {Event::accumulate, "accumulate", "32-bit update", EventPart::core, "accumulator read, added to and written"},
      {Event::reduce, "reduce", "32-bit addition", EventPart::core, "sums added to sums in the output buffer"},
      {Event::estimate, "estimate", "addition", EventPart::core, "products estimated from exponents"},
      {Event::exponent_read, "exponent_read", "exponent", EventPart::core, "streamed exponents read by the estimator"},
      {Event::predict, "predict", "output", EventPart::core, "outputs decided on by their estimate"},
      {Event::prune, "prune", "value", EventPart::core, "values of dZ compared with the pruning threshold"},
      {Event::activation_read, "activation_read", "bit", EventPart::core, "bits read from the activations' buffer"},
      {Event::activation_write, "activation_write", "bit", EventPart::core, "bits written to the activations' buffer"},
      {Event::weight_read, "weight_read", "bit", EventPart::core, "bits read from the weights' buffer"},
      {Event::weight_write, "weight_write", "bit", EventPart::core, "bits written to the weights' buffer"},
      {Event::output_read, "output_read", "bit", EventPart::core, "bits read from the outputs' buffer"},
      {Event::output_write, "output_write", "bit", EventPart::core, "bits written to the outputs' buffer"},
      {Event::fp32_add, "fp32_add", "addition", EventPart::core, "FP32 additions of BN and UP"},
      {Event::fp32_multiply, "fp32_multiply", "multiplication", EventPart::core, "FP32 multiplications of BN and UP"},
      {Event::bn_channel, "bn_channel", "channel", EventPart::core, "coefficients of one BN channel derived from sums"},
      {Event::dram_read, "dram_read", "byte", EventPart::dram, "bytes loaded from DRAM"},
      {Event::dram_write, "dram_write", "byte", EventPart::dram, "bytes stored to DRAM"},
  }};
  return kTable;
}

std::string_view to_string(Event event) { return event_table()[static_cast<size_t>(event)].name; }

}  // namespace trainer
