#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "kernels/convolution/choice/cost_model.h"
#include "kernels/convolution/choice/phase.h"
#include "kernels/convolution/geometry.h"
#include "tensor/format.h"

namespace trainer {

/// Cost models in one storage format by shape, to_string(geometry).
using CostModels = std::map<std::string, PerPhase<CostModel>>;

/// Where measurements are kept: TRAINER_CACHE, or else `trainer` in XDG_CACHE_HOME, or else in ~/.cache. Empty with
/// TRAINER_CACHE=off, and where none of these is set.
std::filesystem::path cache_folder();

/// The file of measurements of one machine. A file that is damaged or another machine's is passed over, a folder that
/// cannot be written to is done without; each is a line in `notes`.
class KernelCache {
 public:
  /// `folder` empty keeps nothing; `machine` is this_machine(), in tests another.
  KernelCache(const std::filesystem::path& folder, nlohmann::json machine);

  /// What is kept of a storage format, and what this object has measured.
  CostModels load(Format format, std::vector<std::string>& notes);
  /// Of these shapes in this format, measuring those that are not kept yet and keeping them. Processes that would
  /// measure at the same time wait for each other and share what the first finds.
  CostModels measure(std::span<const ConvolutionGeometry> geometries, Format format, std::vector<std::string>& notes);
  /// Empty where nothing is kept.
  const std::filesystem::path& file() const { return file_; }

 private:
  using PerFormat = std::map<Format, CostModels>;

  PerFormat read(std::vector<std::string>& notes) const;
  void know_what_is_kept(std::vector<std::string>& notes);
  bool save(std::vector<std::string>& notes) const;

  std::filesystem::path file_;
  nlohmann::json machine_;
  PerFormat known_;
};

}  // namespace trainer
