#pragma once

#include <string_view>
#include <vector>

/// Files that are part of the program (see cmake/embed.cmake).
namespace trainer::embedded {

struct File {
  std::string_view name;  ///< without folder and extension
  std::string_view text;
};

const std::vector<File>& processors();   ///< processors/*.yaml
const std::vector<File>& cost_tables();  ///< cost/*.yaml

}  // namespace trainer::embedded
