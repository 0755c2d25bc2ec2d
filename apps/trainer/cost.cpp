#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "commands.h"
#include "run/cost_report.h"
#include "run/peak_figures.h"
#include "run/processor_request.h"

namespace trainer {
namespace {

struct Arguments {
  std::string processor = "trainer-28nm";
  std::vector<std::string> set;
  bool efficiency = false;
  bool calibration = false;
  bool json = false;
};

std::string text_of(const Arguments& arguments) {
  const ProcessorRequest request = processor_request(arguments.processor, arguments.set);
  if (arguments.calibration) {
    return calibration_report(request, calibration_figures(request));
  }
  return arguments.efficiency ? peak_report(request, peak_figures(request)) : cost_report(request);
}

nlohmann::json document_of(const Arguments& arguments) {
  const ProcessorRequest request = processor_request(arguments.processor, arguments.set);
  if (arguments.calibration) {
    return calibration_json(calibration_figures(request));
  }
  return arguments.efficiency ? peak_json(peak_figures(request)) : cost_json(request);
}

}  // namespace

Run add_cost(CLI::App& app) {
  CLI::App* command = app.add_subcommand("cost", "What a processor's events cost in energy, and its area by component");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("processor", arguments->processor, "name or YAML file [default trainer-28nm]");
  command->add_option("--set", arguments->set, "KEY=VALUE overrides a parameter; repeatable")->allow_extra_args(false);
  command->add_flag("--efficiency", arguments->efficiency,
                    "peak throughput and efficiency at every operating point instead");
  command->add_flag("--calibration", arguments->calibration,
                    "the factors of calibration, and efficiency without and with them, instead");
  command->add_flag("--json", arguments->json, "the result as JSON");
  return [arguments] {
    if (arguments->efficiency && arguments->calibration) {
      throw UsageError("--efficiency and --calibration are two reports; leave out one");
    }
    fmt::print("{}", arguments->json ? document_of(*arguments).dump(2) + "\n" : text_of(*arguments));
    return 0;
  };
}

}  // namespace trainer
