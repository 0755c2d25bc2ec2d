#include "cost/area_inventory.h"

namespace trainer {
namespace {

constexpr int64_t kLaneRegisterBits = 96;  // two operands, product, tag, as the energy of lane_active
constexpr int64_t kAccumulatorBanks = 2;   // one drains while the other adds
// The sizes that the energies of these memories are of (docs/cost.md).
constexpr double kBitmapKB = 2;
constexpr double kOperandKB = 4;
constexpr int64_t kEstimateBits = 16;  // of a sum, as the energy of estimate
constexpr double kBitsPerKB = 8192;

}  // namespace

Inventory::Inventory(const ProcessorParameters& parameters) {
  const int64_t lanes = parameters.array_lanes();
  const int64_t pes = parameters.groups * parameters.pes_per_group;
  const int64_t sums = pes * parameters.tile;
  const auto count = [this](AreaComponent component) -> int64_t& { return counts_[static_cast<size_t>(component)]; };
  const auto memory = [this](AreaComponent component) -> MemoryCount& {
    return memories_[static_cast<size_t>(component)];
  };
  count(AreaComponent::mac) = lanes;
  count(AreaComponent::lane_registers) = lanes * kLaneRegisterBits;
  count(AreaComponent::accumulators) = kAccumulatorBanks * sums * kSumBits;
  count(AreaComponent::batchnorm_unit) = parameters.batchnorm_elements_per_cycle;
  count(AreaComponent::update_unit) = parameters.update_elements_per_cycle;
  count(AreaComponent::group_control) = parameters.groups;
  count(AreaComponent::controller) = 1;
  memory(AreaComponent::operand_memory) = {parameters.groups, kOperandKB};
  memory(AreaComponent::activation_buffer) = {1, static_cast<double>(parameters.activations_KB)};
  memory(AreaComponent::weight_buffer) = {1, static_cast<double>(parameters.weights_KB)};
  memory(AreaComponent::output_buffer) = {1, static_cast<double>(parameters.outputs_KB)};
  if (parameters.skip_input_zeros || parameters.skip_weight_zeros || parameters.skip_pruned_gradients ||
      parameters.speculates_feedforward || parameters.speculates_backpropagation) {
    count(AreaComponent::lane_selection) = lanes;
    memory(AreaComponent::bitmap_memory) = {parameters.groups, kBitmapKB};
  }
  if (parameters.speculates_feedforward) {
    count(AreaComponent::speculation_unit) = pes * parameters.speculation_lanes;
    count(AreaComponent::speculation_sums) = sums * kEstimateBits;
    const int64_t bits = parameters.speculation_fifo_depth * parameters.pes_per_group * parameters.tile;
    memory(AreaComponent::speculation_queue) = {parameters.groups, static_cast<double>(bits) / kBitsPerKB};
  }
}

}  // namespace trainer
