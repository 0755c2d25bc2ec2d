#include "speculation/classes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.h"

namespace trainer {
namespace {

struct NamedClass {
  std::string_view name;
  bool SpeculationClasses::*member;
};
constexpr std::array<NamedClass, 4> kClasses = {{{"ff", &SpeculationClasses::feedforward},
                                                 {"bp", &SpeculationClasses::backpropagation},
                                                 {"gradients", &SpeculationClasses::gradients},
                                                 {"wg", &SpeculationClasses::weight_gradient}}};
constexpr SpeculationClasses kAll = {true, true, true, true};

}  // namespace

SpeculationClasses parse_speculation(std::string_view text, std::string_view where) {
  if (text == "none") {
    return {};
  }
  if (text == "all") {
    return kAll;
  }
  SpeculationClasses classes;
  for (bool more = true; more;) {
    const size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    const auto* const found =
        std::find_if(kClasses.begin(), kClasses.end(), [name](const NamedClass& c) { return c.name == name; });
    if (found == kClasses.end()) {
      throw UsageError(fmt::format(
          "{}: '{}' is not a class of speculation; give none, all, auto, or a list of ff, bp, gradients, wg", where,
          name));
    }
    classes.*(found->member) = true;
    more = comma != std::string_view::npos;
    text.remove_prefix(more ? comma + 1 : text.size());
  }
  return classes;
}

std::string to_text(const SpeculationClasses& classes) {
  if (classes == kAll) {
    return "all";
  }
  std::vector<std::string_view> names;
  for (const NamedClass& named : kClasses) {
    if (classes.*(named.member)) {
      names.push_back(named.name);
    }
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ","));
}

}  // namespace trainer
