#include "processor/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <type_traits>

#include "base/error.h"
#include "processor/dataflow/dataflow.h"
#include "processor/keyed_yaml.h"

namespace trainer {
namespace {

using Parameters = ProcessorParameters;

ParameterSpec text(std::string_view key, std::string Parameters::*field, std::string_view choices,
                   std::string_view meaning) {
  return {key, field, 0, 0, 1, false, choices, "", meaning};
}
ParameterSpec flag(std::string_view key, bool Parameters::*field, std::string_view meaning) {
  return {key, field, 0, 0, 1, false, "", "", meaning};
}
ParameterSpec count(std::string_view key, int64_t Parameters::*field, int64_t minimum, int64_t maximum,
                    std::string_view unit, std::string_view meaning) {
  return {key, field, static_cast<double>(minimum), static_cast<double>(maximum), 1, false, "", unit, meaning};
}

std::string with_unit(std::string_view unit) { return unit.empty() ? "" : fmt::format(" {}", unit); }

// What a value of this key has to be, for messages.
std::string expectation(const ParameterSpec& spec) {
  struct Visitor {
    const ParameterSpec& spec;
    std::string operator()(std::string Parameters::* /*field*/) const {
      return spec.choices.empty() ? "a non-empty text" : fmt::format("one of {}", spec.choices);
    }
    std::string operator()(bool Parameters::* /*field*/) const { return "true or false"; }
    std::string operator()(double Parameters::* /*field*/) const {
      return fmt::format("a number from {} to {}{}", spec.minimum, spec.maximum, with_unit(spec.unit));
    }
    std::string operator()(int64_t Parameters::* /*field*/) const {
      return fmt::format("{} from {} to {}{}",
                         spec.power_of_two      ? "a power of two"
                         : spec.multiple_of > 1 ? fmt::format("a multiple of {}", spec.multiple_of)
                                                : "an integer",
                         spec.minimum, spec.maximum, with_unit(spec.unit));
    }
  };
  return std::visit(Visitor{spec}, spec.field);
}

template <typename T>
bool parse_number(std::string_view value, T& result) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  return error == std::errc() && end == value.data() + value.size();
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const size_t bar = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, bar) == value) {
      return true;
    }
    choices.remove_prefix(std::min(bar + 1, choices.size()));
  }
  return false;
}

// False where the value does not satisfy the spec.
bool store(const ParameterSpec& spec, const std::string& value, Parameters& parameters) {
  struct Visitor {
    const ParameterSpec& spec;
    const std::string& value;
    Parameters& parameters;

    bool operator()(std::string Parameters::*field) const {
      parameters.*field = value;
      return spec.choices.empty() ? !value.empty() : is_choice(spec.choices, value);
    }
    bool operator()(bool Parameters::*field) const {
      parameters.*field = value == "true";
      return value == "true" || value == "false";
    }
    bool operator()(double Parameters::*field) const {
      double number = 0;
      const bool parsed = parse_number(value, number);
      parameters.*field = number;
      return parsed && number >= spec.minimum && number <= spec.maximum;
    }
    bool operator()(int64_t Parameters::*field) const {
      int64_t number = 0;
      const bool parsed = parse_number(value, number);
      parameters.*field = number;
      return parsed && static_cast<double>(number) >= spec.minimum && static_cast<double>(number) <= spec.maximum &&
             number % spec.multiple_of == 0 && (!spec.power_of_two || (number & (number - 1)) == 0);
    }
  };
  return std::visit(Visitor{spec, value, parameters}, spec.field);
}

const ParameterSpec& find_spec(std::string_view key, const std::string& where) {
  std::vector<std::string_view> known;
  for (const ParameterSpec& spec : parameter_table()) {
    if (spec.key == key) {
      return spec;
    }
    known.push_back(spec.key);
  }
  throw UsageError(fmt::format("{}: unknown key '{}': did you mean '{}'?", where, key, nearest_key(key, known)));
}

