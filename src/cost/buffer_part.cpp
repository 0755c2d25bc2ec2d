#include "cost/buffer_part.h"

#include "processor/parameters.h"

namespace trainer {

std::optional<BufferPart> buffer_part_of(Event event) {
  switch (event) {
    case Event::activation_read:
    case Event::activation_write:
      return BufferPart::activations;
    case Event::weight_read:
    case Event::weight_write:
      return BufferPart::weights;
    case Event::output_read:
    case Event::output_write:
      return BufferPart::outputs;
    default:
      return std::nullopt;
  }
}

double buffer_KB(const ProcessorParameters& parameters, BufferPart part) {
  switch (part) {
    case BufferPart::activations:
      return static_cast<double>(parameters.activations_KB);
    case BufferPart::weights:
      return static_cast<double>(parameters.weights_KB);
    case BufferPart::outputs:
      break;
  }
  return static_cast<double>(parameters.outputs_KB);
}

}  // namespace trainer
