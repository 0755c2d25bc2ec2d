#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/reader.h"

namespace trainer {

/// A data set that a Debian package installs as IDX files.
struct NamedDataset {
  DatasetEntry entry;
  std::string folder;
  std::string package;
  std::vector<std::string> class_names;
};

/// Throws UsageError naming the package to install when the folder is missing.
DatasetParts read_named(const NamedDataset& dataset);

}  // namespace trainer
