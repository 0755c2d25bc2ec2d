// The memory plan carried out on random graphs with whole numbers in place of tensors, every array spoilt as soon as
// the contract allows it: whatever is read must still be what was written.

#include "network/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace trainer {
namespace {

constexpr int64_t kSpoilt = INT64_MIN / 4;

MemoryNode random_node(int index, Random& random) {
  MemoryNode node;
  node.size = 8;  // one size, so that any slot may serve any node
  const auto input = [&] { return static_cast<int>(random.below(static_cast<uint64_t>(std::min(index, 4)) + 1)); };
  const auto some_input = [&] { return index - 1 - input(); };  // mostly near; -1 and less: the images
  node.inputs = {std::max(some_input(), -1)};
  switch (random.below(5)) {
    case 0:  // convolution
      node.memory = {.accumulates = true};
      node.has_parameters = true;
      break;
    case 1:  // BN
      node.memory = {.keeps_doutput = true};
      node.has_parameters = random.below(2) == 0;
      break;
    case 2:  // ReLU
      node.memory = {.in_place = true, .reads_output = true};
      break;
    case 3:  // pooling that spoils its doutput
      node.memory = {};
      break;
    default:  // add
      node.memory = {.in_place = true, .keeps_doutput = true, .accumulates = true};
      node.inputs.push_back(std::max(some_input(), -1));
      break;
  }
  return node;
}

std::vector<MemoryNode> random_graph(Random& random) {
  std::vector<MemoryNode> nodes;
  const int count = 2 + static_cast<int>(random.below(12));
  nodes.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    nodes.push_back(random_node(i, random));
  }
  // Whatever nothing uses is added up at the end.
  std::vector<uint8_t> used(nodes.size(), 0);
  for (const MemoryNode& node : nodes) {
    for (const int input : node.inputs) {
      if (input >= 0) {
        used[static_cast<size_t>(input)] = 1;
      }
    }
  }
  int sum = count - 1;
  for (int i = 0; i < count - 1; ++i) {
    if (used[static_cast<size_t>(i)] == 0) {
      nodes.push_back({{sum, i}, 8, {.in_place = true, .keeps_doutput = true, .accumulates = true}, false});
      sum = static_cast<int>(nodes.size()) - 1;
    }
  }
  return nodes;
}

/// d(output k of node i) / d(input): 1 for layers that pass the gradient on, else some number of its own.
int64_t factor(const MemoryNode& node, int i) { return node.memory.in_place && node.inputs.size() > 1 ? 1 : 2 + i % 3; }

std::vector<int64_t> expected_gradients(const std::vector<MemoryNode>& nodes) {
  std::vector<int64_t> gradient(nodes.size(), 0);
  gradient.back() = 1;
  for (size_t i = nodes.size(); i-- > 0;) {
    for (const int input : nodes[i].inputs) {
      if (input >= 0) {
        gradient[static_cast<size_t>(input)] += factor(nodes[i], static_cast<int>(i)) * gradient[i];
      }
    }
  }
  return gradient;
}

void check_gradients(const std::vector<MemoryNode>& nodes, const MemoryPlan& plan) {
  const std::vector<int64_t> expected = expected_gradients(nodes);
  std::vector<int64_t> slots(plan.slot_sizes.size(), kSpoilt);
  if (plan.needs_gradient.back() == 0) {
    return;
  }
  slots[static_cast<size_t>(plan.backward.back().doutput)] = 1;
  for (size_t i = nodes.size(); i-- > 0;) {
    const MemoryPlan::Backward& backward = plan.backward[i];
    ASSERT_EQ(backward.doutput >= 0, plan.needs_gradient[i] != 0);
    if (backward.doutput < 0) {
      continue;
    }
    const int64_t doutput = slots[static_cast<size_t>(backward.doutput)];
    ASSERT_EQ(doutput, expected[i]) << "node " << i;
    bool handed_on = false;
    for (size_t k = 0; k < nodes[i].inputs.size(); ++k) {
      const MemoryPlan::Target& target = backward.dinputs[k];
      const int input = nodes[i].inputs[k];
      ASSERT_EQ(target.slot >= 0, input >= 0 && plan.needs_gradient[static_cast<size_t>(input)] != 0);
      if (target.slot < 0) {
        continue;
      }
      ASSERT_GE(plan.slot_sizes[static_cast<size_t>(target.slot)], nodes[static_cast<size_t>(input)].size);
      ASSERT_TRUE(target.slot != backward.doutput || nodes[i].memory.in_place);
      ASSERT_TRUE(!target.accumulate || nodes[i].memory.accumulates);
      handed_on |= target.slot == backward.doutput;
      int64_t& dinput = slots[static_cast<size_t>(target.slot)];
      const int64_t value = factor(nodes[i], static_cast<int>(i)) * doutput;
      dinput = target.accumulate ? dinput + value : value;
    }
    for (const MemoryPlan::Target& target : backward.dinputs) {
      if (target.add_to >= 0) {
        slots[static_cast<size_t>(target.add_to)] += slots[static_cast<size_t>(target.slot)];
      }
    }
    if (!handed_on && !nodes[i].memory.keeps_doutput) {
      slots[static_cast<size_t>(backward.doutput)] = kSpoilt;
    }
  }
}

