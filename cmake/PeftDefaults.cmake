# SPDX-License-Identifier: Apache-2.0
# What a build of this project itself wants, and a project that includes it decides for itself.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Type of build" FORCE)
endif()

if(PEFT_USE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(PEFT_CCACHE ccache)
  mark_as_advanced(PEFT_CCACHE)
  if(PEFT_CCACHE)
    # The first two let ccache keep units that use a precompiled header.
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
                 ${PEFT_CCACHE})
    foreach(language CXX CUDA)
      set(CMAKE_${language}_COMPILER_LAUNCHER ${launcher})
    endforeach()
  endif()
endif()

# g++ vectorises at -O2 too once its cost model is told to; what else -O3 adds makes the kernels no faster and every unit
# a tenth slower to compile.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -ftree-vectorize -fvect-cost-model=dynamic -DNDEBUG")
endif()

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
