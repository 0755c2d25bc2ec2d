#include "run/version.h"

namespace trainer {

std::string_view version() { return TRAINER_VERSION; }

}  // namespace trainer
