#include "run/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace trainer {

TextTable::TextTable(std::vector<std::string> header, size_t text_columns)
    : rows_{std::move(header)}, text_columns_(text_columns) {}

void TextTable::add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

void TextTable::rule() { rows_.emplace_back(); }

std::string TextTable::text() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  size_t total = widths.size() - 1;
  for (const size_t width : widths) {
    total += width;
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line = row.empty() ? std::string(total, '-') : "";
    for (size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? "" : " ";
      line += i < text_columns_ ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("{:>{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace trainer
