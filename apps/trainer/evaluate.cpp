#include <CLI/CLI.hpp>
#include <memory>

#include "base/parallel.h"
#include "commands.h"
#include "run/config.h"
#include "run/evaluate_run.h"

namespace trainer {
namespace {

struct Arguments {
  EvaluateRequest request;
  std::string model;
  std::vector<std::string> batch;
  std::vector<std::string> threads;
  std::vector<std::string> kernels;
};

/// The options that `train` has too are checked by its table.
void take(RunConfig& config, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) {
    set_option(config, *find_run_option(key), values, std::string("--") + key);
  }
}

void declare(CLI::App& command, const char* key, std::vector<std::string>& values, const std::string& help) {
  command.add_option(std::string("--") + key, values, help)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

}  // namespace

Run add_evaluate(CLI::App& app) {
  CLI::App* command = app.add_subcommand("evaluate", "Accuracy of a trained network on a data set");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("--model", arguments->model, "run folder, checkpoint file or ONNX file")->required();
  command->add_option("--data", arguments->request.data, "data set or folder [default: what it was trained on]");
  command->add_option("--split", arguments->request.split, "part of the data [test | train; default test]")
      ->check(CLI::IsMember({"test", "train"}));
  declare(*command, "batch", arguments->batch, "images at a time [default 64]");
  declare(*command, "threads", arguments->threads, "[default all processors]");
  declare(*command, "kernels", arguments->kernels, "[auto | reference | highway | onednn; default auto]");
  command->add_flag("--quiet", arguments->request.quiet, "no progress, the result alone");
  command->add_flag("--json", arguments->request.json, "the result as JSON");
  return [arguments] {
    RunConfig config = default_config();
    take(config, "batch", arguments->batch);
    take(config, "threads", arguments->threads);
    take(config, "kernels", arguments->kernels);
    if (config.is_given("threads")) {
      set_thread_count(static_cast<int>(config.threads));
    }
    EvaluateRequest request = arguments->request;
    request.model = arguments->model;
    request.batch = config.batch;
    request.kernels = config.kernels;
    evaluate_model(request);
    return 0;
  };
}

}  // namespace trainer
