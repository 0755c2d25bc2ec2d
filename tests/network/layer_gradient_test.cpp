// BP and WG of every layer against central differences of L = sum(P * Y), P random: (L(x+e) - L(x-e)) / 2e. Layers that
// are linear in what is varied get a large e, so that rounding (about 1e-6 of L) is all that is left; BN's e = 1e-2
// leaves an error of the order of e squared. ReLU and maximum pooling are linear between kinks: their inputs are 0.1
// apart and at least 0.05 from zero, and e is below that.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/clipped_relu.h"
#include "network/layers/convolution.h"
#include "network/layers/linear.h"
#include "network/layers/option_a_shortcut.h"
#include "network/layers/pooling.h"
#include "network/layers/relu.h"
#include "network/support.h"

namespace trainer {
namespace {

struct GradientCase {
  std::string name;
  std::function<std::unique_ptr<Layer>()> make;
  std::vector<Shape> inputs;
  float step;
  double tolerance;  ///< of the largest gradient
};

const std::vector<GradientCase>& cases() {
  static const std::vector<GradientCase> all = {
      {"convolution_bias",
       [] {
         return std::make_unique<layers::Convolution>(layers::ConvolutionOptions{3, 4, 3, 3, 1, 1, 1, 1, true});
       },
       {{2, 3, 5, 4}},
       0.5F,
       1e-4},
      {"convolution_strided_dilated_grouped",
       [] {
         return std::make_unique<layers::Convolution>(layers::ConvolutionOptions{4, 6, 3, 2, 2, 2, 2, 2, true});
       },
       {{3, 4, 7, 6}},
       0.5F,
       1e-4},
      {"linear",
       [] {
         return std::make_unique<layers::Linear>(layers::LinearOptions{12, 5});
       },
       {{3, 3, 2, 2}},
       0.5F,
       1e-4},
      {"linear_without_bias",
       [] {
         return std::make_unique<layers::Linear>(layers::LinearOptions{4, 3, false});
       },
       {{5, 4, 1, 1}},
       0.5F,
       1e-4},
      {"batchnorm",
       [] { return std::make_unique<layers::BatchNorm>(layers::BatchNormOptions{3}); },
       {{4, 3, 3, 2}},
       1e-2F,
       2e-3},
      {"relu", [] { return std::make_unique<layers::Relu>(); }, {{2, 3, 4, 3}}, 0.03F, 1e-4},
      {"clipped_relu", [] { return std::make_unique<layers::ClippedRelu>(2.5F); }, {{2, 3, 4, 3}}, 0.03F, 1e-4},
      {"depthwise_convolution",
       [] {
         return std::make_unique<layers::Convolution>(layers::ConvolutionOptions{5, 5, 3, 3, 2, 1, 1, 5, false});
       },
       {{3, 5, 7, 6}},
       0.5F,
       1e-4},
      {"maximum_pooling",
       [] {
         return std::make_unique<layers::Pooling>(layers::PoolingOptions{PoolingKind::maximum, false, 3, 3, 2, 1});
       },
       {{2, 2, 7, 6}},
       0.03F,
       1e-4},
      {"average_pooling",
       [] {
         return std::make_unique<layers::Pooling>(layers::PoolingOptions{PoolingKind::average, false, 3, 2, 2, 1});
       },
       {{2, 2, 7, 6}},
       0.5F,
       1e-4},
      {"global_average_pooling",
       [] {
         return std::make_unique<layers::Pooling>(layers::PoolingOptions{PoolingKind::average, true});
       },
       {{3, 2, 3, 5}},
       0.5F,
       1e-4},
      {"add", [] { return std::make_unique<layers::Add>(); }, {{2, 3, 2, 2}, {2, 3, 2, 2}}, 0.5F, 1e-4},
      {"option_a",
       [] {
         return std::make_unique<layers::OptionAShortcut>(layers::OptionAOptions{7, 2});
       },
       {{2, 4, 5, 4}},
       0.5F,
       1e-4},
  };
  return all;
}

/// Values 0.1 apart, none nearer to zero than 0.05, in random order.
Tensor spaced_tensor(const Shape& shape, uint64_t seed) {
  Random random(seed);
  const auto order = shuffled(static_cast<uint32_t>(shape.size()), random);
  Tensor tensor(shape);
  const int64_t half = shape.size() / 2;
  for (size_t i = 0; i < order.size(); ++i) {
    tensor.values()[i] = 0.1F * (static_cast<float>(order[i]) - static_cast<float>(half) + 0.5F);
  }
  return tensor;
}

class LayerGradient : public testing::TestWithParam<std::tuple<size_t, KernelPath>> {
 protected:
  void SetUp() override {
    tested_ = &cases()[std::get<0>(GetParam())];
    layer_ = tested_->make();
    uint64_t seed = 1;
    for (const Shape& shape : tested_->inputs) {
      inputs_.push_back(spaced_tensor(shape, seed++));
      dinputs_.emplace_back(shape);
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      input_pointers_.push_back(&inputs_[i]);
      dinput_pointers_.push_back(&dinputs_[i]);
    }
    for (Parameter* parameter : layer_->parameters()) {
      Random random(seed++);
      for (float& value : parameter->value) {
        value = random.normal();
      }
      if (parameter->is_weight) {
        test::prune(*parameter, 0.6, seed++);
      }
    }
    const std::vector<uint8_t> needed(inputs_.size(), 1);
    layer_->need_input_gradients(needed);
    layer_->plan(0, "tested", tested_->inputs, std::get<1>(GetParam()));
    output_ = Tensor(layer_->output_shape(tested_->inputs));
    projection_ = test::random_tensor(output_.shape(), 99);
  }

