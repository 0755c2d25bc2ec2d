#pragma once

#include <cstdint>

#include "tensor/bitmap.h"

namespace trainer {

/// A tensor's bitmap and a number that changes whenever its content does.
struct BitmapView {
  const Bitmap& bits;
  int64_t serial;
};

}  // namespace trainer
