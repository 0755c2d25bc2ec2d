#pragma once

#include <cstdint>
#include <string_view>

#include "network/network.h"

namespace trainer {

/// Gives every weight and its bias starting values: convolutions He-normal by fan out (standard deviation
/// sqrt(2 / (K*R*S)), He et al. 2015), linear layers and all biases uniform in +-1/sqrt(fan in), as PyTorch. BN stays
/// as it was made (gamma 1, beta 0).
///
/// Each parameter draws from a stream of its own, named by the seed and its name, so that what one layer gets does not
/// depend on which others there are, nor on which of its weights are pruned.
void initialise(Network& network, uint64_t seed);

/// The random stream of a parameter: FNV-1a of its name.
uint64_t stream_of(std::string_view parameter_name);

}  // namespace trainer
