# Options that every target of this project shares.
add_library(trainer_options INTERFACE)
target_compile_options(trainer_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror)

# One multiply-add must give the same bits on every path and every CPU: the compiler may not fuse a*b+c by itself.
# Kernels that want a fused multiply-add ask for it by name.
target_compile_options(trainer_options INTERFACE -ffp-contract=off)

# Kernels hold vectors in arrays, which SVE's cannot be: every Arm CPU runs the NEON kernels, which are then the only ones.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  target_compile_definitions(trainer_options INTERFACE HWY_COMPILE_ONLY_STATIC)
endif()

# Code with the checks of sanitizers takes two to four times as long to compile: -O1 and line tables alone take a third off.
if(TRAINER_SANITIZE)
  target_compile_options(trainer_options INTERFACE -fsanitize=${TRAINER_SANITIZE} -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer -O1 -g1)
  target_link_options(trainer_options INTERFACE -fsanitize=${TRAINER_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# trainer_precompile(<target> <header>...): headers that most files of a target include, compiled once. Not where there
# is a compiler cache, which does better without; those builds also see to it that each file includes what it needs.
function(trainer_precompile target)
  if(NOT CCACHE_PROGRAM)
    target_precompile_headers(${target} PRIVATE <algorithm> <cmath> <cstdint> <functional> <map> <memory> <optional> <span>
                              <string> <vector> <fmt/format.h> <nlohmann/json.hpp> ${ARGN})
  endif()
endfunction()
