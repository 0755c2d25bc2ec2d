#pragma once

#include <fmt/format.h>
#include <omp.h>

#include <dnnl.hpp>
#include <exception>
#include <string_view>

#include "base/error.h"

namespace trainer::onednn {

/// While it lives, oneDNN called from this thread uses this thread alone.
///
/// oneDNN divides work, and so the order of its sums, by the number of OpenMP threads it sees, both when a primitive is
/// made and when it runs. One thread at both times, under a parallel_for over fixed pieces, makes results the same for
/// every thread_count().
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

/// Runs body() on one thread; a failure of oneDNN becomes a SystemFailure that names `operation`.
template <typename Body>
void call(std::string_view operation, const Body& body) {
  std::exception_ptr failure;
  // A team of this thread alone. Some primitives wait at an OpenMP barrier even when they run on one thread; without a
  // team of their own that would be a barrier of the team of the surrounding parallel_for, which never completes.
#pragma omp parallel num_threads(1)
  {
    const OneThread one_thread;
    try {
      body();
    } catch (...) {
      failure = std::current_exception();  // must not leave the team
    }
  }
  if (failure == nullptr) {
    return;
  }
  try {
    std::rethrow_exception(failure);
  } catch (const dnnl::error& error) {
    throw SystemFailure(
        fmt::format("oneDNN failed in {}: {}; use kernels highway or reference instead", operation, error.what()));
  }
}

/// oneDNN's handle of values that it only reads; its interface has no const form.
inline dnnl::memory read_only(const dnnl::memory::desc& description, const dnnl::engine& engine, const float* values) {
  return {description, engine, const_cast<float*>(values)};
}

/// Scratch memory is the caller's: primitives of oneDNN that keep their own may not run on two threads at once.
inline dnnl::primitive_attr caller_owned_scratch() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace trainer::onednn
