#include "run/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace trainer {
namespace {

constexpr std::chrono::milliseconds kRedraw(100);
constexpr std::chrono::milliseconds kLine(10'000);
constexpr size_t kLongestBar = 20;
constexpr size_t kShortestBar = 5;

size_t terminal_columns(std::FILE* out) {
  winsize size{};
  return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 60) {
    return fmt::format("{}s", whole);
  }
  if (whole < 3600) {
    return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  }
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

std::string to_text(const Progress& p) {
  return fmt::format(
      "step {}/{}  epoch {}/{}  ETA {}  loss {:.4f}  accuracy {:.1f} %  {:.0f} images/s  sparsity {:.1f} %", p.step,
      p.steps, p.epoch + 1, p.epochs, duration_text(p.left_s), p.loss, 100 * p.accuracy, p.images_per_s,
      100 * p.weight_sparsity);
}

Console::Console(std::FILE* out, bool progress)
    : out_(out), progress_(progress), terminal_(isatty(fileno(out)) == 1), last_(Clock::now()) {}

Console::~Console() { erase(); }

void Console::line(std::string_view text) {
  erase();
  fmt::print(out_, "{}{}", text, text.ends_with('\n') ? "" : "\n");
  std::fflush(out_);
}

void Console::note(std::string_view text) {
  if (progress_) {
    line(text);
  }
}

void Console::progress(const Progress& p) {
  if (progress_ && due(terminal_ ? kRedraw : kLine)) {
    draw(static_cast<double>(p.step) / static_cast<double>(std::max<int64_t>(1, p.steps)), to_text(p));
  }
}

void Console::evaluation(int64_t done, int64_t of) {
  if (progress_ && due(terminal_ ? kRedraw : kLine)) {
    draw(static_cast<double>(done) / static_cast<double>(std::max<int64_t>(1, of)),
         fmt::format("evaluating, batch {}/{}", done, of));
  }
}

bool Console::due(std::chrono::milliseconds interval) {
  const auto now = Clock::now();
  if (now - last_ < interval) {
    return false;
  }
  last_ = now;
  return true;
}

void Console::draw(double part, const std::string& text) {
  if (!terminal_) {
    line(text);
    return;
  }
  const size_t room = terminal_columns(out_) - 1;
  std::string bar = fmt::format("{:3.0f} %  {}", 100 * part, text);
  if (room >= bar.size() + kShortestBar + 3) {
    const size_t length = std::min(kLongestBar, room - bar.size() - 3);
    const auto filled = static_cast<size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(length));
    bar = fmt::format("[{}{}] {}", std::string(filled, '='), std::string(length - filled, ' '), bar);
  }
  bar.resize(std::min(bar.size(), room));  // a line that wraps could not be drawn over
  fmt::print(out_, "\r\x1b[K{}", bar);
  std::fflush(out_);
  drawn_ = true;
}

void Console::erase() {
  if (drawn_) {
    fmt::print(out_, "\r\x1b[K");
    std::fflush(out_);
    drawn_ = false;
  }
}

}  // namespace trainer
