#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/input_file.h"

namespace trainer {

/// What the header of a NumPy .npy file says (NEP 1: a magic string, a version, a length, a Python literal).
struct NpyHeader {
  char order = '|';  ///< byte order: '<' little, '>' big, '|' one byte
  char kind = 'u';   ///< 'u', 'i', 'f', ...
  int item_size = 1;
  bool fortran_order = false;
  std::vector<uint64_t> shape;
};

/// Reads up to the first value. Throws UsageError when it is not a .npy header of a plain type.
NpyHeader read_npy_header(InputFile& file);

/// The Python literal of a header, for example {'descr': '|u1', 'fortran_order': False, 'shape': (3, 4), }.
NpyHeader parse_npy_literal(std::string_view text, const std::string& file);

}  // namespace trainer
