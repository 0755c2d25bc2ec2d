#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>

namespace trainer::onnx_format {

/// Why one node cannot be imported. The importer collects these and goes on, so that the user sees all at once.
class NodeProblem : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A node cannot be judged because a node before it could not be imported. Not a problem of its own.
class UnknownInput : public std::exception {};

/// Bounds on what a file may ask for, far above any real network. They keep all arithmetic on shapes inside 64 bits and
/// a damaged file from asking for all the memory there is.
inline constexpr int64_t kLargestExtent = int64_t{1} << 24;  ///< of one dimension of an activation
inline constexpr int64_t kLargestSize = int64_t{1} << 40;    ///< values of one activation
inline constexpr int64_t kLargestWindow = int64_t{1} << 16;  ///< kernel, stride, padding, dilation, groups
/// Values of all constants computed while folding: weights that are turned, and integers, which only describe shapes.
inline constexpr int64_t kLargestFoldedFloats = int64_t{1} << 27;
inline constexpr int64_t kLargestFoldedIntegers = int64_t{1} << 20;
inline constexpr int kMostNodes = 20'000;

}  // namespace trainer::onnx_format
