#include "base/parallel.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <vector>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace trainer {
namespace {

// libgomp is not built for ThreadSanitizer, which therefore cannot see that a parallel region starts after, and ends
// before, the code around it. These marks say so.
class ForkJoin {
 public:
#if defined(__SANITIZE_THREAD__)
  void before_fork() { __tsan_release(&fork_); }
  void inside_begin() { __tsan_acquire(&fork_); }
  void inside_end() { __tsan_release(&join_); }
  void after_join() { __tsan_acquire(&join_); }

 private:
  char fork_ = 0;
  char join_ = 0;
#else
  void before_fork() {}
  void inside_begin() {}
  void inside_end() {}
  void after_join() {}
#endif
};

/// Runs `work` once on each of `threads` threads, and waits. Not sanitized itself: what the compiler passes to the
/// region is written after the fork is marked. What `work` does is.
[[gnu::no_sanitize("thread")]] void on_threads(int threads, const std::function<void()>& work) {
  ForkJoin marks;
  marks.before_fork();
#pragma omp parallel num_threads(threads)
  {
    marks.inside_begin();
    work();
    marks.inside_end();
  }
  marks.after_join();
}

/// Deals pieces to the threads of a region.
class Pieces {
 public:
  explicit Pieces(int64_t count) : count_(count) {}

  /// Calls run(piece) for each piece of the calling thread.
  template <typename Run>
  void for_each(const Run& run) {
#if defined(__SANITIZE_THREAD__)
    // In turn, whoever comes first: neighbours then always meet on different threads, so that ThreadSanitizer sees each
    // race between them, whatever the timing.
    for (int64_t piece = omp_get_thread_num(); piece < count_; piece += omp_get_num_threads()) {
      run(piece);
    }
#else
    // Relaxed: fork and join order pieces and what surrounds them; among themselves they have no order.
    for (int64_t piece = 0; (piece = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) {
      run(piece);
    }
#endif
  }

 private:
  int64_t count_;
  std::atomic<int64_t> next_{0};
};

std::atomic<int> configured_threads{0};

}  // namespace

int thread_count() {
  const int configured = configured_threads.load(std::memory_order_relaxed);
  return configured > 0 ? configured : omp_get_num_procs();
}

int threads_here() { return omp_in_parallel() != 0 ? 1 : thread_count(); }

void set_thread_count(int count) { configured_threads.store(count, std::memory_order_relaxed); }

int thread_index() { return omp_get_thread_num(); }

void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body) {
  if (count <= 0) {
    return;
  }
  const int64_t pieces = (count + grain - 1) / grain;
  const auto run_piece = [&](int64_t piece) { body(piece * grain, std::min(count, (piece + 1) * grain)); };
  if (pieces == 1 || threads_here() == 1) {
    for (int64_t piece = 0; piece < pieces; ++piece) {
      run_piece(piece);
    }
    return;
  }

  const int threads = static_cast<int>(std::min<int64_t>(thread_count(), pieces));
  Pieces dealt(pieces);
  struct Failure {
    int64_t piece = std::numeric_limits<int64_t>::max();
    std::exception_ptr error;
  };
  std::vector<Failure> failures(static_cast<size_t>(threads));
  on_threads(threads, [&] {
    Failure& failure = failures[static_cast<size_t>(omp_get_thread_num())];
    dealt.for_each([&](int64_t piece) {
      try {
        run_piece(piece);
      } catch (...) {
        if (piece < failure.piece) {
          failure = {piece, std::current_exception()};
        }
      }
    });
  });
  const auto first = std::min_element(failures.begin(), failures.end(),
                                      [](const Failure& a, const Failure& b) { return a.piece < b.piece; });
  if (first->error) {
    std::rethrow_exception(first->error);
  }
}

}  // namespace trainer
