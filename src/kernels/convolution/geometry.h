#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/shape.h"

namespace trainer {

/// Shape of one convolution. X is N x C x H x W, W is K x (C/groups) x R x S, Z is N x K x P x Q.
/// A linear layer is the case H = W = R = S = 1.
struct ConvolutionGeometry {
  int64_t n = 1;  ///< batch
  int64_t c = 1;  ///< input channels
  int64_t h = 1;  ///< input rows
  int64_t w = 1;  ///< input columns
  int64_t k = 1;  ///< output channels
  int64_t r = 1;  ///< kernel rows
  int64_t s = 1;  ///< kernel columns
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t dilation = 1;
  int64_t groups = 1;

  /// Output rows and columns.
  int64_t p() const { return (h + 2 * padding - dilation * (r - 1) - 1) / stride + 1; }
  int64_t q() const { return (w + 2 * padding - dilation * (s - 1) - 1) / stride + 1; }

  Shape input() const { return {n, c, h, w}; }
  Shape output() const { return {n, k, p(), q()}; }
  /// Rows and columns of the weight's Pattern.
  int64_t weight_rows() const { return k; }
  int64_t weight_columns() const { return c / groups * r * s; }
  /// Multiply-accumulates of one phase with nothing skipped: N*K*P*Q*(C/groups)*R*S. The positions where the kernel
  /// overhangs the border count too, as in every published MAC count.
  int64_t dense_macs() const { return n * k * p() * q() * weight_columns(); }

  bool operator==(const ConvolutionGeometry&) const = default;
};

/// One convolution problem with the density of its operands: the string that drives tests, benchmarks and messages.
struct ConvolutionProblem {
  ConvolutionGeometry geometry;
  double weight_density = 1;
};

/// `n8c64k64h32r3s2p1d0.1`: n batch, c, k channels, h rows, w columns (default h), r kernel rows, q kernel columns
/// (default r), s stride (1), p padding (0), e dilation (1), g groups (1), d weight density (1).
/// Throws UsageError naming the part that is wrong, also for impossible geometry (empty output, groups that do not
/// divide the channels).
ConvolutionProblem parse_convolution_problem(std::string_view text);
/// The inverse; defaults are left out.
std::string to_string(const ConvolutionProblem& problem);
std::string to_string(const ConvolutionGeometry& geometry);
/// Throws UsageError when the geometry is impossible.
void validate(const ConvolutionGeometry& geometry);

}  // namespace trainer