  double loss() {
    layer_->feedforward(input_pointers_, output_, true, nullptr);
    double sum = 0;
    for (size_t i = 0; i < output_.values().size(); ++i) {
      sum += static_cast<double>(output_.values()[i]) * static_cast<double>(projection_.values()[i]);
    }
    return sum;
  }

  void backward(std::span<const uint8_t> accumulate) {
    loss();
    Tensor doutput = projection_.clone();
    layer_->weight_gradient(input_pointers_, doutput, nullptr);
    layer_->backpropagate({input_pointers_, output_, doutput, dinput_pointers_, accumulate}, nullptr);
  }

  std::vector<float> differences(std::span<float> values) {
    std::vector<float> result;
    for (float& value : values) {
      const float at = value;
      value = at + tested_->step;
      const double above = loss();
      value = at - tested_->step;
      const double below = loss();
      value = at;
      result.push_back(static_cast<float>((above - below) / (2.0 * static_cast<double>(tested_->step))));
    }
    return result;
  }

  const GradientCase* tested_ = nullptr;
  std::unique_ptr<Layer> layer_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> dinputs_;
  std::vector<const Tensor*> input_pointers_;
  std::vector<Tensor*> dinput_pointers_;
  Tensor output_;
  Tensor projection_;
};

TEST_P(LayerGradient, EqualsCentralDifferences) {
  const std::vector<uint8_t> overwrite(inputs_.size(), 0);
  backward(overwrite);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const std::vector<float> expected = differences(inputs_[i].values());
    EXPECT_LT(test::max_error(dinputs_[i].values(), expected), tested_->tolerance) << "input " << i;
  }
  for (Parameter* parameter : layer_->parameters()) {
    const std::vector<float> expected = differences(parameter->value);
    ASSERT_EQ(parameter->gradient.size(), expected.size());
    EXPECT_LT(test::max_error(parameter->gradient, expected), tested_->tolerance) << parameter->name;
  }
}

class AccumulatingLayer : public LayerGradient {};

TEST_P(AccumulatingLayer, AddsToWhatIsThere) {
  const std::vector<uint8_t> overwrite(inputs_.size(), 0);
  backward(overwrite);
  std::vector<Tensor> alone;
  for (Tensor& dinput : dinputs_) {
    alone.push_back(dinput.clone());
    dinput.fill(3);
  }
  const std::vector<uint8_t> accumulate(inputs_.size(), 1);
  backward(accumulate);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    for (size_t j = 0; j < alone[i].values().size(); ++j) {
      EXPECT_NEAR(dinputs_[i].values()[j], alone[i].values()[j] + 3, 1e-5);
    }
  }
}

