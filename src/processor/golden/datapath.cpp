#include "processor/golden/datapath.h"

#include "processor/golden/pe_activation_compressed.h"
#include "processor/golden/pe_weight_compressed.h"

namespace trainer::golden {

void open_position(const Job& job, int64_t place, int64_t channel, Bank& bank) {
  WeightPosition own;
  own.k = channel;
  const Meeting meeting = job.meet(place, own);
  if (!meeting.position) {
    return;
  }
  if (job.phase == Phase::FF) {
    const auto estimate = bank.estimates.find(meeting.z_index);
    bank.sums[meeting.z_index] = estimate == bank.estimates.end() ? 0 : estimate->second;
    ++bank.slots;
  } else {
    bank.slots += job.layer.stride * job.layer.stride;
  }
}

bool wants_output(const Job& job, const Meeting& meeting, const Bank& bank) {
  if (job.speculated) {
    return bank.estimates.find(meeting.z_index) == bank.estimates.end();
  }
  return !job.masked || !meeting.inside || job.layer.X[static_cast<size_t>(meeting.x_index)] != 0;
}

float product_of(const Job& job, Lanes lanes, float streamed, float weight) {
  if (lanes == Lanes::multipliers) {
    return streamed * weight;
  }
  return estimated_product(exponent_of(job.formats.X, streamed), exponent_of(job.formats.W, weight));
}

int64_t lane_count(const Job& job, Lanes lanes) {
  return lanes == Lanes::multipliers ? job.processor.lanes : job.processor.estimator_lanes;
}

std::unique_ptr<Datapath> make_datapath(Job& job, Lanes lanes, int64_t pe, Broadcast& broadcast) {
  if (job.dataflow.compress == Compress::activations) {
    return std::make_unique<PeActivationCompressed>(job, lanes, pe);
  }
  return std::make_unique<PeWeightCompressed>(job, lanes, pe, broadcast);
}

}  // namespace trainer::golden
