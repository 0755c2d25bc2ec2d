#pragma once

#include <map>
#include <memory>

#include "network/step_hook.h"
#include "processor/bitmap_view.h"
#include "tensor/bitmap.h"

namespace trainer {

/// The bitmaps of one step's tensors, made once and shared by all processors.
///
/// X of a layer must not change between its FF and its WG: training itself needs that, and it lets WG, and other layers
/// that read the same X, use the bitmap that FF made.
class StepBitmaps {
 public:
  /// Forgets what belongs to the previous step (its memory is kept).
  void begin_step();

  /// X of `layer`, with the halo and stride that its geometry needs.
  BitmapView input(const ContractionLayer& layer, const Tensor& X);
  /// Outputs of `layer` that training did not skip; valid until the next call.
  const Bitmap& wanted(const ContractionLayer& layer, const SkippedOutputs& skipped);
  /// Packs dZ of `layer` anew: call when it is complete.
  void set_gradient(const ContractionLayer& layer, const Tensor& dZ);
  /// What set_gradient packed for this layer; packs `dZ` where it has not been called for it.
  BitmapView gradient(const ContractionLayer& layer, const Tensor& dZ);

 private:
  struct Entry {
    Bitmap bitmap;
    const float* source = nullptr;  // null: of an earlier step
    int64_t serial = 0;
  };

  std::map<int, std::shared_ptr<Entry>> inputs_;  // by layer; layers that read the same X share one
  std::map<int, std::shared_ptr<Entry>> own_;     // each layer's own entry, kept over steps
  int64_t last_serial_ = 0;
  Bitmap wanted_;
  Bitmap gradient_;
  int gradient_layer_ = -1;
  int64_t gradient_serial_ = 0;
};

}  // namespace trainer
