#include "processor/step_bitmaps.h"

namespace trainer {

void StepBitmaps::begin_step() {
  inputs_.clear();
  for (auto& [index, entry] : own_) {
    entry->source = nullptr;
  }
  gradient_layer_ = -1;
}

BitmapView StepBitmaps::input(const ContractionLayer& layer, const Tensor& X) {
  const ConvolutionGeometry& geometry = layer.geometry;
  const auto serves = [&](const Entry& entry) {
    return entry.source == X.data() && entry.bitmap.shape() == X.shape() && entry.bitmap.stride() == geometry.stride &&
           entry.bitmap.halo() >= geometry.padding;
  };
  std::shared_ptr<Entry>& used = inputs_[layer.index];
  if (used && serves(*used)) {
    return {used->bitmap, used->serial};
  }
  for (const auto& [index, entry] : own_) {
    if (serves(*entry)) {
      used = entry;
      return {used->bitmap, used->serial};
    }
  }
  std::shared_ptr<Entry>& own = own_[layer.index];
  if (!own) {
    own = std::make_shared<Entry>();
  }
  own->bitmap.assign(X, geometry.padding, geometry.stride);
  own->source = X.data();
  own->serial = ++last_serial_;
  used = own;
  return {own->bitmap, own->serial};
}

const Bitmap& StepBitmaps::wanted(const ContractionLayer& layer, const SkippedOutputs& skipped) {
  wanted_.assign_complement(layer.geometry.output(), skipped.bits, skipped.words_per_channel);
  return wanted_;
}

void StepBitmaps::set_gradient(const ContractionLayer& layer, const Tensor& dZ) {
  gradient_.assign(dZ, 0, 1);
  gradient_layer_ = layer.index;
  gradient_serial_ = ++last_serial_;
}

BitmapView StepBitmaps::gradient(const ContractionLayer& layer, const Tensor& dZ) {
  if (gradient_layer_ != layer.index) {
    set_gradient(layer, dZ);
  }
  return {gradient_, gradient_serial_};
}

}  // namespace trainer
