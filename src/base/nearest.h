#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace trainer {

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (restricted
/// Damerau-Levenshtein).
size_t edit_distance(std::string_view a, std::string_view b);

/// The name of `known` that `text` was most likely meant to be, or "" where none is near (more than a third of the
/// letters differ, by edit_distance).
std::string nearest_name(std::string_view text, const std::vector<std::string>& known);

/// " (did you mean '<prefix>X'?)" for the nearest name, or "".
std::string did_you_mean(std::string_view text, const std::vector<std::string>& known, std::string_view prefix = "");

}  // namespace trainer
