#include "kernels/convolution/exact.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/convolution/half/half_kernels.h"

namespace trainer::testing {
namespace {

/// Calls body(weight, x, z) for each product: the weight's index among the unpruned ones, and the index in X and in Z
/// of what it meets.
template <typename Body>
void for_each_product(const Operands& o, const Body& body) {
  const ConvolutionGeometry& g = o.geometry;
  const auto index = [](const Tensor& tensor, int64_t channel, int64_t row, int64_t column) {
    const Shape& shape = tensor.shape();
    return static_cast<size_t>(((channel * shape.h + row) * shape.w + column) * shape.n);
  };
  for (int64_t k = 0; k < g.k; ++k) {
    const int64_t group = k / (g.k / g.groups);
    const uint32_t end = o.pattern->row_begin()[static_cast<size_t>(k) + 1];
    for (uint32_t i = o.pattern->row_begin()[static_cast<size_t>(k)]; i < end; ++i) {
      const int64_t column = o.pattern->column_at(k, i);
      const int64_t c = group * (g.c / g.groups) + column / (g.r * g.s);
      const int64_t r = column % (g.r * g.s) / g.s;
      const int64_t s = column % g.s;
      for (int64_t p = 0; p < g.p(); ++p) {
        for (int64_t q = 0; q < g.q(); ++q) {
          const int64_t h = p * g.stride + r * g.dilation - g.padding;
          const int64_t w = q * g.stride + s * g.dilation - g.padding;
          if (h < 0 || h >= g.h || w < 0 || w >= g.w) {
            continue;
          }
          const size_t x = index(o.X, c, h, w);
          const size_t z = index(o.dZ, k, p, q);
          for (size_t n = 0; n < static_cast<size_t>(g.n); ++n) {  // the batch is innermost
            body(i, x + n, z + n);
          }
        }
      }
    }
  }
}

struct Fault {
  double excess = 1;  // the error in units of the bound
  std::string text;
};

void find_fault(std::string_view what, std::span<const float> got, const ExactSums& exact, KernelPath path,
                Fault& worst) {
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - exact.sum[i]);
    const auto [relative, absolute] = error_bound(path, exact.terms[i]);
    const double bound = relative * exact.magnitude[i] + absolute;
    if (error <= bound) {
      continue;
    }
    const double excess = std::isfinite(error) && bound > 0 ? error / bound : std::numeric_limits<double>::infinity();
    if (worst.text.empty() || excess > worst.excess) {
      worst.excess = excess;
      worst.text = fmt::format("{}[{}] is {}, the exact sum of {} products is {}: off by {:.3g}, {:.3g} allowed", what,
                               i, got[i], exact.terms[i], exact.sum[i], error, bound);
    }
  }
}

}  // namespace

ExactResults::ExactResults(const Operands& o)
    : Z(o.dZ.size()), dX(o.X.size()), dX_accumulated(o.X.size()), dW(static_cast<int64_t>(o.W.size())) {
  for (size_t i = 0; i < dX_accumulated.sum.size(); ++i) {
    dX_accumulated.add(i, static_cast<double>(o.dX.data()[i]));
  }
  for_each_product(o, [&](size_t weight, size_t x, size_t z) {
    const auto w_value = static_cast<double>(o.W[weight]);
    const auto x_value = static_cast<double>(o.X.data()[x]);
    const auto dz_value = static_cast<double>(o.dZ.data()[z]);
    Z.add(z, w_value * x_value);
    dX.add(x, w_value * dz_value);
    dX_accumulated.add(x, w_value * dz_value);
    dW.add(weight, x_value * dz_value);
  });
}

double error_bound(int64_t terms) {
  constexpr double kUnit = 0.5 * static_cast<double>(std::numeric_limits<float>::epsilon());
  const auto t = static_cast<double>(terms);
  const double always = t * kUnit / (1 - t * kUnit);
  const double likely = std::expm1(8 * std::sqrt(t) * kUnit + t * kUnit * kUnit / (1 - kUnit));
  return terms < 64 ? always : likely;
}

ErrorBound half_error_bound(int64_t terms) {
  const int64_t roundings = std::min<int64_t>(terms, kHalfChunk);
  const double in_fp16 = std::pow(1 + std::ldexp(1.0, -11), static_cast<double>(roundings));
  const double relative = in_fp16 * (1 + error_bound(terms)) - 1;
  return {relative, static_cast<double>(terms) * std::ldexp(1.0, -25) * (1 + relative)};
}

ErrorBound error_bound(KernelPath path, int64_t terms) {
  return path == KernelPath::half ? half_error_bound(terms) : ErrorBound{error_bound(terms), 0};
}

std::string compare(const Results& results, const Operands& operands, std::string_view problem, KernelPath path) {
  const ExactResults exact(operands);
  Fault worst;
  find_fault("Z", results.Z.values(), exact.Z, path, worst);
  find_fault("dX", results.dX.values(), exact.dX, path, worst);
  find_fault("accumulated dX", results.dX_accumulated.values(), exact.dX_accumulated, path, worst);
  find_fault("dW", results.dW, exact.dW, path, worst);
  return worst.text.empty() ? "" : fmt::format("{}: {}", problem, worst.text);
}

}  // namespace trainer::testing