void set_value(const ParameterSpec& spec, const std::string& value, const std::string& where, Parameters& parameters) {
  if (!store(spec, value, parameters)) {
    throw UsageError(
        fmt::format("{}: {}: '{}' will not do: give {} ({})", where, spec.key, value, expectation(spec), spec.meaning));
  }
}

// What no single key can tell.
void check_together(const Parameters& parameters, const std::string& file) {
  if (parameters.grouping != "adaptive") {
    const std::optional<Grouping> grouping = parse_grouping(parameters.grouping);
    if (!grouping || grouping->product() != parameters.groups) {
      throw UsageError(fmt::format(
          "{}: grouping: '{}' will not do: give adaptive, or three powers of two whose product is array.groups ({}), "
          "such as {}x1x1",
          file, parameters.grouping, parameters.groups, parameters.groups));
    }
    if (parameters.speculates_feedforward && grouping->input_channels > 1) {
      throw UsageError(fmt::format(
          "{}: grouping: '{}' will not do with speculation.feedforward true, since an output is decided on when one "
          "group has seen all that it sums: give one that ends in x1, or speculation.feedforward false",
          file, parameters.grouping));
    }
  }
  if (parameters.dataflow != "weight-compressed" && parameters.tile % (8 * parameters.lanes) != 0) {
    throw UsageError(fmt::format(
        "{}: dataflow {} needs array.tile ({}) to be a multiple of 8 * array.lanes ({}): give another tile, "
        "or dataflow weight-compressed",
        file, parameters.dataflow, parameters.tile, 8 * parameters.lanes));
  }
}

}  // namespace

const std::vector<ParameterSpec>& parameter_table() {
  static const std::vector<ParameterSpec> kTable = {
      text("name", &Parameters::name, "", "name in reports"),
      text("summary", &Parameters::summary, "", "one line for lists"),
      count("contract", &Parameters::contract, 3, 3, "", "version of docs/processor-contract.md it is modelled by"),
      {"voltage_V", &Parameters::voltage_V, 0.1, 2, 1, false, "", "V", "supply; the cost table scales energies to it"},
      {"clock_MHz", &Parameters::clock_MHz, 1, 5000, 1, false, "", "MHz", "clock; cycles / clock is the time"},
      text("cost", &Parameters::cost, "", "cost table: a built-in name or a .yaml file"),
      text("precision", &Parameters::precision, "fp16|fp8", "bits of a value, and which MAC"),
      {"array.groups", &Parameters::groups, 1, 256, 1, true, "", "groups", "groups of PEs that share an item"},
      count("array.pes_per_group", &Parameters::pes_per_group, 1, 4096, "PEs", "output channels a group works on"),
      {"array.lanes", &Parameters::lanes, 1, 512, 1, true, "", "lanes", "MACs a PE issues per cycle"},
      {"array.tile", &Parameters::tile, 64, 32768, 64, false, "", "positions", "output positions of a tile"},
      count("array.fifo_depth", &Parameters::fifo_depth, 1, 64, "items", "items that a group's queue holds"),
      count("array.drain", &Parameters::drain, 1, 512, "sums", "sums a PE gives out per cycle"),
      text("dataflow", &Parameters::dataflow, "adaptive|weight-compressed|activation-compressed",
           "which operand is held, compressed"),
      text("grouping", &Parameters::grouping, "",
           "how the groups split output channels x positions x input channels: adaptive, or such as 4x2x1"),
      text("assignment", &Parameters::assignment, "adaptive|in-order|balanced|dynamic",
           "which channels share a block, and whether items choose their group"),
      count("buffer.activations_KB", &Parameters::activations_KB, 1, 1048576, "KB", "part of the buffer for X and dZ"),
      count("buffer.weights_KB", &Parameters::weights_KB, 1, 1048576, "KB", "part of the buffer for W or its mask"),
      count("buffer.outputs_KB", &Parameters::outputs_KB, 1, 1048576, "KB", "part of the buffer for sums"),
      count("buffer.port_bits", &Parameters::port_bits, 1, 1048576, "bits", "from the buffer to the groups per cycle"),
      count("buffer.output_port_bits", &Parameters::output_port_bits, 1, 1048576, "bits",
            "from the groups to the part for sums per cycle"),
      {"memory.bandwidth_GBps", &Parameters::bandwidth_GBps, 0.001, 10000, 1, false, "", "GB/s", "DRAM bandwidth"},
      count("memory.latency_ns", &Parameters::latency_ns, 0, 100000, "ns", "from a DRAM request to its first byte"),
      flag("skip.input_zeros", &Parameters::skip_input_zeros, "skip zeros of streamed operands and outputs in padding"),
      flag("skip.weight_zeros", &Parameters::skip_weight_zeros, "skip zero weights in FF and BP"),
      flag("skip.pruned_gradients", &Parameters::skip_pruned_gradients, "skip dW and UP of pruned weights"),
      flag("speculation.feedforward", &Parameters::speculates_feedforward, "predict outputs that ReLU discards"),
      flag("speculation.backpropagation", &Parameters::speculates_backpropagation, "skip dX where the ReLU was off"),
      flag("speculation.gradients", &Parameters::speculates_gradients, "prune dZ on the processor"),
      {"speculation.lanes", &Parameters::speculation_lanes, 1, 512, 1, true, "", "lanes", "estimator lanes of a PE"},
      count("speculation.fifo_depth", &Parameters::speculation_fifo_depth, 1, 64, "items",
            "items between a group's estimator and its PEs"),
      text("batchnorm.unit", &Parameters::batchnorm_unit, "conventional|decoupled", "how BN passes over tensors"),
      count("batchnorm.elements_per_cycle", &Parameters::batchnorm_elements_per_cycle, 1, 65536, "elements",
            "elements a BN pass handles per cycle"),
      count("update.elements_per_cycle", &Parameters::update_elements_per_cycle, 1, 65536, "elements",
            "weights updated per cycle"),
  };
  return kTable;
}

