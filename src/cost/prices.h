#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "cost/table.h"
#include "processor/parameters.h"

namespace trainer {

/// Whether the factor of the table's calibration is applied to the rows of share `control`.
enum class Calibration { applied, left_out };

/// A cost table scaled to one processor's operating point, precision and buffers: what each event costs there.
class Prices {
 public:
  /// Throws UsageError where the table's operating points do not reach the processor's voltage and clock.
  Prices(const CostTable& table, const ProcessorParameters& parameters, Calibration calibration = Calibration::applied);

  /// pJ of one count. Throws UsageError where the table has no row for the event at this precision.
  double pJ(Event event) const;
  /// Null where the table has no row.
  const CostRow* row(Event event) const;

  const std::string& table() const { return table_; }
  const OperatingPoint& point() const { return point_; }
  const std::string& precision() const { return precision_; }

 private:
  std::string table_;
  OperatingPoint point_;
  std::string precision_;
  std::array<std::optional<CostRow>, kEvents> rows_;
  std::array<double, kEvents> pJ_{};
  std::array<std::string, kEvents> other_precision_;  // for which the table does have a row
};

}  // namespace trainer
