#pragma once

#include <cstdint>
#include <functional>

namespace trainer {

/// Threads that parallel_for uses; at first the number of processors this process may run on.
int thread_count();
/// Sets it; 0 goes back to the default.
void set_thread_count(int count);

/// Calls body(begin, end) for consecutive pieces that cover [0, count) exactly once, on all threads, and waits.
///
/// Pieces hold `grain` items (the last may hold fewer) and do not depend on the number of threads, so a body that keeps
/// one result per piece is deterministic. Nested calls run on the calling thread. An exception of a body is rethrown
/// here (the first in order of pieces).
void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

/// Threads that a parallel_for called here would use: one inside of another.
int threads_here();

/// The calling thread's index in the innermost running parallel_for, 0 .. thread_count()-1; for scratch memory only:
/// results must not depend on it.
int thread_index();

}  // namespace trainer
