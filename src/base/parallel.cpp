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
// before, the code around it. These two marks say so.
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

std::atomic<int> configured_threads{0};

}  // namespace

int thread_count() {
  const int configured = configured_threads.load(std::memory_order_relaxed);
  return configured > 0 ? configured : omp_get_num_procs();
}

void set_thread_count(int count) { configured_threads.store(count, std::memory_order_relaxed); }

int thread_index() { return omp_get_thread_num(); }

void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body) {
  if (count <= 0) {
    return;
  }
  const int64_t pieces = (count + grain - 1) / grain;
  const auto run_piece = [&](int64_t piece) { body(piece * grain, std::min(count, (piece + 1) * grain)); };
  if (pieces == 1 || thread_count() == 1 || omp_in_parallel() != 0) {
    for (int64_t piece = 0; piece < pieces; ++piece) {
      run_piece(piece);
    }
    return;
  }

  const int threads = static_cast<int>(std::min<int64_t>(thread_count(), pieces));
  std::atomic<int64_t> next_piece{0};
  struct Failure {
    int64_t piece = std::numeric_limits<int64_t>::max();
    std::exception_ptr error;
  };
  std::vector<Failure> failures(static_cast<size_t>(threads));
  ForkJoin marks;
  marks.before_fork();
#pragma omp parallel num_threads(threads)
  {
    marks.inside_begin();
    Failure& failure = failures[static_cast<size_t>(omp_get_thread_num())];
    for (int64_t piece = next_piece++; piece < pieces; piece = next_piece++) {
      try {
        run_piece(piece);
      } catch (...) {
        if (piece < failure.piece) {
          failure = {piece, std::current_exception()};
        }
      }
    }
    marks.inside_end();
  }
  marks.after_join();
  const auto first = std::min_element(failures.begin(), failures.end(),
                                      [](const Failure& a, const Failure& b) { return a.piece < b.piece; });
  if (first->error) {
    std::rethrow_exception(first->error);
  }
}

}  // namespace trainer
