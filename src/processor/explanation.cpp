#include "processor/explanation.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace trainer {

void Explanation::add(const PhaseOutcome& outcome, const std::vector<Dataflow>& all) {
  const std::string now = to_string(outcome.choice.dataflow);
  changes += steps > 0 && chosen != now ? 1 : 0;
  chosen = now;
  ++steps;
  effectual_macs += outcome.counts.effectual_macs;
  predicted_cycles += outcome.choice.prediction.cycles();
  cycles += outcome.counts.cycles;
  of_all.resize(all.size());
  std::optional<size_t> least;
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t cycles_of_it = outcome.hindsight[i].cycles;
    const bool ran = cycles_of_it > 0;  // not what has slices of input channels in a speculated FF
    of_all[i] = ran && (steps == 1 || of_all[i] > 0) ? of_all[i] + cycles_of_it : 0;
    if (ran && (!least || cycles_of_it < outcome.hindsight[*least].cycles)) {
      least = i;
    }
  }
  const int64_t least_cycles = outcome.hindsight[least.value()].cycles;
  best_cycles += least_cycles;
  // The choice counts as the best where it is as good.
  best = outcome.counts.cycles == least_cycles ? now : to_string(all[*least]);
}

nlohmann::json to_json(const Explanation& explanation) {
  return {{"chosen", explanation.chosen},
          {"changes", explanation.changes},
          {"steps", explanation.steps},
          {"effectual_macs", explanation.effectual_macs},
          {"predicted_cycles", explanation.predicted_cycles},
          {"cycles", explanation.cycles},
          {"best_cycles", explanation.best_cycles},
          {"best", explanation.best},
          {"of_all", explanation.of_all}};
}

Explanation explanation_from_json(const nlohmann::json& saved) {
  Explanation explanation;
  saved.at("chosen").get_to(explanation.chosen);
  saved.at("changes").get_to(explanation.changes);
  saved.at("steps").get_to(explanation.steps);
  saved.at("effectual_macs").get_to(explanation.effectual_macs);
  saved.at("predicted_cycles").get_to(explanation.predicted_cycles);
  saved.at("cycles").get_to(explanation.cycles);
  saved.at("best_cycles").get_to(explanation.best_cycles);
  saved.at("best").get_to(explanation.best);
  saved.at("of_all").get_to(explanation.of_all);
  return explanation;
}

}  // namespace trainer
