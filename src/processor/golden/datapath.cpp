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
    bank.sums[meeting.z_index] = 0;
    ++bank.slots;
  } else {
    bank.slots += job.layer.stride * job.layer.stride;
  }
}

std::unique_ptr<Datapath> make_datapath(Job& job, int64_t pe, Broadcast& broadcast) {
  if (job.dataflow.compress == Compress::activations) {
    return std::make_unique<PeActivationCompressed>(job, pe);
  }
  return std::make_unique<PeWeightCompressed>(job, pe, broadcast);
}

}  // namespace trainer::golden
