#include "network/named/models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "network/initialise.h"
#include "network/named/build.h"

namespace trainer {
namespace {

struct Architecture {
  ModelEntry entry;
  Network (*build)(const ModelRequest& request, std::span<const int64_t> blocks);
  std::vector<int64_t> blocks;  ///< blocks of each stage
};

const std::vector<Architecture>& architectures() {
  static const std::vector<Architecture> all = {
      {{"resnet18", "ResNet-18: 64 to 512 channels, projection shortcuts; stem by image size"},
       named::resnet,
       {2, 2, 2, 2}},
      {{"resnet34", "ResNet-34: 64 to 512 channels, projection shortcuts; stem by image size"},
       named::resnet,
       {3, 4, 6, 3}},
      {{"resnet20", "ResNet-20 for small images: 16 to 64 channels, option-A shortcuts"},
       named::cifar_resnet,
       {3, 3, 3}},
      {{"resnet32", "ResNet-32 for small images: 16 to 64 channels, option-A shortcuts"},
       named::cifar_resnet,
       {5, 5, 5}},
      {{"resnet56", "ResNet-56 for small images: 16 to 64 channels, option-A shortcuts"},
       named::cifar_resnet,
       {9, 9, 9}},
      {{"mobilenet-v2",
        "MobileNet-v2: inverted residuals, depthwise convolutions (never pruned); strides by image size"},
       named::mobilenet_v2,
       {1, 2, 3, 4, 3, 3, 1}},
  };
  return all;
}

constexpr int64_t kSmallestImage = 8;  ///< pixels
constexpr double kWidest = 16;

void check(const ModelRequest& request) {
  const Shape& images = request.images;
  if (images.n < 1 || images.c < 1 || images.h < kSmallestImage || images.w < kSmallestImage) {
    throw UsageError(fmt::format("model {}: images are {}; at least one image and channel and {}x{} pixels are needed",
                                 request.name, to_string(images), kSmallestImage, kSmallestImage));
  }
  if (!(request.width > 0 && request.width <= kWidest)) {
    throw UsageError(
        fmt::format("model {}: width {} must be above 0 and at most {}", request.name, request.width, kWidest));
  }
  if (request.classes < 1) {
    throw UsageError(fmt::format("model {}: {} classes; at least 1 is needed", request.name, request.classes));
  }
}

}  // namespace

const std::vector<ModelEntry>& model_list() {
  static const std::vector<ModelEntry> list = [] {
    std::vector<ModelEntry> entries;
    for (const Architecture& architecture : architectures()) {
      entries.push_back(architecture.entry);
    }
    return entries;
  }();
  return list;
}

Network make_model(const ModelRequest& request) {
  const auto& all = architectures();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Architecture& entry) { return entry.entry.name == request.name; });
  if (found == all.end()) {
    std::vector<std::string_view> names;
    for (const ModelEntry& entry : model_list()) {
      names.push_back(entry.name);
    }
    throw UsageError(fmt::format("unknown model '{}': use one of {}", request.name, fmt::join(names, ", ")));
  }
  check(request);
  Network network = found->build(request, found->blocks);
  initialise(network, request.seed);
  return network;
}

}  // namespace trainer
