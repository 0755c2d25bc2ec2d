#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace trainer {

/// Declares a subcommand on `app`; the result runs it once the command line is parsed and returns the exit status.
using Run = std::function<int()>;

Run add_train(CLI::App& app);
Run add_evaluate(CLI::App& app);
Run add_simulate(CLI::App& app);
Run add_cost(CLI::App& app);
Run add_list(CLI::App& app);

}  // namespace trainer
