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

if(TRAINER_SANITIZE)
  target_compile_options(trainer_options INTERFACE -fsanitize=${TRAINER_SANITIZE} -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer)
  target_link_options(trainer_options INTERFACE -fsanitize=${TRAINER_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
