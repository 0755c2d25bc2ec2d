#include "network/memory_plan.h"

#include <algorithm>
#include <cassert>

namespace trainer {
namespace {

class Slots {
 public:
  /// The smallest free slot that is large enough, else the largest free one made larger, else a new one.
  int acquire(int64_t size) {
    int best = -1;
    for (int slot = 0; slot < static_cast<int>(sizes_.size()); ++slot) {
      if (owners_[at(slot)] == 0 && (best < 0 || better(slot, best, size))) {
        best = slot;
      }
    }
    if (best < 0) {
      best = static_cast<int>(sizes_.size());
      sizes_.push_back(0);
      owners_.push_back(0);
    }
    sizes_[at(best)] = std::max(sizes_[at(best)], size);
    owners_[at(best)] = 1;
    return best;
  }
  void add_owner(int slot) { ++owners_[at(slot)]; }
  void release(int slot) { --owners_[at(slot)]; }
  const std::vector<int64_t>& sizes() const { return sizes_; }

 private:
  static size_t at(int slot) { return static_cast<size_t>(slot); }
  bool better(int slot, int than, int64_t size) const {
    const int64_t a = sizes_[at(slot)];
    const int64_t b = sizes_[at(than)];
    return a >= size ? b < size || a < b : b < size && a > b;
  }

  std::vector<int64_t> sizes_;
  std::vector<int> owners_;
};

class Planner {
 public:
  explicit Planner(const std::vector<MemoryNode>& nodes) : nodes_(nodes), consumers_(nodes.size()) {
    for (int i = 0; i < count(); ++i) {
      for (const int input : node(i).inputs) {
        if (input >= 0) {
          consumers_[at(input)].push_back(i);
        }
      }
    }
  }

  MemoryPlan run() {
    place_outputs();
    find_needs();
    place_gradients();
    return std::move(plan_);
  }

 private:
  static size_t at(int i) { return static_cast<size_t>(i); }
  int count() const { return static_cast<int>(nodes_.size()); }
  const MemoryNode& node(int i) const { return nodes_[at(i)]; }

  void place_outputs() {
    for (int i = 0; i < count(); ++i) {
      int memory = i;
      if (node(i).memory.in_place) {
        for (const int input : node(i).inputs) {
          if (input >= 0 && consumers_[at(input)].size() == 1 && !node(input).memory.reads_output) {
            memory = plan_.output_memory[at(input)];
            break;
          }
        }
      }
      plan_.output_memory.push_back(memory);
    }
  }

  void find_needs() {
    for (int i = 0; i < count(); ++i) {
      const auto needs = [this](int input) { return input >= 0 && plan_.needs_gradient[at(input)] != 0; };
      const auto& inputs = node(i).inputs;
      plan_.needs_gradient.push_back(node(i).has_parameters || std::any_of(inputs.begin(), inputs.end(), needs) ? 1
                                                                                                                : 0);
    }
  }

  void place_gradients() {
    gradient_.assign(nodes_.size(), -1);
    plan_.backward.resize(nodes_.size());
    const int last = count() - 1;
    if (last >= 0 && plan_.needs_gradient[at(last)] != 0) {
      gradient_[at(last)] = slots_.acquire(node(last).size);
    }
    for (int i = last; i >= 0; --i) {
      place_dinputs(i);
    }
    plan_.slot_sizes = slots_.sizes();
  }

  void place_dinputs(int i) {
    MemoryPlan::Backward& backward = plan_.backward[at(i)];
    backward.dinputs.resize(node(i).inputs.size());
    if (plan_.needs_gradient[at(i)] == 0) {
      return;
    }
    assert(gradient_[at(i)] >= 0);
    backward.doutput = gradient_[at(i)];
    const LayerMemory& memory = node(i).memory;
    bool doutput_free = memory.in_place;  // nothing has been placed in doutput's slot yet
    int heir = -1;                        // the node whose gradient was placed there
    bool shared = false;
    std::vector<int> temporaries;
    for (size_t k = 0; k < backward.dinputs.size(); ++k) {
      const int input = node(i).inputs[k];
      if (input < 0 || plan_.needs_gradient[at(input)] == 0) {
        continue;
      }
      MemoryPlan::Target& target = backward.dinputs[k];
      int& gradient = gradient_[at(input)];
      if (gradient < 0) {
        if (doutput_free) {
          doutput_free = false;
          heir = input;
          slots_.add_owner(gradient = backward.doutput);
        } else if (heir >= 0 && !shared && may_share(i, heir, input)) {
          shared = true;
          slots_.add_owner(gradient = backward.doutput);
        } else {
          gradient = slots_.acquire(node(input).size);
        }
        target.slot = gradient;
      } else if (memory.accumulates) {
        target.slot = gradient;
        target.accumulate = true;
      } else {
        target.add_to = gradient;
        if (doutput_free) {
          doutput_free = false;
          target.slot = backward.doutput;
        } else {
          target.slot = slots_.acquire(node(input).size);
          temporaries.push_back(target.slot);
        }
      }
    }
    slots_.release(backward.doutput);
    for (const int slot : temporaries) {
      slots_.release(slot);
    }
  }

  /// Whether the gradients of `a` and `b`, both equal to that of `through`, may stay one array: the node that is
  /// processed first only reads it, and whoever else adds to the other's gradient comes after that.
  bool may_share(int through, int a, int b) const {
    const int first = std::max(a, b);
    const int second = std::min(a, b);
    const LayerMemory& memory = node(first).memory;
    const auto& others = consumers_[at(second)];
    return memory.keeps_doutput && !memory.in_place && consumers_[at(first)].size() == 1 &&
           std::all_of(others.begin(), others.end(),
                       [&](int consumer) { return consumer == through || consumer < first; });
  }

  const std::vector<MemoryNode>& nodes_;
  std::vector<std::vector<int>> consumers_;  // with repetition
  std::vector<int> gradient_;                // slot of each node's gradient, once written
  Slots slots_;
  MemoryPlan plan_;
};

}  // namespace

MemoryPlan plan_memory(const std::vector<MemoryNode>& nodes) { return Planner(nodes).run(); }

}  // namespace trainer
