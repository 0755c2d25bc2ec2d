#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trainer {

/// A value of a YAML file under its dotted key, such as "array.lanes".
struct YamlScalar {
  std::string key;
  std::string value;
  int line;  ///< counted from 1
};

/// All values of a YAML map of maps, in the file's order. Throws UsageError (file, line) for text that is not that.
std::vector<YamlScalar> read_keyed_yaml(std::string_view text, const std::string& file);

/// The candidate with the smallest edit distance to `name`; a key under another parent counts as near.
std::string_view nearest_key(std::string_view name, const std::vector<std::string_view>& candidates);

/// The text of a file. Throws UsageError when it cannot be read.
std::string read_text_file(const std::string& path);

}  // namespace trainer
