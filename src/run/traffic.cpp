#include "run/traffic.h"

#include <nlohmann/json.hpp>

namespace trainer {

const std::array<OperandTraffic, 6>& operand_traffic() {
  static constexpr std::array<OperandTraffic, 6> kTable = {{{"X", &OperandBits::X},
                                                            {"W", &OperandBits::W},
                                                            {"dZ", &OperandBits::dZ},
                                                            {"sums", &OperandBits::sums},
                                                            {"shortcut", &OperandBits::shortcut},
                                                            {"bitmap", &OperandBits::bitmap}}};
  return kTable;
}

double loaded_bytes(const OperandBits& loaded, const OperandTraffic& traffic) {
  return static_cast<double>(loaded.*traffic.bits) / 8;
}

nlohmann::json loaded_bytes_json(const OperandBits& loaded) {
  nlohmann::json document = nlohmann::json::object();
  for (const OperandTraffic& traffic : operand_traffic()) {
    document[std::string(traffic.operand)] = loaded_bytes(loaded, traffic);
  }
  return document;
}

}  // namespace trainer
