#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace trainer {

/// Memory for vector loads: cache-line aligned.
inline constexpr size_t kAlignment = 64;

template <typename T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>& /*other*/) {}

  T* allocate(size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{kAlignment}));
  }
  void deallocate(T* memory, size_t /*count*/) { ::operator delete (memory, std::align_val_t{kAlignment}); }

  template <typename U>
  bool operator==(const AlignedAllocator<U>& /*other*/) const {
    return true;
  }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace trainer
