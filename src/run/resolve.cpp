#include "run/resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/parallel.h"
#include "network/precision.h"
#include "processor/simulation.h"
#include "run/processor_request.h"

namespace trainer {
namespace {

constexpr int64_t kLargestImage = 16384;

int64_t parse_extent(std::string_view part, const std::string& text) {
  int64_t value = 0;
  const auto [stopped, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (error != std::errc() || stopped != part.data() + part.size() || value < 1 || value > kLargestImage) {
    throw UsageError(
        fmt::format("image-size: '{}' is not a size; give SIZE or HEIGHTxWIDTH, 1 .. {} each", text, kLargestImage));
  }
  return value;
}

std::string absolute_path(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

void resolve_data(RunConfig& config, const DataSplit& data) {
  const auto& known = dataset_list();
  const bool named = std::any_of(known.begin(), known.end(), [&](const auto& e) { return e.name == config.data; });
  if (!named) {
    config.data = absolute_path(config.data);
  }
  if (!config.is_given("image-size")) {
    config.image_size = fmt::format("{}x{}", data.height, data.width);
  }
  const ImageSize size = parse_image_size(config.image_size);
  config.image_size = fmt::format("{}x{}", size.height, size.width);
  if (!config.is_given("flip")) {
    config.flip = data.train->channels() == 3 || config.data == "fashion-mnist";
  }
  if (!config.is_given("crop-padding")) {
    config.crop_padding = (std::min(size.height, size.width) + 4) / 8;
  }
  const int64_t images = data.train->size();
  if (images < config.batch) {
    throw UsageError(fmt::format("batch: {} is more than the {} training images of {}; give a smaller --batch",
                                 config.batch, images, config.data));
  }
}

void resolve_training(RunConfig& config, int64_t steps_per_epoch) {
  const bool adamw = config.optimizer == "adamw";
  if (!config.is_given("lr")) {
    config.lr = adamw ? 0.001 : 0.05 * static_cast<double>(config.batch) / 64;
    config.lr *= config.init.empty() ? 1 : 0.1;
  }
  if (!config.is_given("start")) {
    config.start = config.init.empty() ? "random" : "magnitude";
  }
  if (!config.is_given("weight-decay")) {
    config.weight_decay = adamw ? 0.01 : 5e-4;
  }
  double epochs = static_cast<double>(config.epochs);
  if (config.max_steps > 0) {
    epochs = std::min(epochs, static_cast<double>(config.max_steps) / static_cast<double>(steps_per_epoch));
  }
  if (!config.is_given("warmup")) {
    config.warmup = std::min(1.0, epochs / 10);
  }
  if (config.warmup > epochs) {
    throw UsageError(
        fmt::format("warmup: {} epochs are more than the whole run of {:.4g}; give fewer", config.warmup, epochs));
  }
  (void)parse_precision(config.precision, config.fp8_format);  // throws now what would end the run later
  if (config.precision != "fp8" && config.fp8_format != find_run_option("fp8-format")->default_value) {
    throw UsageError(fmt::format("fp8-format: {} changes nothing with precision {}; add --precision fp8",
                                 config.fp8_format, config.precision));
  }
  if (config.begin_at >= config.stop_at && config.sparsity > 0) {
    throw UsageError(
        fmt::format("begin-at: {} is not before stop-at {}; give a smaller value", config.begin_at, config.stop_at));
  }
  if (!config.init.empty()) {
    config.init = absolute_path(config.init);
  }
  if (!config.is_given("threads")) {
    config.threads = thread_count();
  }
}

void resolve_processors(RunConfig& config) {
  const auto& known = processor_list();
  for (std::string& processor : config.processor) {
    ProcessorText text = parse_processor_text(processor);
    std::string& name = text.name_or_file;
    const bool named = std::any_of(known.begin(), known.end(), [&](const auto& e) { return e.name == name; });
    // A name with no file of that name stays, for the message that lists the known ones.
    if (!named && std::filesystem::exists(name)) {
      name = absolute_path(name);
    }
    processor = to_string(text);
  }
  // Itself, or a variant of it.
  const auto attached = [&](std::string_view name) {
    return std::any_of(config.processor.begin(), config.processor.end(), [&](const std::string& processor) {
      return parse_processor_text(processor).name_or_file == name;
    });
  };
  if (attached("trainer-28nm") && !attached("dense-28nm")) {
    config.processor.emplace_back("dense-28nm");
  }
  for (size_t i = 0; i < config.processor.size(); ++i) {
    if (std::count(config.processor.begin(), config.processor.end(), config.processor[i]) > 1) {
      throw UsageError(fmt::format("processor: {} is given twice; remove one", config.processor[i]));
    }
  }
  if (config.processor.empty() && !config.set.empty()) {
    throw UsageError("set: there is no processor whose parameter it could change; add --processor trainer-28nm");
  }
}

}  // namespace

ImageSize parse_image_size(const std::string& text) {
  const std::string_view all = text;
  const size_t cross = all.find('x');
  if (cross == std::string_view::npos) {
    const int64_t size = parse_extent(all, text);
    return {size, size};
  }
  return {parse_extent(all.substr(0, cross), text), parse_extent(all.substr(cross + 1), text)};
}

void resolve(RunConfig& config, const DataSplit& data) {
  resolve_data(config, data);
  resolve_training(config, data.train->size() / config.batch);
  resolve_processors(config);
}

}  // namespace trainer
