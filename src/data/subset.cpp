#include "data/subset.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/random.h"

namespace trainer {
namespace {

constexpr uint64_t kSplitSeed = 8020;
constexpr uint32_t kTestPart = 5;  // one of five

}  // namespace

Subset::Subset(std::shared_ptr<const Dataset> whole, std::vector<uint32_t> indices)
    : whole_(std::move(whole)), indices_(std::move(indices)) {}

DatasetParts split_by_class(std::shared_ptr<const Dataset> whole, const std::string& where) {
  const auto count = static_cast<uint32_t>(whole->size());
  std::vector<std::vector<uint32_t>> of_class(whole->class_names().size());
  for (uint32_t i = 0; i < count; ++i) {
    of_class[static_cast<size_t>(whole->label(i))].push_back(i);
  }
  std::vector<bool> tests(count);
  for (size_t c = 0; c < of_class.size(); ++c) {
    const auto& images = of_class[c];
    Random random(kSplitSeed, c);
    const auto order = shuffled(static_cast<uint32_t>(images.size()), random);
    const size_t test_count = (images.size() + kTestPart / 2) / kTestPart;
    for (size_t i = 0; i < test_count; ++i) {
      tests[images[order[i]]] = true;
    }
  }
  std::vector<uint32_t> train;
  std::vector<uint32_t> test;
  for (uint32_t i = 0; i < count; ++i) {
    (tests[i] ? test : train).push_back(i);
  }
  if (train.empty() || test.empty()) {
    throw UsageError(fmt::format(
        "{}: {} images are too few to be split 80/20 within classes: add images or a test part", where, count));
  }
  return {.train = std::make_shared<Subset>(whole, std::move(train)),
          .test = std::make_shared<Subset>(std::move(whole), std::move(test))};
}

}  // namespace trainer