ProcessorParameters parse_processor(std::string_view yaml, const std::string& file,
                                    const std::vector<std::string>& overrides) {
  Parameters parameters;
  std::set<std::string, std::less<>> seen;
  for (const YamlScalar& scalar : read_keyed_yaml(yaml, file)) {
    const std::string where = fmt::format("{}:{}", file, scalar.line);
    const ParameterSpec& spec = find_spec(scalar.key, where);
    if (!seen.insert(scalar.key).second) {
      throw UsageError(fmt::format("{}: key '{}' is given twice: remove one", where, scalar.key));
    }
    set_value(spec, scalar.value, where, parameters);
  }
  for (const ParameterSpec& spec : parameter_table()) {
    if (!seen.contains(spec.key)) {
      throw UsageError(
          fmt::format("{}: missing key '{}': add it, {} ({})", file, spec.key, expectation(spec), spec.meaning));
    }
  }
  for (const std::string& text : overrides) {
    const std::string where = fmt::format("override {}", text);
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw UsageError(fmt::format("{}: not of the form key=value, such as array.lanes=4", where));
    }
    set_value(find_spec(text.substr(0, equals), where), text.substr(equals + 1), where, parameters);
  }
  check_together(parameters, file);
  return parameters;
}

nlohmann::json to_json(const ProcessorParameters& parameters) {
  nlohmann::json document = nlohmann::json::object();
  for (const ParameterSpec& spec : parameter_table()) {
    std::string pointer = fmt::format("/{}", spec.key);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    document[nlohmann::json::json_pointer(pointer)] =
        std::visit([&](auto field) { return nlohmann::json(parameters.*field); }, spec.field);
  }
  return document;
}

}  // namespace trainer
