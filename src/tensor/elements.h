#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tensor/format.h"
#include "tensor/half.h"

namespace trainer {

/// A place in a tensor: values of either format from there on.
template <typename Byte>
struct BasicElements {
  Byte* data = nullptr;
  Format format = Format::fp32;

  BasicElements operator+(int64_t values) const { return {data + values * bytes_of(format), format}; }
  /// As pointer to values; `Value` (float or Half) must be the format's.
  template <typename Value>
  auto* as() const {
    using Result = std::conditional_t<std::is_const_v<Byte>, const Value, Value>;
    return reinterpret_cast<Result*>(data);
  }
};
using ConstElements = BasicElements<const std::byte>;
using Elements = BasicElements<std::byte>;

/// body(float()) or body(Half()): what it does with values of that type.
template <typename Body>
decltype(auto) with_value_type(Format format, const Body& body) {
  return format == Format::fp16 ? body(Half()) : body(float());
}

}  // namespace trainer
