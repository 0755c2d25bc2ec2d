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

# Ways to compile everything in half the time, which a compiler cache does better without. Builds with a cache also see
# to it that each file includes what it needs.
if(CCACHE_PROGRAM)
  set(TRAINER_BULK_DEFAULT OFF)
else()
  set(TRAINER_BULK_DEFAULT ON)
endif()
option(TRAINER_BULK "compile common headers once, and several files as one" ${TRAINER_BULK_DEFAULT})

# trainer_precompile(<target> <header>...): headers that most files of a target include, compiled once.
function(trainer_precompile target)
  if(TRAINER_BULK)
    target_precompile_headers(${target} PRIVATE <algorithm> <cmath> <cstdint> <functional> <map> <memory> <optional> <span>
                              <string> <vector> <fmt/format.h> <nlohmann/json.hpp> ${ARGN})
  endif()
endfunction()

# Of types that are one file's own, and of names that another file has, too: warnings that mean nothing there.
add_library(trainer_unified INTERFACE)
target_compile_options(trainer_unified INTERFACE -Wno-subobject-linkage -Wno-shadow)

# trainer_unify(<target>), once it has all its sources: up to twelve files of a folder are compiled as one. So what files
# of a folder keep to themselves has names of its own, too. Files that include themselves once for each instruction set
# stay alone.
function(trainer_unify target)
  if(NOT TRAINER_BULK)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  get_target_property(base ${target} SOURCE_DIR)
  foreach(source ${sources})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${base})
    if(NOT EXISTS ${source} OR NOT source MATCHES "[.]cpp$")
      continue()
    endif()
    file(STRINGS ${source} includes_itself REGEX "hwy/foreach_target" LIMIT_COUNT 1)
    if(includes_itself)
      continue()
    endif()
    cmake_path(GET source PARENT_PATH folder)
    cmake_path(RELATIVE_PATH folder BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    string(MAKE_C_IDENTIFIER ${folder} folder)
    list(APPEND files_of_${folder} ${source})
    list(LENGTH files_of_${folder} count)
    math(EXPR batch "(${count} - 1) / 12")
    set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP ${folder}_${batch})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  target_link_libraries(${target} PRIVATE trainer_unified)
endfunction()
