#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace trainer {

/// Every option of a training run. What each means, its range and its default stand in run_options() alone.
struct RunConfig {
  std::string model;
  double width = 0;
  std::string data;
  std::string image_size;
  std::string init;

  double sparsity = 0;
  std::string method;
  std::string distribution;
  std::string start;
  bool prune_first_and_last = false;
  int64_t update_interval = 0;
  double update_fraction = 0;
  double begin_at = 0;
  double stop_at = 0;

  std::string precision;
  std::string fp8_format;
  std::string speculation;
  double false_skip_target = 0;
  double audit_rate = 0;
  double gradient_drop = 0;
  bool skip_small_updates = false;
  std::vector<std::string> processor;
  std::vector<std::string> set;
  int64_t observe_every = 0;
  bool explain_dataflow = false;

  int64_t epochs = 0;
  int64_t max_steps = 0;
  int64_t batch = 0;
  std::string optimizer;
  double lr = 0;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  std::string schedule;
  double warmup = 0;
  double label_smoothing = 0;
  bool augment = false;
  bool flip = false;
  int64_t crop_padding = 0;

  int64_t seed = 0;
  int64_t threads = 0;
  std::string kernels;
  std::string kernel_choice;
  std::vector<std::string> kernel_break_even;
  int64_t checkpoint_every = 0;
  int64_t keep = 0;
  int64_t evaluate_every = 0;

  /// Keys that were set, as opposed to left at their defaults.
  std::set<std::string, std::less<>> given;

  bool is_given(std::string_view key) const { return given.find(key) != given.end(); }
};

/// One option of a run: the same declaration serves the command line, configuration files and run.yaml.
struct RunOption {
  using Member = std::variant<std::string RunConfig::*, double RunConfig::*, int64_t RunConfig::*, bool RunConfig::*,
                              std::vector<std::string> RunConfig::*>;

  std::string_view key;  ///< `--key` on the command line, `key:` in a file
  Member member;
  std::string_view default_value;  ///< as text; empty where `derived` tells how it comes about
  std::string_view derived;        ///< rule of a default that depends on other options or the data (resolve.h)
  std::string_view help;
  double low = 0;  ///< numbers: range, both ends allowed
  double high = 0;
  std::vector<std::string_view> choices{};  ///< text: the allowed values; empty allows any
  bool may_change_on_resume = false;        ///< does not influence results
};

/// The visible table of all options.
const std::vector<RunOption>& run_options();
/// Null for an unknown key.
const RunOption* find_run_option(std::string_view key);
std::vector<std::string> run_option_keys();

/// All options at their defaults; options with a derived default are left empty until resolve().
RunConfig default_config();

/// Sets an option from text and marks it as given. `where` opens the message of the UsageError thrown for a value that
/// does not parse or is out of range: "--epochs" or "run.yaml:3: epochs". Lists take any number of values, all other
/// options exactly one.
void set_option(RunConfig& config, const RunOption& option, std::span<const std::string> values,
                std::string_view where);

/// The option's values as text that set_option reads back exactly (one entry, except for lists).
std::vector<std::string> option_values(const RunConfig& config, const RunOption& option);

/// Range and default as a phrase for help, such as "0 .. 1, default 0.9".
std::string describe_values(const RunOption& option);

/// { key: value } of all options, for checkpoints.
nlohmann::json to_json(const RunConfig& config);

}  // namespace trainer
