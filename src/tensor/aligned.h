#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace trainer {

/// Memory for vector loads: cache-line aligned.
inline constexpr size_t kAlignment = 64;

/// Arrays from this size on start at a large page and ask the system for large pages: kernels walk activations with
/// strides of many small pages, and translating those addresses costs them a tenth of their time.
inline constexpr size_t kLargePage = size_t{1} << 21;

/// Asks for large pages where the system has them; it is free to refuse.
void prefer_large_pages(void* memory, size_t bytes);

template <typename T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>& /*other*/) {}

  T* allocate(size_t count) {
    void* memory = ::operator new(count * sizeof(T), alignment(count));
    if (count * sizeof(T) >= kLargePage) {
      prefer_large_pages(memory, count * sizeof(T));
    }
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) { ::operator delete(memory, alignment(count)); }

  static std::align_val_t alignment(size_t count) {
    return std::align_val_t{count * sizeof(T) >= kLargePage ? kLargePage : kAlignment};
  }

  template <typename U>
  bool operator==(const AlignedAllocator<U>& /*other*/) const {
    return true;
  }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace trainer
