#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace trainer {

enum class BatchNormUnit { conventional, decoupled };

/// Bits of a sum on its way from an accumulator to the output buffer.
inline constexpr int64_t kSumBits = 32;

/// Everything a processor file says; parameter_table() gives each one's key, range and meaning.
struct ProcessorParameters {
  std::string name;
  std::string summary;
  int64_t contract = 3;
  double voltage_V = 0;
  double clock_MHz = 0;
  std::string cost;
  std::string precision = "fp16";
  std::string dataflow = "weight-compressed";
  std::string grouping = "1x1x1";  ///< "adaptive", or gk x gp x gc
  std::string assignment = "in-order";

  int64_t groups = 0;         ///< G
  int64_t pes_per_group = 0;  ///< P
  int64_t lanes = 0;          ///< L
  int64_t tile = 0;           ///< T
  int64_t fifo_depth = 4;     ///< D
  int64_t drain = 1;          ///< E
  int64_t activations_KB = 640;
  int64_t weights_KB = 256;
  int64_t outputs_KB = 256;
  int64_t port_bits = 4096;         ///< B_p
  int64_t output_port_bits = 4096;  ///< B_o
  double bandwidth_GBps = 12.8;
  int64_t latency_ns = 100;
  bool skip_input_zeros = false;
  bool skip_weight_zeros = false;
  bool skip_pruned_gradients = false;
  bool speculates_feedforward = false;
  bool speculates_backpropagation = false;
  bool speculates_gradients = false;
  int64_t speculation_lanes = 1;       ///< Le
  int64_t speculation_fifo_depth = 1;  ///< F

  std::string batchnorm_unit;
  int64_t batchnorm_elements_per_cycle = 0;
  int64_t update_elements_per_cycle = 0;

  BatchNormUnit batchnorm() const {
    return batchnorm_unit == "decoupled" ? BatchNormUnit::decoupled : BatchNormUnit::conventional;
  }
  /// Bits of a value: 16 or 8.
  int64_t value_bits() const { return precision == "fp8" ? 8 : 16; }
  /// Groups whose sums the output port takes at a time.
  int64_t drain_ways() const { return std::max<int64_t>(1, output_port_bits / (kSumBits * pes_per_group * drain)); }
  /// Lanes of the whole array: G * P * L.
  int64_t array_lanes() const { return groups * pes_per_group * lanes; }
};

/// A member that a key sets.
using ParameterField = std::variant<std::string ProcessorParameters::*, int64_t ProcessorParameters::*,
                                    double ProcessorParameters::*, bool ProcessorParameters::*>;

/// One key of a processor file. A string with `choices` must be one of them (separated by '|').
struct ParameterSpec {
  std::string_view key;  ///< dotted
  ParameterField field;
  double minimum;  ///< of a number
  double maximum;
  int64_t multiple_of;  ///< of an integer; 1 for any
  bool power_of_two;    ///< of an integer
  std::string_view choices;
  std::string_view unit;  ///< "" for none
  std::string_view meaning;
};

/// The schema of processor files, in the order of resolved parameters.
const std::vector<ParameterSpec>& parameter_table();

/// Reads a processor file's text; `file` names it in messages. Every key of the table must be there, and no other.
/// `overrides` are "key=value" and win over the file; what concerns several keys is checked after them. Throws
/// UsageError: file, line, key, and what to do.
ProcessorParameters parse_processor(std::string_view text, const std::string& file,
                                    const std::vector<std::string>& overrides);

/// Every key and its value, nested as in the file.
nlohmann::json to_json(const ProcessorParameters& parameters);

}  // namespace trainer
