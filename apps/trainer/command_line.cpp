#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "commands.h"
#include "run/version.h"

namespace trainer {
namespace {

/// The visible table of subcommands, in the order of the help.
constexpr Run (*kCommands[])(CLI::App&) = {add_train, add_evaluate, add_simulate, add_cost, add_list};

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back(name);
    }
  }
  return names;
}

/// Throws for what CLI11 could not place.
void reject_leftovers(const CLI::App& command, const std::string& name) {
  const std::vector<std::string> left = command.remaining();
  if (left.empty()) {
    return;
  }
  // A mistyped option is what explains a stray value, not the other way round.
  const auto option = std::find_if(left.begin(), left.end(), [](const auto& text) { return text.starts_with("-"); });
  if (option == left.end()) {
    throw UsageError(fmt::format("unexpected argument '{}'; `{} --help` lists what it takes", left.front(), name));
  }
  const std::string given = option->substr(0, option->find('='));
  const std::string bare = given.substr(std::min(given.find_first_not_of('-'), given.size()));
  throw UsageError(fmt::format("unknown option {}{}; `{} --help` lists all", given,
                               did_you_mean(bare, option_names(command), "--"), name));
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

int run_command_line(int count, const char* const* arguments) {
  CLI::App app("Sparse training of convolutional networks on the CPU, watched by a model of the Trainer processor",
               "trainer");
  app.set_version_flag("--version", fmt::format("trainer {}", version()));
  app.get_formatter()->column_width(32);
  app.allow_extras();
  app.require_subcommand(0, 1);  // a second command's name is a stray argument of the first
  std::vector<Run> runs;
  std::vector<const CLI::App*> commands;
  for (const auto add : kCommands) {
    runs.push_back(add(app));
  }
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    command->allow_extras();
    commands.push_back(command);
  }

  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    throw UsageError(fmt::format("{}; `trainer --help` tells more", one_line(error.what())));
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    if (commands[i]->parsed()) {
      reject_leftovers(*commands[i], "trainer " + commands[i]->get_name());
      reject_leftovers(app, "trainer");
      return runs[i]();
    }
  }
  const std::vector<std::string> left = app.remaining();
  if (!left.empty() && !left.front().starts_with("-")) {
    throw UsageError(fmt::format("unknown command '{}'{}; choose {}", left.front(),
                                 did_you_mean(left.front(), command_names(app)),
                                 fmt::format("{}", fmt::join(command_names(app), ", "))));
  }
  reject_leftovers(app, "trainer");
  throw UsageError(fmt::format("no command; choose {}, or `trainer --help`", fmt::join(command_names(app), ", ")));
}

}  // namespace trainer
