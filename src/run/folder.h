#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace trainer {

struct CheckpointFile {
  int64_t step = 0;
  std::filesystem::path file;
};

/// The folder of one run (docs/run-folder.md), locked against a second writer while the object lives.
class RunFolder {
 public:
  /// Makes `path`, which must not exist or be empty. Throws UsageError, or SystemFailure where it cannot be made.
  static RunFolder create(const std::filesystem::path& path);
  /// Makes runs/<model>-<data>-<number> with the first free number.
  static RunFolder create_numbered(const std::string& model, const std::string& data);
  /// An existing run. Throws UsageError where `path` is none, or another process trains in it.
  static RunFolder open(const std::filesystem::path& path);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  ~RunFolder();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return path_ / "run.yaml"; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.sqlite"; }
  std::filesystem::path summary_file() const { return path_ / "summary.json"; }
  std::filesystem::path onnx_file() const { return path_ / "model.onnx"; }

  /// checkpoints/step-XXXXXXXX.ckpt
  std::filesystem::path checkpoint_file(int64_t step) const;
  /// Removes all but the newest `keep` checkpoints.
  void prune_checkpoints(int64_t keep) const;
  /// Renames a damaged checkpoint so that it is none any more; returns its new name.
  std::string set_aside(const CheckpointFile& checkpoint) const;

 private:
  RunFolder(std::filesystem::path path, bool fresh);

  std::filesystem::path path_;
  int lock_ = -1;
};

/// Throws UsageError where create(path) would, before anything expensive is done.
void check_new_folder(const std::filesystem::path& path);

/// The checkpoints of a run folder, newest first.
std::vector<CheckpointFile> list_checkpoints(const std::filesystem::path& run);

}  // namespace trainer
