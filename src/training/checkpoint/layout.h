#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "training/checkpoint/container.h"

/// Where things are in a container, for the writer and the reader alike (docs/file-formats.md).
namespace trainer::layout {

static_assert(std::endian::native == std::endian::little, "containers are little-endian and written as they lie");

inline constexpr std::array<char, 8> kMagic = {'T', 'R', 'A', 'I', 'N', 'C', 'K', '\n'};
inline constexpr uint32_t kVersion = 1;

/// The first bytes of the file.
struct Preamble {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t reserved = 0;
  uint64_t header_bytes = 0;   ///< of JSON, padded with spaces to a multiple of kAlign
  uint64_t payload_bytes = 0;  ///< all arrays, each padded with zeros to a multiple of kAlign
};
static_assert(sizeof(Preamble) == 32);

/// CRC-32 (as in gzip) of everything before it.
using Checksum = uint32_t;

inline constexpr uint64_t kAlign = 64;
inline constexpr uint64_t padded(uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

inline constexpr std::string_view type_name(ArrayType type) { return type == ArrayType::f32 ? "f32" : "u32"; }

}  // namespace trainer::layout
