#include "processor/golden/datapath.h"

#include "processor/golden/pe_activation_compressed.h"
#include "processor/golden/pe_weight_compressed.h"

namespace trainer::golden {

std::unique_ptr<Datapath> make_datapath(Job& job, int64_t pe, Broadcast& broadcast) {
  if (job.dataflow.compress == Compress::activations) {
    return std::make_unique<PeActivationCompressed>(job, pe);
  }
  return std::make_unique<PeWeightCompressed>(job, pe, broadcast);
}

}  // namespace trainer::golden
