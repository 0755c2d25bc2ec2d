#include "processor/golden/the_machine.h"

namespace trainer::golden_test {

golden::Machine& machine() {
  static golden::Machine the_machine(kMostGroups, kMostPes);
  return the_machine;
}

}  // namespace trainer::golden_test
