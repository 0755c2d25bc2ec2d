#include <fmt/format.h>
#include <zlib.h>

#include <cstring>
#include <fstream>

#include "base/error.h"
#include "training/checkpoint/container.h"
#include "training/checkpoint/layout.h"

namespace trainer {
namespace {

using layout::Checksum;
using layout::Preamble;

}  // namespace

Container::Container(const std::filesystem::path& file) : file_(file) {
  std::ifstream input(file, std::ios::binary);
  std::error_code error;
  const uint64_t size = input ? std::filesystem::file_size(file, error) : 0;
  if (!input || error) {
    refuse("there is no such file, or it may not be read; give the path of a checkpoint");
  }
  if (size < sizeof(Preamble) + sizeof(Checksum)) {
    refuse("it is too short for a checkpoint");
  }
  bytes_.resize(size);
  auto* const bytes = reinterpret_cast<char*>(bytes_.data());
  if (!input.read(bytes, static_cast<std::streamsize>(size))) {
    refuse("reading it failed");
  }

  Preamble preamble;
  std::memcpy(&preamble, bytes, sizeof(preamble));
  if (preamble.magic != layout::kMagic) {
    refuse("it is not a checkpoint of this program");
  }
  if (preamble.version != layout::kVersion) {
    refuse(fmt::format("it has version {} of the format, this program reads version {}", preamble.version,
                       layout::kVersion));
  }
  const uint64_t rest = size - sizeof(Preamble) - sizeof(Checksum);
  if (preamble.header_bytes > rest || preamble.payload_bytes != rest - preamble.header_bytes) {
    refuse("it is truncated or damaged (its length is not the one it states); use an older one");
  }
  Checksum stated = 0;
  std::memcpy(&stated, bytes + size - sizeof(stated), sizeof(stated));
  const uLong found = crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes), size - sizeof(stated));
  if (found != stated) {
    refuse("it is damaged (its checksum does not match); use an older one");
  }

  const uint64_t payload = sizeof(Preamble) + preamble.header_bytes;
  try {
    nlohmann::json header = nlohmann::json::parse(bytes + sizeof(Preamble), bytes + payload);
    read_places(header.at("arrays"), payload, payload + preamble.payload_bytes);
    document_ = std::move(header.at("document"));
  } catch (const nlohmann::json::exception& failure) {
    refuse(fmt::format("its header cannot be understood ({})", failure.what()));
  }
}

void Container::read_places(const nlohmann::json& list, uint64_t begin, uint64_t end) {
  for (const nlohmann::json& entry : list) {
    const std::string type = entry.at("type").get<std::string>();
    const auto offset = entry.at("offset").get<uint64_t>();
    const auto count = entry.at("count").get<uint64_t>();
    const bool known = type == layout::type_name(ArrayType::f32) || type == layout::type_name(ArrayType::u32);
    if (!known || offset % layout::kAlign != 0 || offset > end - begin || count > (end - begin - offset) / 4) {
      refuse("its header names an array that is not in it");
    }
    arrays_.push_back({entry.at("name").get<std::string>(),
                       type == layout::type_name(ArrayType::f32) ? ArrayType::f32 : ArrayType::u32, begin + offset,
                       count});
  }
}

void Container::refuse(std::string_view reason) const {
  throw UsageError(fmt::format("cannot use checkpoint {}: {}", file_.string(), reason));
}

const Container::Place& Container::place(size_t index, std::string_view name, ArrayType type) const {
  if (index >= arrays_.size()) {
    refuse(fmt::format("it has no array '{}': it is of another model or optimiser", name));
  }
  const Place& found = arrays_[index];
  if (found.name != name || found.type != type) {
    refuse(fmt::format("it has '{}' where '{}' is expected: it is of another model or optimiser", found.name, name));
  }
  return found;
}

std::span<const float> Container::floats(size_t index, std::string_view name) const {
  const Place& found = place(index, name, ArrayType::f32);
  return {reinterpret_cast<const float*>(bytes_.data() + found.offset), found.count};
}

std::span<const uint32_t> Container::integers(size_t index, std::string_view name) const {
  const Place& found = place(index, name, ArrayType::u32);
  return {reinterpret_cast<const uint32_t*>(bytes_.data() + found.offset), found.count};
}

}  // namespace trainer
