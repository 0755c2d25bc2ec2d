#pragma once

namespace trainer {

/// Whether this CPU, and the operating system that saves its registers, have arithmetic on vectors of binary16:
/// AVX512-FP16 on x86-64 (with the parts of AVX-512 that come with it), FEAT_FP16 of Armv8.2-A on 64-bit Arm.
/// TRAINER_CPU_FP16=off in the environment makes it a CPU without.
bool cpu_has_half_arithmetic();

/// What cpu_has_half_arithmetic() asks for on this kind of machine: "AVX512-FP16".
const char* half_arithmetic_name();

}  // namespace trainer
