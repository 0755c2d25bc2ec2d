#include "run/kernel_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <system_error>

#include "base/atomic_file.h"
#include "base/error.h"
#include "kernels/convolution/choice/measure.h"

namespace trainer {
namespace fs = std::filesystem;
namespace {

/// Held by the one process that measures. Where the lock file cannot be made there is no cache to share either.
class CacheLock {
 public:
  explicit CacheLock(const fs::path& file)
      : descriptor_(file.empty() ? -1 : ::open((file.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (descriptor_ >= 0) {
      ::flock(descriptor_, LOCK_EX);
    }
  }
  ~CacheLock() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  CacheLock(const CacheLock&) = delete;
  CacheLock& operator=(const CacheLock&) = delete;

 private:
  int descriptor_;
};

/// "kernels-amd-epyc-avx3-0.2.0.json"
std::string file_name(const nlohmann::json& machine) {
  std::string name = "kernels";
  for (const char* key : {"processor", "vectors", "version"}) {
    name += fmt::format("-{}", machine.at(key).get<std::string>());
  }
  for (char& letter : name) {
    const auto byte = static_cast<unsigned char>(letter);
    letter = std::isalnum(byte) != 0 || letter == '.' ? static_cast<char>(std::tolower(byte)) : '-';
  }
  name.erase(std::unique(name.begin(), name.end(), [](char a, char b) { return a == '-' && b == '-'; }), name.end());
  return name + ".json";
}

nlohmann::json to_json(const SparseCost& cost) {
  return {{"fixed_s", cost.fixed_s}, {"per_density_s", cost.per_density_s}};
}

nlohmann::json to_json(const CostModel& model) {
  nlohmann::json document = {{"highway", to_json(model.highway)}, {"onednn_s", model.onednn_s}};
  if (model.half) {
    document["half"] = to_json(*model.half);
  }
  return document;
}

/// Throws nlohmann::json::exception, or UsageError for a time that nothing can take.
double seconds_from_json(const nlohmann::json& document) {
  const auto seconds = document.get<double>();
  if (!std::isfinite(seconds) || seconds < 0) {
    throw UsageError("a time below zero");
  }
  return seconds;
}

SparseCost sparse_cost_from_json(const nlohmann::json& document) {
  return {seconds_from_json(document.at("fixed_s")), seconds_from_json(document.at("per_density_s"))};
}

CostModel cost_model_from_json(const nlohmann::json& document) {
  CostModel model;
  model.highway = sparse_cost_from_json(document.at("highway"));
  if (const auto half = document.find("half"); half != document.end()) {
    model.half = sparse_cost_from_json(*half);
  }
  model.onednn_s = seconds_from_json(document.at("onednn_s"));
  return model;
}

CostModels models_from_json(const nlohmann::json& document) {
  CostModels models;
  for (const auto& [problem, phases] : document.items()) {
    PerPhase<CostModel>& of = models[problem];
    for (const ConvolutionPhase phase : kConvolutionPhases) {
      of[phase] = cost_model_from_json(phases.at(std::string(to_string(phase))));
    }
  }
  return models;
}

nlohmann::json models_to_json(const CostModels& models) {
  nlohmann::json document = nlohmann::json::object();
  for (const auto& [problem, of] : models) {
    for (const ConvolutionPhase phase : kConvolutionPhases) {
      document[problem][std::string(to_string(phase))] = to_json(of[phase]);
    }
  }
  return document;
}

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

fs::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string own = variable("TRAINER_CACHE"); !own.empty()) {
    return own == "off" ? fs::path() : fs::path(own);
  }
  // A relative XDG_CACHE_HOME is to be ignored (XDG base directory specification).
  if (const fs::path all = variable("XDG_CACHE_HOME"); all.is_absolute()) {
    return all / "trainer";
  }
  const std::string home = variable("HOME");
  return home.empty() ? fs::path() : fs::path(home) / ".cache" / "trainer";
}

KernelCache::KernelCache(const fs::path& folder, nlohmann::json machine)
    : file_(folder.empty() ? fs::path() : folder / file_name(machine)), machine_(std::move(machine)) {}

KernelCache::PerFormat KernelCache::read(std::vector<std::string>& notes) const {
  std::ifstream in(file_, std::ios::binary);
  if (file_.empty() || !in.is_open()) {
    return {};
  }
  std::stringstream text;
  text << in.rdbuf();
  try {
    const nlohmann::json document = nlohmann::json::parse(text.str());
    if (document.at("machine") != machine_) {
      notes.push_back(fmt::format("{}: measured on another machine, not used", file_.string()));
      return {};
    }
    PerFormat models;
    for (const Format format : {Format::fp32, Format::fp16}) {
      models[format] = models_from_json(document.at("models").at(std::string(to_string(format))));
    }
    return models;
  } catch (const nlohmann::json::exception&) {
    notes.push_back(fmt::format("{}: damaged, not used", file_.string()));
  } catch (const UsageError& error) {
    notes.push_back(fmt::format("{}: damaged ({}), not used", file_.string(), error.what()));
  }
  return {};
}

void KernelCache::know_what_is_kept(std::vector<std::string>& notes) {
  for (auto& [format, models] : read(notes)) {
    models.merge(known_[format]);
    known_[format] = std::move(models);
  }
}

CostModels KernelCache::load(Format format, std::vector<std::string>& notes) {
  know_what_is_kept(notes);
  return known_[format];
}

CostModels KernelCache::measure(std::span<const ConvolutionGeometry> geometries, Format format,
                                std::vector<std::string>& notes) {
  know_what_is_kept(notes);
  CostModels& known = known_[format];
  const auto is_known = [&](const ConvolutionGeometry& geometry) { return known.count(to_string(geometry)) > 0; };
  if (std::all_of(geometries.begin(), geometries.end(), is_known)) {
    return known;
  }
  std::error_code ignored;  // save() tells of a folder that cannot be written to
  fs::create_directories(file_.parent_path(), ignored);
  const CacheLock lock(file_);
  std::vector<std::string> told_already;
  know_what_is_kept(told_already);  // another process may have measured in the meantime
  std::vector<ConvolutionGeometry> missing;
  std::copy_if(geometries.begin(), geometries.end(), std::back_inserter(missing), std::not_fn(is_known));
  if (!missing.empty()) {
    const double begin = now_s();
    const std::vector<PerPhase<CostModel>> models = measure_cost_models(missing, format);
    for (size_t i = 0; i < missing.size(); ++i) {
      known.emplace(to_string(missing[i]), models[i]);
    }
    const double taken = now_s() - begin;
    const bool kept = save(notes);
    notes.push_back(fmt::format("kernels of {} shapes measured in {:.1f} s ({}){}", missing.size(), taken,
                                to_string(format), kept ? fmt::format(", kept in {}", file_.string()) : std::string()));
  }
  return known;
}

bool KernelCache::save(std::vector<std::string>& notes) const {
  if (file_.empty()) {
    return false;
  }
  try {
    nlohmann::json document = {{"machine", machine_}};
    for (const Format format : {Format::fp32, Format::fp16}) {
      const auto known = known_.find(format);
      document["models"][std::string(to_string(format))] =
          known == known_.end() ? nlohmann::json::object() : models_to_json(known->second);
    }
    write_file_atomically(file_, document.dump(1) + "\n");
    return true;
  } catch (const SystemFailure& error) {
    notes.push_back(fmt::format("measurements of kernels are not kept: {} (TRAINER_CACHE)", error.what()));
    return false;
  }
}

}  // namespace trainer
