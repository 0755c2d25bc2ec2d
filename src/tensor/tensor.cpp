#include "tensor/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <new>

#include "tensor/aligned.h"

namespace trainer {

std::string to_string(const Shape& shape) { return fmt::format("{}x{}x{}x{}", shape.n, shape.c, shape.h, shape.w); }

Tensor::Tensor(Shape shape, Format format) : shape_(shape), format_(format) {
  AlignedAllocator<std::byte> allocator;
  const auto count = static_cast<size_t>(std::max<int64_t>(bytes(), 1));
  storage_ = std::shared_ptr<std::byte>(allocator.allocate(count), [count](std::byte* memory) {
    AlignedAllocator<std::byte>().deallocate(memory, count);
  });
  data_ = storage_.get();
  std::fill_n(data_, count, std::byte{0});
}

Tensor::Tensor(Shape shape, float* memory) : shape_(shape), data_(reinterpret_cast<std::byte*>(memory)) {}

Tensor::Tensor(Shape shape, Elements memory) : shape_(shape), format_(memory.format), data_(memory.data) {}

Tensor Tensor::reshaped(Shape shape) const {
  assert(shape.size() == size() && shape.n == shape_.n);
  Tensor view = *this;
  view.shape_ = shape;
  return view;
}

Tensor Tensor::clone() const {
  Tensor copy(shape_, format_);
  std::copy_n(data_, bytes(), copy.data_);
  return copy;
}

void Tensor::fill(float value) { std::fill_n(floats(), size(), value); }

}  // namespace trainer
