#include "base/cpu_features.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace trainer {
namespace {

#if defined(__x86_64__)

// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID; volume 1, 15.2 for the order of
// tests.
constexpr uint32_t kLeaf1EcxOsxsave = 1U << 27;
constexpr uint32_t kLeaf7EbxAvx512F = 1U << 16;
constexpr uint32_t kLeaf7EbxAvx512Bw = 1U << 30;
constexpr uint32_t kLeaf7EbxAvx512Vl = 1U << 31;
constexpr uint32_t kLeaf7EdxAvx512Fp16 = 1U << 23;
// XCR0: registers that the operating system saves. SSE, AVX, mask registers, upper halves of zmm0-15, zmm16-31.
constexpr uint64_t kZmmState = 0xe6;

uint64_t saved_registers() {
  uint32_t low = 0;
  uint32_t high = 0;
  // XGETBV with ECX = 0; the intrinsic needs a compiler flag that nothing else here may have.
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

bool detect() {
  uint32_t eax = 0;
  uint32_t ebx = 0;
  uint32_t ecx = 0;
  uint32_t edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kLeaf1EcxOsxsave) == 0 ||
      (saved_registers() & kZmmState) != kZmmState || __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) {
    return false;
  }
  constexpr uint32_t kVectors = kLeaf7EbxAvx512F | kLeaf7EbxAvx512Bw | kLeaf7EbxAvx512Vl;
  return (ebx & kVectors) == kVectors && (edx & kLeaf7EdxAvx512Fp16) != 0;
}

constexpr const char* kName = "AVX512-FP16";

#elif defined(__aarch64__)

bool detect() {
#if defined(__linux__)
  constexpr unsigned long kAsimdHalf = 1UL << 10;  // HWCAP_ASIMDHP, Documentation/arch/arm64/elf_hwcaps.rst of Linux
  return (getauxval(AT_HWCAP) & kAsimdHalf) != 0;
#else
  return false;
#endif
}

constexpr const char* kName = "FEAT_FP16";

#else

bool detect() { return false; }

constexpr const char* kName = "FP16 arithmetic";

#endif

}  // namespace

bool cpu_has_half_arithmetic() {
  static const bool has = detect();
  const char* wish = std::getenv("TRAINER_CPU_FP16");
  return has && !(wish != nullptr && std::string_view(wish) == "off");
}

const char* half_arithmetic_name() { return kName; }

}  // namespace trainer
