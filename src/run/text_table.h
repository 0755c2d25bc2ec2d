#pragma once

#include <string>
#include <vector>

namespace trainer {

/// A table for people: a header, rows, columns padded to their widest cell. `text_columns` first columns are aligned
/// left, numbers right.
class TextTable {
 public:
  TextTable(std::vector<std::string> header, size_t text_columns);

  void add(std::vector<std::string> cells);
  /// A line of dashes before the next row.
  void rule();
  /// One line per row, each ending in a line feed.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
  size_t text_columns_;
};

}  // namespace trainer
