#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/aligned.h"

/// The file under a checkpoint: named arrays of 32-bit numbers and a JSON document, with one checksum over all
/// (docs/file-formats.md). It knows nothing of networks.
namespace trainer {

enum class ArrayType { f32, u32 };

/// An array to write: `bytes` must outlive the write.
struct StoredArray {
  std::string name;
  ArrayType type = ArrayType::f32;
  std::span<const std::byte> bytes;
};

StoredArray stored(std::string name, std::span<const float> values);
StoredArray stored(std::string name, std::span<const uint32_t> values);

/// Writes atomically (see AtomicFile). Throws SystemFailure; UsageError when a text of the document is not UTF-8.
void write_container(const std::filesystem::path& file, const nlohmann::json& document,
                     std::span<const StoredArray> arrays);

/// A container read and verified.
class Container {
 public:
  /// Throws UsageError: missing, not a checkpoint, another version, truncated, damaged.
  explicit Container(const std::filesystem::path& file);

  const std::filesystem::path& file() const { return file_; }
  const nlohmann::json& document() const { return document_; }
  size_t size() const { return arrays_.size(); }
  const std::string& name(size_t index) const { return arrays_[index].name; }
  /// Array number `index` of the file, which must have this name and type: otherwise throws UsageError naming both.
  std::span<const float> floats(size_t index, std::string_view name) const;
  std::span<const uint32_t> integers(size_t index, std::string_view name) const;
  /// Throws UsageError: this checkpoint cannot be used, for `reason`.
  [[noreturn]] void refuse(std::string_view reason) const;

 private:
  struct Place {
    std::string name;
    ArrayType type = ArrayType::f32;
    uint64_t offset = 0;  // in bytes, from the start of the file
    uint64_t count = 0;
  };

  const Place& place(size_t index, std::string_view name, ArrayType type) const;
  void read_places(const nlohmann::json& list, uint64_t begin, uint64_t end);

  std::filesystem::path file_;
  AlignedVector<std::byte> bytes_;  // of the whole file
  nlohmann::json document_;
  std::vector<Place> arrays_;
};

}  // namespace trainer
