#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.h"
#include "run/listing.h"

namespace trainer {
namespace {

struct Arguments {
  std::string what;
  bool json = false;
};

}  // namespace

Run add_list(CLI::App& app) {
  CLI::App* command = app.add_subcommand("list", "Models, data sets, processors, pruning methods and more, one a line");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option(
      "what", arguments->what,
      "models, data, processors, costs, operating-points, methods, optimizers, schedules or kernels [default all]");
  command->add_flag("--json", arguments->json, "as JSON");
  return [arguments] {
    fmt::print("{}", listing(arguments->what, arguments->json));
    return 0;
  };
}

}  // namespace trainer
