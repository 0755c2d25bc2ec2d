#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trainer {

struct ProcessorParameters;

/// Which operand is held by the PEs, compressed (docs/processor-contract.md, section 2).
enum class Compress { weight, activation };
/// Which channels share a block. `dynamic` is `balanced`, but for the group that an item goes to.
enum class Assignment { in_order, balanced, dynamic };

/// Into how many parts the groups split each dimension.
struct Grouping {
  int64_t output_channels = 1;  ///< gk
  int64_t positions = 1;        ///< gp
  int64_t input_channels = 1;   ///< gc

  int64_t product() const { return output_channels * positions * input_channels; }
  bool operator==(const Grouping&) const = default;
};

/// How one phase of one layer runs on the array.
struct Dataflow {
  Compress compress = Compress::weight;
  Grouping grouping;
  Assignment assignment = Assignment::in_order;

  bool operator==(const Dataflow&) const = default;
};

std::string_view to_string(Compress compress);
std::string_view to_string(Assignment assignment);
/// "4x2x1"
std::string to_string(const Grouping& grouping);
/// "weight-compressed 4x2x1 in-order"
std::string to_string(const Dataflow& dataflow);

/// Three powers of two such as "4x2x1"; nothing for any other text.
std::optional<Grouping> parse_grouping(std::string_view text);

/// Every dataflow of an array of `groups` groups (a power of two), in the order that settles ties. Dataflows that the
/// parameters' tile does not allow are left out.
std::vector<Dataflow> all_dataflows(const ProcessorParameters& parameters);
/// Those that the parameters' keys dataflow, grouping and assignment leave.
std::vector<Dataflow> candidate_dataflows(const ProcessorParameters& parameters);

}  // namespace trainer
