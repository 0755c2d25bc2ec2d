#include "tensor/aligned.h"

#include <sys/mman.h>

namespace trainer {

void prefer_large_pages(void* memory, size_t bytes) {
  // A refusal costs speed alone, so the answer does not matter.
  static_cast<void>(madvise(memory, bytes / kLargePage * kLargePage, MADV_HUGEPAGE));
}

}  // namespace trainer
