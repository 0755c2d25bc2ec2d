#include "training/optimizers/moment.h"

namespace trainer {

Moment::Moment(std::string name, const std::vector<Parameter*>& parameters) : name_(std::move(name)) {
  values_.reserve(parameters.size());
  for (const Parameter* parameter : parameters) {
    values_.emplace_back(parameter->value.size(), 0.0F);
  }
}

void Moment::pattern_changed(size_t index, const Pattern& from, const Pattern& to) {
  values_[index] = carry_over(from, values_[index], to, 0.0F);
}

void Moment::append_state(const std::vector<Parameter*>& parameters, std::vector<Optimizer::StateArray>& state) {
  for (size_t index = 0; index < values_.size(); ++index) {
    state.push_back({name_ + "/" + parameters[index]->name, index, values_[index]});
  }
}

}  // namespace trainer
