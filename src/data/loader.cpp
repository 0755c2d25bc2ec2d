#include "data/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"
#include "data/batch_maker.h"
#include "data/epoch_order.h"

namespace trainer {
namespace {

/// Checks the options and fills in what may be left out.
LoaderOptions complete(const Dataset& dataset, LoaderOptions options) {
  if (options.batch < 1 || options.workers < 1 || options.crop_padding < 0 || options.height < 0 || options.width < 0) {
    throw UsageError(
        fmt::format("loader: batch {}, workers {}, crop padding {}, size {}x{}: batch and workers must be 1 or "
                    "more, the others not negative",
                    options.batch, options.workers, options.crop_padding, options.height, options.width));
  }
  if (dataset.size() < 1 || dataset.size() > UINT32_MAX) {
    throw UsageError(fmt::format("loader: a data set of {} images: give one of 1 to {}", dataset.size(), UINT32_MAX));
  }
  if (options.drop_last && dataset.size() < options.batch) {
    throw UsageError(fmt::format("loader: {} images do not fill one batch of {}: make the batch smaller",
                                 dataset.size(), options.batch));
  }
  const auto channels = static_cast<size_t>(dataset.channels());
  if (options.mean.empty() && options.deviation.empty()) {
    options.mean.assign(channels, 0.0F);
    options.deviation.assign(channels, 1.0F);
  }
  if (options.mean.size() != channels || options.deviation.size() != channels) {
    throw UsageError(
        fmt::format("loader: {} means and {} deviations for images of {} channels: give one of each per channel",
                    options.mean.size(), options.deviation.size(), channels));
  }
  // Written so that NaN does not pass.
  if (!std::all_of(options.deviation.begin(), options.deviation.end(), [](float d) { return d > 0.0F; })) {
    throw UsageError("loader: a deviation is not above 0: give positive deviations");
  }
  if (options.height == 0 || options.width == 0) {
    const Image first = dataset.read(0);
    options.height = options.height == 0 ? first.height : options.height;
    options.width = options.width == 0 ? first.width : options.width;
  }
  return options;
}

}  // namespace

// Batches are numbered through all epochs: number = epoch * batches per epoch + batch. Number b is made in slot
// b % slots; with one slot more than batches ahead, the batch the caller holds is never written to.
struct Loader::State {
  struct Slot {
    Batch batch;
    int64_t number = -1;  // of the finished batch or error in it
    std::exception_ptr error;
  };

  State(std::shared_ptr<const Dataset> data, LoaderOptions wanted)
      : dataset(std::move(data)),
        options(complete(*dataset, std::move(wanted))),
        batches((dataset->size() + (options.drop_last ? 0 : options.batch - 1)) / options.batch),
        // Two batches ahead at least, and one more than workers so that none waits for the step.
        ahead(std::max(options.workers + 1, 2)),
        order(static_cast<uint32_t>(dataset->size()), options.shuffle, options.seed),
        slots(static_cast<size_t>(ahead) + 1) {
    for (Slot& slot : slots) {
      slot.batch.images = Tensor(Shape{options.batch, dataset->channels(), options.height, options.width});
      slot.batch.labels.reserve(static_cast<size_t>(options.batch));
    }
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopped = true;
      cancelled = true;
    }
    work.notify_all();
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start_threads() {
    try {
      for (int i = 0; i < options.workers; ++i) {
        threads.emplace_back([this, maker = std::make_unique<BatchMaker>(*dataset, options)] { make_batches(*maker); });
      }
    } catch (const std::system_error& error) {
      throw SystemFailure(fmt::format("loader: worker {} of {} cannot start ({}): use fewer workers",
                                      threads.size() + 1, options.workers, error.what()));
    }
  }

  Slot& slot(int64_t number) { return slots[static_cast<size_t>(number) % slots.size()]; }

  void make_batches(BatchMaker& maker) {
    std::vector<uint32_t> indices;
    std::unique_lock lock(mutex);
    while (true) {
      work.wait(lock, [this] { return stopped || (started && !cancelled && taken < given + ahead); });
      if (stopped) {
        return;
      }
      const int64_t number = taken++;
      Slot& to = slot(number);
      ++busy;
      lock.unlock();
      std::exception_ptr error;
      bool finished = true;
      try {
        const int64_t epoch = number / batches;
        const int64_t first = number % batches * options.batch;
        order.get(epoch, first, std::min(options.batch, dataset->size() - first), indices);
        finished = maker.make(epoch, indices, cancelled, to.batch);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      --busy;
      if (finished) {
        to.error = std::move(error);
        to.number = number;
      }
      done.notify_all();
    }
  }

  void start(int64_t number) {
    std::unique_lock lock(mutex);
    cancelled = true;
    done.wait(lock, [this] { return busy == 0; });
    for (Slot& each : slots) {
      each.number = -1;
      each.error = nullptr;
    }
    taken = given = number;
    started = true;
    cancelled = false;
    lock.unlock();
    work.notify_all();
  }

  const Batch& next() {
    std::unique_lock lock(mutex);
    Slot& from = slot(given);
    done.wait(lock, [&] { return from.number == given; });
    if (from.error) {
      std::rethrow_exception(from.error);
    }
    ++given;
    lock.unlock();
    work.notify_one();
    return from.batch;
  }

  std::shared_ptr<const Dataset> dataset;
  LoaderOptions options;
  int64_t batches;  // per epoch
  int64_t ahead;
  EpochOrder order;

  std::mutex mutex;
  std::condition_variable work;  // a worker may have something to do
  std::condition_variable done;  // a worker has finished something
  std::vector<Slot> slots;
  int64_t taken = 0;  // the next batch to make
  int64_t given = 0;  // the next batch to give out
  int busy = 0;       // workers making a batch
  bool started = false;
  bool stopped = false;
  std::atomic<bool> cancelled = false;
  std::vector<std::thread> threads;
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options)
    : state_(std::make_unique<State>(std::move(dataset), std::move(options))) {
  state_->start_threads();
}

Loader::~Loader() = default;

int64_t Loader::batches_per_epoch() const { return state_->batches; }

void Loader::start(int64_t epoch, int64_t first_batch) {
  // The largest epoch whose batches can still be numbered, and whose number leaves the top byte of its streams free.
  constexpr int64_t kMostEpochs = int64_t{1} << 31U;
  if (epoch < 0 || epoch > kMostEpochs || first_batch < 0 || first_batch > state_->batches) {
    throw UsageError(
        fmt::format("loader: cannot start at batch {} of epoch {}: an epoch has {} batches; was the data set or "
                    "the batch size changed?",
                    first_batch, epoch, state_->batches));
  }
  state_->start(epoch * state_->batches + first_batch);
}

const Batch& Loader::next() {
  if (!state_->started) {
    state_->start(0);
  }
  return state_->next();
}

}  // namespace trainer
