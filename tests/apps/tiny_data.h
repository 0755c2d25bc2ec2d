#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/random.h"

namespace trainer::testing_help {

inline void put_big_endian(std::ofstream& out, uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) {
    out.put(static_cast<char>(value >> shift & 0xFFU));
  }
}

/// One part of an IDX data set: 8x8 images whose class is where the bright bar is, with noise.
inline void write_idx_part(const std::filesystem::path& folder, const std::string& part, uint32_t count,
                           uint32_t classes, uint64_t seed) {
  std::ofstream images(folder / (part + "-images-idx3-ubyte"), std::ios::binary);
  std::ofstream labels(folder / (part + "-labels-idx1-ubyte"), std::ios::binary);
  put_big_endian(images, 0x00000803);
  put_big_endian(labels, 0x00000801);
  put_big_endian(images, count);
  put_big_endian(labels, count);
  put_big_endian(images, 8);
  put_big_endian(images, 8);
  Random random(seed);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t label = i % classes;
    labels.put(static_cast<char>(label));
    for (uint32_t pixel = 0; pixel < 64; ++pixel) {
      const bool bar = pixel / 8 == label * 2 || pixel / 8 == label * 2 + 1;
      images.put(static_cast<char>((bar ? 180U : 20U) + random.below(50)));
    }
  }
}

/// A data set that a small network learns within some steps.
inline std::filesystem::path write_tiny_data(const std::filesystem::path& folder, uint32_t train = 96,
                                             uint32_t classes = 4) {
  std::filesystem::create_directories(folder);
  write_idx_part(folder, "train", train, classes, 1);
  write_idx_part(folder, "t10k", 40, classes, 2);
  return folder;
}

/// Arguments of a run that takes milliseconds a step: 6 steps of 16 images an epoch. One thread, so that a busy machine
/// does not make it wait for another one hundreds of times a step. Kernels are chosen by the rule, so that two runs
/// that are compared choose alike.
inline std::vector<std::string> tiny_run(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {
      "train",           "--model", "resnet20",          "--width", "0.25",      "--data", "data", "--batch",   "16",
      "--sparsity",      "0.5",     "--update-interval", "7",       "--no-flip", "--lr",   "0.05", "--threads", "1",
      "--kernel-choice", "rule"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace trainer::testing_help