/// What each memory holds, as the node that wrote it last.
void check_outputs(const std::vector<MemoryNode>& nodes, const MemoryPlan& plan) {
  std::vector<int> writer(nodes.size(), -1);
  const auto holds = [&](int node) {
    return writer[static_cast<size_t>(plan.output_memory[static_cast<size_t>(node)])] == node;
  };
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const int input : nodes[i].inputs) {
      ASSERT_TRUE(input < 0 || holds(input)) << "node " << i << " finds its input " << input << " overwritten";
    }
    writer[static_cast<size_t>(plan.output_memory[i])] = static_cast<int>(i);
  }
  ASSERT_TRUE(holds(static_cast<int>(nodes.size()) - 1));
  for (size_t i = 0; i < nodes.size(); ++i) {
    ASSERT_TRUE(!nodes[i].memory.reads_output || holds(static_cast<int>(i))) << "node " << i;
    for (const int input : nodes[i].inputs) {
      ASSERT_TRUE(input < 0 || nodes[i].memory.in_place || holds(input)) << "node " << i << " in BP";
    }
  }
}

TEST(MemoryPlan, NothingIsOverwrittenWhileItIsNeeded) {
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    Random random(seed);
    const std::vector<MemoryNode> nodes = random_graph(random);
    const MemoryPlan plan = plan_memory(nodes);
    check_gradients(nodes, plan);
    check_outputs(nodes, plan);
    ASSERT_FALSE(HasFatalFailure()) << "graph " << seed;
  }
}

const LayerMemory kConvolution = {.accumulates = true};
const LayerMemory kBatchNorm = {.keeps_doutput = true};
const LayerMemory kRelu = {.in_place = true, .reads_output = true};
const LayerMemory kAdd = {.in_place = true, .keeps_doutput = true, .accumulates = true};

TEST(MemoryPlan, ABasicBlockKeepsFourActivationsAndThreeGradients) {
  // conv0 bn1 relu2 | conv3 bn4 relu5 conv6 bn7 add8 relu9
  const std::vector<MemoryNode> nodes = {{{-1}, 8, kConvolution, true}, {{0}, 8, kBatchNorm, true},
                                         {{1}, 8, kRelu, false},        {{2}, 8, kConvolution, true},
                                         {{3}, 8, kBatchNorm, true},    {{4}, 8, kRelu, false},
                                         {{5}, 8, kConvolution, true},  {{6}, 8, kBatchNorm, true},
                                         {{7, 2}, 8, kAdd, false},      {{8}, 8, kRelu, false}};
  const MemoryPlan plan = plan_memory(nodes);
  EXPECT_EQ(plan.output_memory, (std::vector<int>{0, 1, 1, 3, 4, 4, 6, 7, 7, 7}));
  // The sum's gradient serves both the branch and the shortcut; two more slots take turns within the branch.
  EXPECT_EQ(plan.slot_sizes, (std::vector<int64_t>{8, 8, 8}));
  EXPECT_EQ(plan.backward[8].dinputs[0].slot, plan.backward[8].doutput);
  EXPECT_EQ(plan.backward[8].dinputs[1].slot, plan.backward[8].doutput);
  EXPECT_TRUE(plan.backward[3].dinputs[0].accumulate);
}

TEST(MemoryPlan, ADeepChainTakesTwoSlots) {
  std::vector<MemoryNode> nodes;
  nodes.reserve(50);
  for (int i = 0; i < 50; ++i) {
    nodes.push_back({{i - 1}, 100 - i, kConvolution, true});
  }
  EXPECT_EQ(plan_memory(nodes).slot_sizes.size(), 2U);
}

TEST(MemoryPlan, NoGradientGoesWhereNothingIsTrained) {
  // pooling0 | conv1 | relu2
  const MemoryPlan plan =
      plan_memory({{{-1}, 8, kBatchNorm, false}, {{0}, 8, kConvolution, true}, {{1}, 8, kRelu, false}});
  EXPECT_EQ(plan.needs_gradient, (std::vector<uint8_t>{0, 1, 1}));
  EXPECT_EQ(plan.backward[0].doutput, -1);
  EXPECT_EQ(plan.backward[1].dinputs[0].slot, -1);
}

}  // namespace
}  // namespace trainer
