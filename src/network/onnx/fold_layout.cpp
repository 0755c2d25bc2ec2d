#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "network/onnx/fold.h"
#include "network/onnx/problem.h"

namespace trainer::onnx_format {
namespace {

using Dims = std::vector<int64_t>;

/// Distances between neighbours along each dimension of a row-major tensor.
Dims strides_of(std::span<const int64_t> dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * dims[i];
  }
  return strides;
}

/// The values at offset + sum(index[d] * step[d]) for every index within dims, row-major.
Constant pick(const Constant& from, Dims dims, int64_t offset, const Dims& step) {
  const auto count = static_cast<size_t>(checked_size(dims, from.largest_result()));
  Constant result{std::move(dims), {}};
  std::visit(
      [&](const auto& source) {
        std::decay_t<decltype(source)> values;
        values.reserve(count);
        Dims index(result.dims.size(), 0);
        int64_t position = offset;
        for (size_t i = 0; i < count; ++i) {
          values.push_back(source[static_cast<size_t>(position)]);
          for (size_t d = index.size(); d-- > 0;) {
            position += step[d];
            if (++index[d] < result.dims[d]) {
              break;
            }
            position -= step[d] * index[d];
            index[d] = 0;
          }
        }
        result.data = std::move(values);
      },
      from.data);
  return result;
}

Constant with_dims(const Constant& from, Dims dims) { return {std::move(dims), from.data}; }

int64_t clamped(int64_t position, int64_t extent, int64_t least, int64_t most) {
  return std::clamp(position < 0 ? position + extent : position, least, most);
}

}  // namespace

Dims reshaped(std::span<const int64_t> dims, std::span<const int64_t> target, bool allow_zero) {
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  const int64_t size = checked_size(dims, kLargestSize);
  Dims result;
  size_t open = kNone;
  for (size_t i = 0; i < target.size(); ++i) {
    int64_t extent = target[i];
    if (extent == 0 && !allow_zero && i < dims.size()) {
      extent = dims[i];
    } else if (extent == -1 && open == kNone) {
      open = i;
      extent = 1;
    }
    result.push_back(extent);
  }
  const int64_t known = checked_size(result, kLargestSize);
  if (open != kNone && known > 0 && size % known == 0) {
    result[open] = size / known;
  } else if (known != size) {
    throw NodeProblem(fmt::format("cannot reshape {} to {}", fmt::join(dims, "x"), fmt::join(target, "x")));
  }
  return result;
}

Dims flattened(std::span<const int64_t> dims, int64_t axis) {
  // Unlike elsewhere, the axis may be the rank itself.
  const auto rank = static_cast<int64_t>(dims.size());
  const size_t split = axis == rank ? dims.size() : checked_axis(axis, dims.size());
  return {checked_size(dims.first(split), kLargestSize), checked_size(dims.subspan(split), kLargestSize)};
}

Dims squeezed(std::span<const int64_t> dims, std::span<const int64_t> axes) {
  std::vector<uint8_t> drop(dims.size(), 0);
  for (const int64_t axis : axes) {
    const size_t i = checked_axis(axis, dims.size());
    if (dims[i] != 1) {
      throw NodeProblem(fmt::format("cannot squeeze axis {} of {}", axis, fmt::join(dims, "x")));
    }
    drop[i] = 1;
  }
  Dims result;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (axes.empty() ? dims[i] != 1 : drop[i] == 0) {
      result.push_back(dims[i]);
    }
  }
  return result;
}

Dims unsqueezed(std::span<const int64_t> dims, std::span<const int64_t> axes) {
  const size_t rank = dims.size() + axes.size();
  std::vector<uint8_t> added(rank, 0);
  for (const int64_t axis : axes) {
    uint8_t& mark = added[checked_axis(axis, rank)];
    if (mark != 0) {
      throw NodeProblem(fmt::format("axis {} is named twice", axis));
    }
    mark = 1;
  }
  Dims result;
  auto next = dims.begin();
  for (size_t i = 0; i < rank; ++i) {
    result.push_back(added[i] != 0 ? 1 : *next++);
  }
  return result;
}

std::vector<SliceRange> slice_ranges(std::span<const int64_t> dims, const FoldInputs& inputs, Attributes& attributes) {
  const Dims starts = axes_of(inputs, 1, attributes, "starts");
  const Dims ends = axes_of(inputs, 2, attributes, "ends");
  Dims axes = axes_of(inputs, 3, attributes, "axes");
  Dims steps = inputs.has(4) ? inputs.at(4).integers() : Dims(starts.size(), 1);
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    throw NodeProblem("starts, ends, axes and steps are of different lengths");
  }
  std::vector<SliceRange> ranges;
  for (size_t i = 0; i < starts.size(); ++i) {
    const size_t axis = checked_axis(axes[i], dims.size());
    const int64_t extent = dims[axis];
    const int64_t step = steps[i];
    if (step == 0 || step == std::numeric_limits<int64_t>::min()) {
      throw NodeProblem(fmt::format("step {}", step));
    }
    if (extent == 0) {
      ranges.push_back({axis, 0, step, 0});
      continue;
    }
    const bool forward = step > 0;
    const int64_t start = forward ? clamped(starts[i], extent, 0, extent) : clamped(starts[i], extent, 0, extent - 1);
    const int64_t end = forward ? clamped(ends[i], extent, 0, extent) : clamped(ends[i], extent, -1, extent - 1);
    const int64_t distance = forward ? end - start : start - end;
    const int64_t stride = forward ? step : -step;
    const int64_t count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
    ranges.push_back({axis, start, step, count});
  }
  return ranges;
}

