#include <CLI/CLI.hpp>
#include <memory>

#include "base/error.h"
#include "commands.h"
#include "run/config_file.h"
#include "run/train_run.h"

namespace trainer {
namespace {

/// What stands on the command line, as text: the option table checks and converts it.
struct Arguments {
  std::map<std::string, std::vector<std::string>, std::less<>> values;
  std::map<std::string, bool, std::less<>> switches;
  std::string config;
  std::string out;
  std::string resume;
  bool quiet = false;
  bool json = false;
  bool explain_kernels = false;
};

const char* group_of(const RunOption& option) {
  static const std::map<std::string_view, const char*> first_of_group = {{"model", "Network and data"},
                                                                         {"sparsity", "Pruning"},
                                                                         {"precision", "Processor model"},
                                                                         {"epochs", "Training"},
                                                                         {"seed", "Machine and files"}};
  // The table's order makes the groups: an option belongs to the last heading before it.
  const char* group = "";
  for (const RunOption& other : run_options()) {
    const auto found = first_of_group.find(other.key);
    group = found == first_of_group.end() ? group : found->second;
    if (&other == &option) {
      break;
    }
  }
  return group;
}

void declare(CLI::App& command, const RunOption& option, Arguments& arguments) {
  const std::string key(option.key);
  const std::string help = std::string(option.help) + " [" + describe_values(option) + "]";
  CLI::Option* declared = nullptr;
  if (std::holds_alternative<bool RunConfig::*>(option.member)) {
    declared = command.add_flag("--" + key + ",!--no-" + key, arguments.switches[key], help);
  } else {
    declared = command.add_option("--" + key, arguments.values[key], help)->allow_extra_args(false);
    if (!std::holds_alternative<std::vector<std::string> RunConfig::*>(option.member)) {
      declared->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
  declared->group(group_of(option));
}

RunConfig read_config(const CLI::App& command, const Arguments& arguments) {
  RunConfig config = default_config();
  for (const RunOption& option : run_options()) {
    const std::string name = "--" + std::string(option.key);
    if (command.count(name) == 0) {
      continue;
    }
    const auto flag = arguments.switches.find(option.key);
    if (flag != arguments.switches.end()) {
      const std::string value = flag->second ? "true" : "false";
      set_option(config, option, std::span(&value, 1), name);
    } else {
      set_option(config, option, arguments.values.find(option.key)->second, name);
    }
  }
  if (!arguments.config.empty()) {
    if (!arguments.resume.empty()) {
      throw UsageError("--config: a run that is resumed keeps its own configuration; leave --config out");
    }
    read_config_file(arguments.config, config);
  }
  return config;
}

}  // namespace

Run add_train(CLI::App& app) {
  CLI::App* command = app.add_subcommand("train", "Train or fine-tune a network");
  const auto arguments = std::make_shared<Arguments>();
  for (const RunOption& option : run_options()) {
    declare(*command, option, *arguments);
  }
  const char* group = "Run";
  command->add_option("--config", arguments->config, "YAML file of options; the command line wins over it")
      ->group(group);
  command->add_option("--out", arguments->out, "run folder to make [default runs/MODEL-DATA-NUMBER]")->group(group);
  command->add_option("--resume", arguments->resume, "go on with the run in this folder")->group(group);
  command->add_flag("--quiet", arguments->quiet, "no progress, results alone")->group(group);
  command->add_flag("--json", arguments->json, "results as JSON on standard output, progress on standard error")
      ->group(group);
  command
      ->add_flag("--explain-kernels", arguments->explain_kernels,
                 "which path each phase of each layer takes, and why; trains nothing, writes no run folder")
      ->group(group);
  return [command, arguments] {
    if (!arguments->out.empty() && !arguments->resume.empty()) {
      throw UsageError("--out: a run that is resumed stays in its folder; leave --out out");
    }
    return train({read_config(*command, *arguments), arguments->out, arguments->resume, arguments->quiet,
                  arguments->json, arguments->explain_kernels});
  };
}

}  // namespace trainer
