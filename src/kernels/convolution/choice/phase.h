#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace trainer {

/// The phases of a convolution: each takes the path that is faster for it.
enum class ConvolutionPhase { feedforward, backpropagation, weight_gradient };

inline constexpr std::array<ConvolutionPhase, 3> kConvolutionPhases = {
    ConvolutionPhase::feedforward, ConvolutionPhase::backpropagation, ConvolutionPhase::weight_gradient};

/// "FF", "BP", "WG".
constexpr std::string_view to_string(ConvolutionPhase phase) {
  constexpr std::array<std::string_view, 3> kNames = {"FF", "BP", "WG"};
  return kNames[static_cast<size_t>(phase)];
}

/// One of something for each phase.
template <typename T>
struct PerPhase {
  std::array<T, 3> of{};

  T& operator[](ConvolutionPhase phase) { return of[static_cast<size_t>(phase)]; }
  const T& operator[](ConvolutionPhase phase) const { return of[static_cast<size_t>(phase)]; }
  bool operator==(const PerPhase&) const = default;
};

}  // namespace trainer
