#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace trainer {

/// Where a run stands.
struct Progress {
  int64_t step = 0;  ///< done
  int64_t steps = 1;
  int64_t epoch = 0;  ///< 0-based, present one
  int64_t epochs = 1;
  double loss = 0;
  double accuracy = 0;  ///< of the epoch's training images so far
  double weight_sparsity = 0;
  double images_per_s = 0;
  double left_s = 0;
};

/// "step 120/9380  epoch 1/10  ETA 1h02m  loss 0.4321  accuracy 85.1 %  812 images/s  sparsity 90.0 %": what matters
/// least is last, where a narrow terminal cuts it off.
std::string to_text(const Progress& progress);
/// "42s", "3m07s", "1h02m"
std::string duration_text(double seconds);

/// What a run tells people while it goes on: lines, and on a terminal one bar below them that is drawn over and over.
/// In a file there are lines alone, never a carriage return.
class Console {
 public:
  /// `progress` false keeps progress back (--quiet); lines are always written.
  Console(std::FILE* out, bool progress);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// A line (or several) that stays.
  void line(std::string_view text);
  /// As line(), unless quiet.
  void note(std::string_view text);
  /// Draws the bar or, where there is no terminal, writes a line every ten seconds.
  void progress(const Progress& progress);
  /// The same for an evaluation: `done` of `of` batches.
  void evaluation(int64_t done, int64_t of);

 private:
  using Clock = std::chrono::steady_clock;

  bool due(std::chrono::milliseconds interval);
  void draw(double part, const std::string& text);
  void erase();

  std::FILE* out_;
  bool progress_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point last_;
};

}  // namespace trainer
