#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "processor/golden/number_format.h"

namespace trainer::golden {

// The golden model: the processor of docs/processor-contract.md, clock by clock, with real values, as SystemC modules.
// Written from that text alone; it shares no code with the fast model of src/processor, which it is compared with.
//
// This header and choice.h are the interface; job.h and passes.h may be looked into as well. They are plain C++17, the
// version that SystemC's library was built with.

enum class Phase { FF, BP, WG };

/// Formats of operands and of results.
struct Formats {
  NumberFormat X, W, dZ;
  NumberFormat Z, dX;
};
/// Of 16 bits: binary16. Of 8: E4M3 for X, W and Z, E5M2 for dZ and dX.
Formats formats_of(int64_t value_bits);

/// A convolution and its operands. Arrays are in the order of their letters: X[n][c][h][w], W[k][c/groups][r][s],
/// dZ[n][k][p][q]; `unpruned` is like W.
struct Layer {
  int64_t n = 1, c = 1, h = 1, w = 1, k = 1, r = 1, s = 1;
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  std::vector<float> X;
  std::vector<float> W;
  std::vector<uint8_t> unpruned;
  std::vector<float> dZ;
  std::optional<Formats> formats;  ///< those of the processor's precision where there are none

  // What training did with the layer in this step, and what stands before and after it.
  bool speculated = false;        ///< training skipped outputs
  std::vector<uint8_t> skipped;   ///< like Z: 1 where it did
  bool reads_shortcut = false;    ///< to decide which
  std::optional<int64_t> wanted;  ///< outputs, when the layer was speculated last; none before the first time
  bool gradient_pruned = false;   ///< training dropped values of dZ
  bool input_is_rectified = false, input_from_batchnorm = false, output_to_batchnorm = false;

  int64_t p() const { return (h + 2 * padding - dilation * (r - 1) - 1) / stride + 1; }
  int64_t q() const { return (w + 2 * padding - dilation * (s - 1) - 1) / stride + 1; }
};

struct Processor {
  int64_t groups = 1, pes = 1, lanes = 1, tile = 64;
  int64_t fifo_depth = 1;
  int64_t drain = 1;  ///< sums per PE and cycle
  int64_t value_bits = 16;
  int64_t activations_KB = 1, weights_KB = 1, outputs_KB = 1;
  int64_t port_bits = 1048576;         ///< of the global buffer, per cycle
  int64_t output_port_bits = 1048576;  ///< of its output part, per cycle
  int64_t clock_kHz = 1000;
  int64_t bandwidth_MBps = 1;
  int64_t latency_ns = 0;
  bool skip_input_zeros = false;
  bool skip_weight_zeros = false;
  bool skip_pruned_gradients = false;
  bool speculation_feedforward = false;
  bool speculation_backpropagation = false;
  bool speculation_gradients = false;
  int64_t estimator_lanes = 1;  ///< per PE
  int64_t estimator_fifo = 1;   ///< items that wait with their bitmaps of wanted outputs
  bool decoupled_batchnorm = false;
  int64_t batchnorm_elements = 1;  ///< per cycle
  int64_t update_elements = 1;     ///< per cycle
};

enum class Compress { weights, activations };
enum class Assignment { in_order, balanced, dynamic };

/// How a phase of a layer runs: gk x gp x gc parts of output channels, positions and input channels.
struct Dataflow {
  Compress compress = Compress::weights;
  int64_t gk = 1, gp = 1, gc = 1;
  Assignment assignment = Assignment::in_order;

  bool operator==(const Dataflow& other) const {
    return compress == other.compress && gk == other.gk && gp == other.gp && gc == other.gc &&
           assignment == other.assignment;
  }
};

/// Bits that DRAM delivers, by operand (contract, section 5).
struct OperandBits {
  int64_t X = 0, W = 0, dZ = 0, sums = 0, shortcut = 0, bitmap = 0;

  int64_t total() const { return X + W + dZ + sums + shortcut + bitmap; }
};

/// What happened, counted where it happened.
struct Counts {
  int64_t skipped_by_input = 0, skipped_by_weight = 0, skipped_by_output = 0;
  int64_t cycle = 0, compute_cycles = 0, memory_cycles = 0;
  int64_t mac = 0, lane_active = 0, lane_idle = 0, dispatch = 0;
  int64_t bitmap_scan = 0, bitmap_read = 0, accumulate = 0, reduce = 0;
  int64_t operand_bits = 0;  ///< read by lanes; operand_read() in words
  int64_t estimate = 0, exponent_read = 0, predict = 0, prune = 0;
  int64_t activation_read = 0, weight_read = 0, output_read = 0;  ///< bits of the global buffer's parts
  int64_t activation_write = 0, weight_write = 0, output_write = 0;
  int64_t fp32_add = 0, fp32_multiply = 0, bn_channel = 0;
  int64_t dram_read = 0, dram_write = 0;
  OperandBits loaded;

  int64_t operand_read() const { return (operand_bits + 15) / 16; }
};

/// When what happened to an item, in cycles from the phase's start (contract, section 4).
struct ItemTimes {
  int64_t sent = 0, start = 0, finish = 0, drained = 0;
  int64_t begun = 0, estimated = 0;  ///< by the estimator; 0 where FF is not speculated

  bool operator==(const ItemTimes& other) const {
    return sent == other.sent && start == other.start && finish == other.finish && drained == other.drained &&
           begun == other.begun && estimated == other.estimated;
  }
};

struct Result {
  Counts counts;
  /// Z, dX or dW (of the held positions, 0 elsewhere), in the orders of Layer; Z and dX rounded to their formats.
  std::vector<float> output;
  std::vector<ItemTimes> items;  ///< in the order in which they were sent
  std::vector<ItemTimes> ideal;  ///< the same where no transfer takes time
};

/// BN over N x C x H x W. Forward needs Z, backward Z and dY.
struct BatchNorm {
  bool input_from_contraction = true;  ///< Z leaves the array; otherwise it has to be fetched for its sums
  int64_t applied_on_load = 0;         ///< contractions that read Y, where nothing else does
  bool contraction_has_bp = true;      ///< the contraction before loads dZ twice, otherwise once
  int64_t n = 1, c = 1, h = 1, w = 1;
  std::vector<float> Z;
  std::vector<float> dY;
  std::vector<float> gamma;  ///< per channel
  std::vector<float> beta;
  float epsilon = 1e-5F;
};

/// UP of one array: SGD with momentum and weight decay.
struct Update {
  std::vector<float> weight, momentum, gradient;
  std::vector<uint8_t> unpruned;
  float rate = 0.1F, momentum_factor = 0.9F, decay = 0.0005F;
};

struct UpdateResult {
  Counts counts;
  std::vector<float> weight, momentum;
};

/// The processor, built once with the most groups and PEs that any run uses. SystemC allows one per program.
class Machine {
 public:
  Machine(int64_t most_groups, int64_t most_pes);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// `dataflow` must cut the processor's groups exactly: gk * gp * gc = groups.
  Result run(Phase phase, const Layer& layer, const Processor& processor, const Dataflow& dataflow);
  /// Output: Y.
  Result batchnorm_feedforward(const BatchNorm& layer, const Processor& processor);
  /// Output: dZ.
  Result batchnorm_backpropagation(const BatchNorm& layer, const Processor& processor);
  UpdateResult update(const Update& update, const Processor& processor);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace trainer::golden
