#include <fmt/format.h>
#include <zlib.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "training/checkpoint/container.h"
#include "training/checkpoint/layout.h"

namespace trainer {
namespace {

using layout::Checksum;
using layout::kAlign;
using layout::padded;
using layout::Preamble;

/// Writes on and sums up what it writes.
class Summer {
 public:
  explicit Summer(AtomicFile& file) : file_(file) {}

  void write(std::span<const std::byte> bytes) {
    if (bytes.empty()) {
      return;  // crc32_z takes a null pointer as the wish to start afresh
    }
    checksum_ = crc32_z(checksum_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    file_.write(bytes);
  }
  void pad_to(uint64_t bytes, uint64_t written) {
    static constexpr std::array<std::byte, kAlign> kZeros{};
    write(std::span(kZeros).first(bytes - written));
  }
  Checksum checksum() const { return static_cast<Checksum>(checksum_); }

 private:
  AtomicFile& file_;
  uLong checksum_ = crc32_z(0, nullptr, 0);
};

std::string header_text(const nlohmann::json& document, std::span<const StoredArray> arrays, uint64_t& payload_bytes) {
  nlohmann::json list = nlohmann::json::array();
  payload_bytes = 0;
  for (const StoredArray& array : arrays) {
    list.push_back({{"name", array.name},
                    {"type", layout::type_name(array.type)},
                    {"count", array.bytes.size() / 4},
                    {"offset", payload_bytes}});
    payload_bytes += padded(array.bytes.size());
  }
  std::string text;
  try {
    text = nlohmann::json{{"arrays", std::move(list)}, {"document", document}}.dump();
  } catch (const nlohmann::json::type_error& error) {
    throw UsageError(fmt::format("a name or text to be kept in the checkpoint is not UTF-8: {}", error.what()));
  }
  // The preamble and the header together fill whole alignments, so that every array starts on one.
  text.append(padded(sizeof(Preamble) + text.size()) - sizeof(Preamble) - text.size(), ' ');
  return text;
}

}  // namespace

StoredArray stored(std::string name, std::span<const float> values) {
  return {std::move(name), ArrayType::f32, std::as_bytes(values)};
}

StoredArray stored(std::string name, std::span<const uint32_t> values) {
  return {std::move(name), ArrayType::u32, std::as_bytes(values)};
}

void write_container(const std::filesystem::path& file, const nlohmann::json& document,
                     std::span<const StoredArray> arrays) {
  Preamble preamble;
  const std::string header = header_text(document, arrays, preamble.payload_bytes);
  preamble.header_bytes = header.size();

  AtomicFile output(file);
  Summer summer(output);
  summer.write(std::as_bytes(std::span(&preamble, 1)));
  summer.write(std::as_bytes(std::span(header)));
  for (const StoredArray& array : arrays) {
    summer.write(array.bytes);
    summer.pad_to(padded(array.bytes.size()), array.bytes.size());
  }
  const Checksum checksum = summer.checksum();
  output.write(std::as_bytes(std::span(&checksum, 1)));
  output.commit();
}

}  // namespace trainer
