#include "run/evaluate_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "network/onnx/import.h"
#include "run/choose_kernels.h"
#include "run/console.h"
#include "run/kernel_note.h"
#include "run/saved_model.h"
#include "run/workbench.h"
#include "training/checkpoint.h"

namespace trainer {
namespace {

/// A network to be evaluated, with what is known of its images.
struct Candidate {
  Network network;  ///< not planned yet
  SavedModel model;
  std::string trained_on;                        ///< empty where it is not known
  std::vector<ConvolutionBreakEven> break_even;  ///< what it was trained with
};

Candidate from_onnx(const std::filesystem::path& file) {
  ImportedModel imported = import_onnx(file);
  SavedModel model;
  model.name = file.filename().string();
  model.channels = imported.images.c;
  model.height = imported.images.h;
  model.image_width = imported.images.w;
  model.classes = std::move(imported.metadata.classes);
  model.classes.resize(static_cast<size_t>(imported.classes));
  model.mean = std::move(imported.metadata.mean);
  model.deviation = std::move(imported.metadata.deviation);
  return {std::move(imported.network), std::move(model), "", {}};
}

Candidate from_checkpoint(const FoundCheckpoint& found) {
  Network network = make_model(found.model.request(1, 1));
  load_weights(found.file, network);
  const nlohmann::json config = found.document.value("config", nlohmann::json::object());
  const auto break_even = config.value("kernel-break-even", std::vector<std::string>{});
  return {std::move(network), found.model, config.value("data", ""),
          parse_break_evens(break_even, found.file.string() + ": kernel-break-even")};
}

Candidate open_model(const EvaluateRequest& request, Console& console) {
  if (request.model.extension() == ".onnx") {
    return from_onnx(request.model);
  }
  const FoundCheckpoint found = find_checkpoint(request.model, "--model");
  for (const std::string& warning : found.warnings) {
    console.line(warning);
  }
  return from_checkpoint(found);
}

void check_fits(const SavedModel& model, const Dataset& images, const std::string& data) {
  if (images.channels() != model.channels) {
    throw UsageError(fmt::format("--data: {} has {} colour channels, the model takes {}; give data of the same kind",
                                 data, images.channels(), model.channels));
  }
  if (images.class_names().size() != model.classes.size()) {
    throw UsageError(
        fmt::format("--data: {} has {} classes, the model {}; fine-tune it on this data with "
                    "`trainer train --init`",
                    data, images.class_names().size(), model.classes.size()));
  }
}

}  // namespace

void evaluate_model(const EvaluateRequest& request) {
  Console console(request.json ? stderr : stdout, !request.quiet);
  Candidate candidate = open_model(request, console);
  Network& network = candidate.network;
  SavedModel& model = candidate.model;
  const std::string data = request.data.empty() ? candidate.trained_on : request.data;
  if (data.empty()) {
    throw UsageError(fmt::format("{}: does not say which data it was trained on; give --data", request.model.string()));
  }
  const DataSplit split = open_dataset(data);
  const std::shared_ptr<const Dataset> images = request.split == "train" ? split.train : split.test;
  check_fits(model, *images, data);
  if (model.mean.empty()) {
    model.mean = split.mean;
    model.deviation = split.deviation;
  }

  const int64_t batch = std::min(request.batch, images->size());
  network.plan({batch, model.channels, model.height, model.image_width}, parse_kernel_path(request.kernels));
  // With the batch of the run, the run's own choices, and so its bits; nothing is measured for an evaluation.
  use_break_evens(candidate.break_even, network);
  const std::unique_ptr<Loader> loader = evaluation_loader(images, model, batch);
  console.note(fmt::format("{}: {} on the {} images of {} ({} images)", request.model.string(), model.name,
                           request.split, data, images->size()));
  console.note(kernel_note(parse_kernel_path(request.kernels), network, std::array{ConvolutionPhase::feedforward}));

  const auto begin = std::chrono::steady_clock::now();
  const Evaluation evaluation =
      evaluate(network, *loader, [&](int64_t done, int64_t of) { console.evaluation(done, of); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double images_per_s = static_cast<double>(evaluation.images) / seconds;

  if (request.json) {
    const nlohmann::json document = {
        {"model", model.name},     {"file", request.model.string()}, {"data", data},
        {"split", request.split},  {"images", evaluation.images},    {"accuracy", evaluation.accuracy},
        {"loss", evaluation.loss}, {"images_per_s", images_per_s},   {"wall_s", seconds}};
    fmt::print("{}\n", document.dump(2));
    return;
  }
  console.line(fmt::format("{} accuracy {:.2f} %  loss {:.4f}  {} images  {:.0f} images/s", request.split,
                           100 * evaluation.accuracy, evaluation.loss, evaluation.images, images_per_s));
}

}  // namespace trainer
