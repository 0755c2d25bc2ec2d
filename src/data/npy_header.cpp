#include "data/npy_header.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

#include "base/error.h"

namespace trainer {
namespace {

constexpr std::array<uint8_t, 6> kMagic = {0x93, 'N', 'U', 'M', 'P', 'Y'};
constexpr uint32_t kLongestHeader = 1U << 16U;
constexpr size_t kMostExtents = 32;  // NumPy's own limit

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  NpyHeader parse() {
    expect('{');
    bool has_type = false;
    bool has_order = false;
    bool has_shape = false;
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") {
        type(quoted());
        has_type = true;
      } else if (key == "fortran_order") {
        header_.fortran_order = boolean();
        has_order = true;
      } else if (key == "shape") {
        shape();
        has_shape = true;
      } else {
        fail(fmt::format("unknown key '{}'", printable(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!has_type || !has_order || !has_shape) {
      fail("'descr', 'fortran_order' or 'shape' is missing");
    }
    return header_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw UsageError(fmt::format("{}: damaged .npy header ({}): save it again with numpy.save", file_, what));
  }

  static std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 40)) {
      out += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '?';
    }
    return out;
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) {
      ++at_;
    }
  }

  bool accept(char c) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == c) {
      ++at_;
      return true;
    }
    return false;
  }

  void expect(char c) {
    if (!accept(c)) {
      fail(fmt::format("'{}' expected at byte {}", c, at_));
    }
  }

  std::string_view quoted() {
    expect('\'');
    const size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) {
      fail("a quote is not closed");
    }
    const std::string_view value = text_.substr(at_, end - at_);
    at_ = end + 1;
    return value;
  }

  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>("True", true), {"False", false}}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("True or False expected");
  }

  void type(std::string_view name) {
    // Byte order, kind, size in bytes: "<i8".
    const bool plain = name.size() == 3 && (name[0] == '<' || name[0] == '>' || name[0] == '|') && name[2] >= '1' &&
                       name[2] <= '8' && std::isalpha(static_cast<unsigned char>(name[1])) != 0;
    if (!plain) {
      throw UsageError(
          fmt::format("{}: holds values of type '{}': convert it with astype(numpy.uint8) for images or "
                      "astype(numpy.int64) for labels",
                      file_, printable(name)));
    }
    header_.order = name[0];
    header_.kind = name[1];
    header_.item_size = name[2] - '0';
  }

  void shape() {
    expect('(');
    header_.shape.clear();
    while (!accept(')')) {
      header_.shape.push_back(number());
      if (header_.shape.size() > kMostExtents) {
        fail("too many extents");
      }
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
  }

  uint64_t number() {
    skip_space();
    const size_t begin = at_;
    uint64_t value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      if (at_ - begin >= 18) {
        fail("an extent is too large");
      }
      value = value * 10 + static_cast<uint64_t>(text_[at_++] - '0');
    }
    if (at_ == begin) {
      fail(fmt::format("a number expected at byte {}", at_));
    }
    return value;
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
  NpyHeader header_;
};

}  // namespace

NpyHeader parse_npy_literal(std::string_view text, const std::string& file) { return Parser(text, file).parse(); }

NpyHeader read_npy_header(InputFile& file) {
  std::array<uint8_t, 8> start{};
  file.read(start);
  for (size_t i = 0; i < kMagic.size(); ++i) {
    if (start[i] != kMagic[i]) {
      throw UsageError(fmt::format("{}: is not a .npy file: save it with numpy.save", file.name()));
    }
  }
  const uint8_t version = start[6];
  if (version < 1 || version > 3) {
    throw UsageError(fmt::format("{}: has .npy version {}: save it again with numpy.save", file.name(), version));
  }
  // Version 1 states the length in 2 bytes, the later ones in 4, little-endian.
  std::array<uint8_t, 4> bytes{};
  file.read(std::span(bytes).first(version == 1 ? 2 : 4));
  const uint32_t length = bytes[0] | uint32_t{bytes[1]} << 8U | uint32_t{bytes[2]} << 16U | uint32_t{bytes[3]} << 24U;
  if (length > kLongestHeader) {
    throw UsageError(
        fmt::format("{}: damaged .npy header ({} bytes long): save it again with numpy.save", file.name(), length));
  }
  const auto text = file.read_bytes(length);
  return parse_npy_literal({reinterpret_cast<const char*>(text.data()), text.size()}, file.name());
}

}  // namespace trainer