namespace fold {

Constant slice(const FoldInputs& inputs, Attributes& attributes) {
  const Constant& data = inputs.at(0);
  Dims dims = data.dims;
  Dims step = strides_of(dims);
  int64_t offset = 0;
  std::vector<uint8_t> seen(dims.size(), 0);
  for (const SliceRange& range : slice_ranges(data.dims, inputs, attributes)) {
    if (std::exchange(seen[range.axis], uint8_t{1}) != 0) {
      throw NodeProblem(fmt::format("axis {} is named twice", range.axis));
    }
    dims[range.axis] = range.count;
    if (range.count > 0) {
      offset += range.start * step[range.axis];
    }
    // With one entry there is no next one to step to, and the step may be beyond any bound.
    step[range.axis] = range.count > 1 ? step[range.axis] * range.step : 0;
  }
  return pick(data, std::move(dims), offset, step);
}

Constant transpose(const FoldInputs& inputs, Attributes& attributes) {
  const Constant& data = inputs.at(0);
  const size_t rank = data.dims.size();
  Dims order(rank);
  std::iota(order.rbegin(), order.rend(), 0);
  order = attributes.integers("perm").value_or(order);
  Dims sorted = order;
  std::sort(sorted.begin(), sorted.end());
  Dims expected(rank);
  std::iota(expected.begin(), expected.end(), 0);
  if (sorted != expected) {
    throw NodeProblem(fmt::format("perm {} of a tensor with {} dimensions", fmt::join(order, ","), rank));
  }
  const Dims strides = strides_of(data.dims);
  Dims dims;
  Dims step;
  for (const int64_t axis : order) {
    dims.push_back(data.dims[static_cast<size_t>(axis)]);
    step.push_back(strides[static_cast<size_t>(axis)]);
  }
  return pick(data, std::move(dims), 0, step);
}

Constant gather(const FoldInputs& inputs, Attributes& attributes) {
  const Constant& data = inputs.at(0);
  const Constant& indices = inputs.at(1);
  const size_t axis = checked_axis(attributes.integer("axis", 0), data.dims.size());
  const int64_t extent = data.dims[axis];
  const auto split = data.dims.begin() + static_cast<Dims::difference_type>(axis);
  const int64_t outer = std::accumulate(data.dims.begin(), split, int64_t{1}, std::multiplies<>());
  const int64_t inner = std::accumulate(split + 1, data.dims.end(), int64_t{1}, std::multiplies<>());
  Constant result{Dims(data.dims.begin(), split), {}};
  result.dims.insert(result.dims.end(), indices.dims.begin(), indices.dims.end());
  result.dims.insert(result.dims.end(), split + 1, data.dims.end());
  checked_size(result.dims, data.largest_result());
  std::visit(
      [&](const auto& source) {
        std::decay_t<decltype(source)> values;
        for (int64_t o = 0; o < outer; ++o) {
          for (const int64_t index : indices.integers()) {
            const auto from = static_cast<int64_t>(checked_axis(index, static_cast<size_t>(extent)));
            const auto begin = source.begin() + (o * extent + from) * inner;
            values.insert(values.end(), begin, begin + inner);
          }
        }
        result.data = std::move(values);
      },
      data.data);
  return result;
}

Constant concat(const FoldInputs& inputs, Attributes& attributes) {
  const Constant& first = inputs.at(0);
  const size_t axis = checked_axis(attributes.integer("axis", 0), first.dims.size());
  Constant result{first.dims, {}};
  result.dims[axis] = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Dims dims = inputs.at(i).dims;
    if (dims.size() != first.dims.size() || inputs.at(i).is_float() != first.is_float()) {
      throw NodeProblem("parts of different shapes or types");
    }
    result.dims[axis] += dims[axis];
    dims[axis] = first.dims[axis];
    if (dims != first.dims) {
      throw NodeProblem("parts of different shapes");
    }
  }
  checked_size(result.dims, first.largest_result());
  const auto split = first.dims.begin() + static_cast<Dims::difference_type>(axis);
  const int64_t outer = std::accumulate(first.dims.begin(), split, int64_t{1}, std::multiplies<>());
  std::visit(
      [&](const auto& of_type) {
        using Values = std::decay_t<decltype(of_type)>;
        Values values;
        for (int64_t o = 0; o < outer; ++o) {
          for (size_t i = 0; i < inputs.size(); ++i) {
            const Values& part = std::get<Values>(inputs.at(i).data);
            const int64_t run = static_cast<int64_t>(part.size()) / outer;
            values.insert(values.end(), part.begin() + o * run, part.begin() + (o + 1) * run);
          }
        }
        result.data = std::move(values);
      },
      first.data);
  return result;
}

Constant reshape(const FoldInputs& inputs, Attributes& attributes) {
  const Constant& data = inputs.at(0);
  const bool allow_zero = attributes.integer("allowzero", 0) != 0;
  return with_dims(data, reshaped(data.dims, axes_of(inputs, 1, attributes, "shape"), allow_zero));
}

Constant flatten(const FoldInputs& inputs, Attributes& attributes) {
  return with_dims(inputs.at(0), flattened(inputs.at(0).dims, attributes.integer("axis", 1)));
}

Constant squeeze(const FoldInputs& inputs, Attributes& attributes) {
  return with_dims(inputs.at(0), squeezed(inputs.at(0).dims, axes_of(inputs, 1, attributes, "axes")));
}

Constant unsqueeze(const FoldInputs& inputs, Attributes& attributes) {
  return with_dims(inputs.at(0), unsqueezed(inputs.at(0).dims, axes_of(inputs, 1, attributes, "axes")));
}

}  // namespace fold
}  // namespace trainer::onnx_format
