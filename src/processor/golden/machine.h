#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace trainer::golden {

// The golden model: the processor of docs/processor-contract.md, clock by clock, with real values, as SystemC modules.
// Written from that text alone; it shares no code with the fast model of src/processor, which it is compared with.
//
// This header and choice.h are the interface; job.h and passes.h may be looked into as well. They are plain C++17, the
// version that SystemC's library was built with.

enum class Phase { FF, BP, WG };

/// A convolution and its operands. Arrays are in the order of their letters: X[n][c][h][w], W[k][c/groups][r][s],
/// dZ[n][k][p][q]; `unpruned` is like W.
struct Layer {
  int64_t n = 1, c = 1, h = 1, w = 1, k = 1, r = 1, s = 1;
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  std::vector<float> X;
  std::vector<float> W;
  std::vector<uint8_t> unpruned;
  std::vector<float> dZ;

  int64_t p() const { return (h + 2 * padding - dilation * (r - 1) - 1) / stride + 1; }
  int64_t q() const { return (w + 2 * padding - dilation * (s - 1) - 1) / stride + 1; }
};

struct Processor {
  int64_t groups = 1, pes = 1, lanes = 1, tile = 64;
  int64_t fifo_depth = 1;
  int64_t drain = 1;  ///< sums per PE and cycle
  int64_t value_bits = 16;
  int64_t activations_KB = 1, weights_KB = 1, outputs_KB = 1;
  int64_t clock_kHz = 1000;
  int64_t bandwidth_MBps = 1;
  int64_t latency_ns = 0;
  bool skip_input_zeros = false;
  bool skip_weight_zeros = false;
  bool skip_pruned_gradients = false;
  bool decoupled_batchnorm = false;
  int64_t batchnorm_elements = 1;  ///< per cycle
  int64_t update_elements = 1;     ///< per cycle
};

enum class Compress { weights, activations };
enum class Assignment { in_order, balanced };

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

/// What happened, counted where it happened.
/// Bits that DRAM delivers, by operand (contract, section 5).
struct OperandBits {
  int64_t X = 0, W = 0, dZ = 0, sums = 0;
};

struct Counts {
  int64_t skipped_by_input = 0, skipped_by_weight = 0, skipped_by_output = 0;
  int64_t cycle = 0, compute_cycles = 0, memory_cycles = 0;
  int64_t mac = 0, lane_active = 0, lane_idle = 0, dispatch = 0;
  int64_t bitmap_scan = 0, bitmap_read = 0, accumulate = 0, reduce = 0;
  int64_t operand_bits = 0;  ///< read by lanes; operand_read() in words
  int64_t buffer_read = 0, buffer_write = 0;
  int64_t fp32_add = 0, fp32_multiply = 0, bn_channel = 0;
  int64_t dram_read = 0, dram_write = 0;
  OperandBits loaded;

  int64_t operand_read() const { return (operand_bits + 15) / 16; }
};

/// When what happened to an item, in cycles from the phase's start (contract, section 4).
struct ItemTimes {
  int64_t sent = 0, start = 0, finish = 0, drained = 0;

  bool operator==(const ItemTimes& other) const {
    return sent == other.sent && start == other.start && finish == other.finish && drained == other.drained;
  }
};

struct Result {
  Counts counts;
  std::vector<float> output;     ///< Z, dX or dW (of the held positions, 0 elsewhere), in the orders of Layer
  std::vector<ItemTimes> items;  ///< in the order in which they were sent
  std::vector<ItemTimes> ideal;  ///< the same where no transfer takes time
};

/// BN over N x C x H x W. Forward needs Z, backward Z and dY.
struct BatchNorm {
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
