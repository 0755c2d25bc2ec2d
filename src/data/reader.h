#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace trainer {

/// What a reader makes of a folder.
struct DatasetParts {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> test;  ///< null: the folder gives no split
};

// Each format has a test of whether a folder is meant to hold it (one of its files is there; what else is missing is
// then the reader's error to report) and a reader. Readers throw UsageError naming the file.

bool is_idx_folder(const std::filesystem::path& folder);
/// MNIST's names: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-..., with or without .gz. Classes get numbers.
DatasetParts read_idx_folder(const std::filesystem::path& folder);
/// The same with class names, which also say how many classes there are.
DatasetParts read_idx_folder(const std::filesystem::path& folder, const std::vector<std::string>& class_names);

bool is_cifar10_folder(const std::filesystem::path& folder);
/// data_batch_1.bin, data_batch_2.bin, ..., test_batch.bin; class names from batches.meta.txt where it is there.
DatasetParts read_cifar10_folder(const std::filesystem::path& folder);

bool is_cifar100_folder(const std::filesystem::path& folder);
/// train.bin, test.bin (fine labels count); class names from fine_label_names.txt where it is there, else numbers.
DatasetParts read_cifar100_folder(const std::filesystem::path& folder);

bool is_npy_folder(const std::filesystem::path& folder);
/// train-images.npy, train-labels.npy, and test-images.npy, test-labels.npy or neither of these two.
DatasetParts read_npy_folder(const std::filesystem::path& folder);

bool is_image_folder(const std::filesystem::path& folder);
/// train/ and test/ (or val/) with one folder of images per class, or the class folders alone (no split then).
DatasetParts read_image_folder(const std::filesystem::path& folder);

}  // namespace trainer