TEST_P(LayerGradient, WithoutInputGradientsItStillTrains) {
  const std::vector<uint8_t> overwrite(inputs_.size(), 0);
  backward(overwrite);
  std::vector<AlignedVector<float>> expected;
  for (Parameter* parameter : layer_->parameters()) {
    expected.push_back(parameter->gradient);
    std::fill(parameter->gradient.begin(), parameter->gradient.end(), 0.0F);
  }
  const std::vector<uint8_t> none(inputs_.size(), 0);
  layer_->need_input_gradients(none);
  layer_->plan(0, "tested", tested_->inputs, std::get<1>(GetParam()));
  std::fill(dinput_pointers_.begin(), dinput_pointers_.end(), nullptr);
  backward(overwrite);
  size_t i = 0;
  for (const Parameter* parameter : layer_->parameters()) {
    EXPECT_LT(test::max_error(parameter->gradient, expected[i++]), 1e-5) << parameter->name;
  }
}

std::vector<size_t> cases_where(bool (*chosen)(const Layer& layer)) {
  std::vector<size_t> numbers;
  for (size_t i = 0; i < cases().size(); ++i) {
    if (chosen(*cases()[i].make())) {
      numbers.push_back(i);
    }
  }
  return numbers;
}

std::string layer_case_name(const testing::TestParamInfo<std::tuple<size_t, KernelPath>>& tested) {
  return cases()[std::get<0>(tested.param)].name + "_" + std::string(to_string(std::get<1>(tested.param)));
}

INSTANTIATE_TEST_SUITE_P(EveryPath, LayerGradient,
                         testing::Combine(testing::ValuesIn(cases_where([](const Layer&) { return true; })),
                                          testing::ValuesIn(test::kEveryPath)),
                         layer_case_name);
INSTANTIATE_TEST_SUITE_P(EveryPath, AccumulatingLayer,
                         testing::Combine(testing::ValuesIn(cases_where([](const Layer& layer) {
                                            return layer.memory().accumulates;
                                          })),
                                          testing::ValuesIn(test::kEveryPath)),
                         layer_case_name);

TEST(OptionAShortcut, TakesEverySecondPixelBetweenChannelsOfZeros) {
  layers::OptionAShortcut layer({.out_channels = 4, .stride = 2});
  const std::vector<Shape> shapes = {{1, 2, 3, 3}};
  Tensor X(shapes[0]);
  std::iota(X.values().begin(), X.values().end(), 1.0F);  // 1..9 and 10..18
  Tensor Y(layer.output_shape(shapes));
  EXPECT_EQ(Y.shape(), (Shape{1, 4, 2, 2}));
  layer.plan(0, "shortcut", shapes, KernelPath::reference);
  const std::vector<const Tensor*> inputs = {&X};
  layer.feedforward(inputs, Y, true, nullptr);
  EXPECT_EQ(std::vector<float>(Y.values().begin(), Y.values().end()),
            (std::vector<float>{0, 0, 0, 0, 1, 3, 7, 9, 10, 12, 16, 18, 0, 0, 0, 0}));
}

TEST(ClippedRelu, RefusesACeilingThatIsNone) {
  for (const float ceiling : {0.0F, -1.0F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_THROW(layers::ClippedRelu{ceiling}, UsageError);
  }
}

TEST(BatchNorm, RunningStatisticsFollowPyTorch) {
  layers::BatchNorm layer({.channels = 1});
  const std::vector<Shape> shapes = {{4, 1, 1, 1}};
  Tensor Z(shapes[0]);
  const std::vector<float> values = {1, 2, 3, 6};  // mean 3, biased variance 3.5, unbiased 14/3
  std::copy(values.begin(), values.end(), Z.data());
  Tensor Y(shapes[0]);
  layer.plan(0, "bn", shapes, KernelPath::reference);
  const std::vector<const Tensor*> inputs = {&Z};
  layer.feedforward(inputs, Y, true, nullptr);
  EXPECT_NEAR(Y.at(0, 0, 0, 0), -2 / std::sqrt(3.5 + 1e-5), 1e-6);
  EXPECT_NEAR(layer.running_mean().value[0], 0.1 * 3, 1e-6);
  EXPECT_NEAR(layer.running_variance().value[0], 0.9 + 0.1 * 14 / 3, 1e-6);
  layer.feedforward(inputs, Y, false, nullptr);
  EXPECT_NEAR(Y.at(3, 0, 0, 0), (6 - 0.3) / std::sqrt(0.9 + 1.4 / 3 + 1e-5), 1e-5);
  EXPECT_NEAR(layer.running_mean().value[0], 0.3, 1e-6) << "inference must not change the statistics";
}

}  // namespace
}  // namespace trainer
