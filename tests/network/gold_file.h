#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace trainer::test {

/// tests/gold/network.gold; its script says what is in it.
class GoldFile {
 public:
  explicit GoldFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string header;
    if (!std::getline(file, header)) {
      throw std::runtime_error("cannot read " + path);
    }
    header_ = nlohmann::json::parse(header);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    numbers_.resize(bytes.size() / sizeof(float));
    bytes.copy(reinterpret_cast<char*>(numbers_.data()), numbers_.size() * sizeof(float));
  }

  const nlohmann::json& constants() const { return header_.at("constants"); }
  bool has(const std::string& name) const { return header_.at("tensors").contains(name); }
  std::vector<int64_t> shape(const std::string& name) const {
    return header_.at("tensors").at(name).at("shape").get<std::vector<int64_t>>();
  }
  std::span<const float> values(const std::string& name) const {
    size_t count = 1;
    for (const int64_t extent : shape(name)) {
      count *= static_cast<size_t>(extent);
    }
    const auto offset = header_.at("tensors").at(name).at("offset").get<size_t>();
    return std::span<const float>(numbers_).subspan(offset, count);
  }
  std::vector<int32_t> labels(const std::string& name) const {
    const auto numbers = values(name);
    return {numbers.begin(), numbers.end()};
  }

 private:
  nlohmann::json header_;
  std::vector<float> numbers_;
};

/// PyTorch's N,C,H,W order into a Tensor.
inline Tensor from_nchw(const Shape& shape, std::span<const float> values) {
  Tensor tensor(shape);
  size_t i = 0;
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t c = 0; c < shape.c; ++c) {
      for (int64_t h = 0; h < shape.h; ++h) {
        for (int64_t w = 0; w < shape.w; ++w) {
          tensor.at(n, c, h, w) = values[i++];
        }
      }
    }
  }
  return tensor;
}

inline std::vector<float> to_nchw(const Tensor& tensor) {
  std::vector<float> values;
  const Shape& shape = tensor.shape();
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t c = 0; c < shape.c; ++c) {
      for (int64_t h = 0; h < shape.h; ++h) {
        for (int64_t w = 0; w < shape.w; ++w) {
          values.push_back(tensor.at(n, c, h, w));
        }
      }
    }
  }
  return values;
}

}  // namespace trainer::test
