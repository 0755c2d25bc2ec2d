#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/reader.h"

namespace trainer {

/// Some images of another data set, in the order of `indices`.
class Subset : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> whole, std::vector<uint32_t> indices);

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  int64_t channels() const override { return whole_->channels(); }
  const std::vector<std::string>& class_names() const override { return whole_->class_names(); }
  int32_t label(int64_t index) const override { return whole_->label(at(index)); }
  Image read(int64_t index) const override { return whole_->read(at(index)); }
  void read_into(int64_t index, Image& image) const override { whole_->read_into(at(index), image); }

 private:
  int64_t at(int64_t index) const { return indices_[static_cast<size_t>(index)]; }

  std::shared_ptr<const Dataset> whole_;
  std::vector<uint32_t> indices_;
};

/// Splits 80/20 within each class: the images of a class are shuffled by a fixed seed and its own number, and the first
/// fifth (rounded to nearest) goes to the test part. Both parts keep the order of `whole`, so the split depends on the
/// number and order of the images alone. Throws UsageError naming `where` when a part would be empty.
DatasetParts split_by_class(std::shared_ptr<const Dataset> whole, const std::string& where);

}  // namespace trainer
