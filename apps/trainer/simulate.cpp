#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "run/config.h"
#include "run/simulate_layer.h"

namespace trainer {
namespace {

struct Arguments {
  LayerSimulationText text;
  std::vector<std::string> seed;
  bool json = false;
};

}  // namespace

Run add_simulate(CLI::App& app) {
  CLI::App* command = app.add_subcommand("simulate", "One layer with random zeros on processors, without training");
  const auto arguments = std::make_shared<Arguments>();
  const auto list = [&](const char* name, std::vector<std::string>& values, const char* help) {
    command->add_option(name, values, help)->delimiter(',')->allow_extra_args(false);
  };
  command->add_option("--layer", arguments->text.layer, "shape, for example n64c64k64h32r3s1p1")->required();
  list("--density", arguments->text.density,
       "shares of non-zeros, and of wanted outputs: x=0.5,w=0.1,dz=1,z=0.6 [default 1]");
  list("--before", arguments->text.before, "what X comes from, in order, of bn, relu, add, maxpool [default nothing]");
  list("--after", arguments->text.after, "what Z goes to, in order [default nothing; bn,relu where z is given]");
  list("--phase", arguments->text.phases, "[FF,BP,WG; default all]");
  list("--processor", arguments->text.processors, "names or YAML files [default trainer-28nm,dense-28nm]");
  command->add_option("--set", arguments->text.set, "KEY=VALUE overrides a parameter of every processor; repeatable")
      ->allow_extra_args(false);
  command->add_option("--seed", arguments->seed, "of the places of zeros [default 1]")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command->add_flag("--explain-dataflow", arguments->text.explain_dataflow,
                    "show each phase's choice of dataflow, and what every other one would have made");
  command->add_flag("--json", arguments->json, "the result as JSON");
  return [arguments] {
    RunConfig config = default_config();
    if (!arguments->seed.empty()) {
      set_option(config, *find_run_option("seed"), arguments->seed, "--seed");
    }
    arguments->text.seed = static_cast<uint64_t>(config.seed);
    const LayerSimulation simulation = parse_layer_simulation(arguments->text);
    const LayerSimulationResult result = simulate_layer(simulation);
    if (arguments->json) {
      fmt::print("{}\n", layer_json(simulation, result).dump(2));
    } else {
      fmt::print("{}", layer_report(simulation, result));
    }
    return 0;
  };
}

}  // namespace trainer
