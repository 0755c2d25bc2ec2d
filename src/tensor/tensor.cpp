#include "tensor/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <new>

#include "tensor/aligned.h"

namespace trainer {

std::string to_string(const Shape& shape) { return fmt::format("{}x{}x{}x{}", shape.n, shape.c, shape.h, shape.w); }

Tensor::Tensor(Shape shape) : shape_(shape) {
  AlignedAllocator<float> allocator;
  const auto count = static_cast<size_t>(std::max<int64_t>(shape.size(), 1));
  storage_ = std::shared_ptr<float>(allocator.allocate(count),
                                    [count](float* memory) { AlignedAllocator<float>().deallocate(memory, count); });
  data_ = storage_.get();
  fill(0);
}

Tensor::Tensor(Shape shape, float* memory) : shape_(shape), data_(memory) {}

Tensor Tensor::reshaped(Shape shape) const {
  assert(shape.size() == size() && shape.n == shape_.n);
  Tensor view = *this;
  view.shape_ = shape;
  return view;
}

Tensor Tensor::clone() const {
  Tensor copy(shape_);
  std::copy_n(data_, size(), copy.data_);
  return copy;
}

void Tensor::fill(float value) { std::fill_n(data_, size(), value); }

}  // namespace trainer
