# SPDX-License-Identifier: Apache-2.0
# Kokkos 4.7 up to 5: a target that exists, an installed package, what scripts/setup built, or a download.
# Sets PEFT_KOKKOS_LANGUAGE: CUDA when Kokkos has that backend, else CXX.

# The folder of scripts/setup. A copy of the tree can carry it along: PEFT_CACHE=<folder inside the tree>.
if(DEFINED ENV{PEFT_CACHE})
  get_filename_component(PEFT_CACHE $ENV{PEFT_CACHE} ABSOLUTE)
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(PEFT_CACHE $ENV{XDG_CACHE_HOME}/peft.hpp)
else()
  set(PEFT_CACHE $ENV{HOME}/.cache/peft.hpp)
endif()
if(EXISTS ${PEFT_CACHE}/sysroot)
  list(APPEND CMAKE_PREFIX_PATH ${PEFT_CACHE}/sysroot/usr)
endif()

# An installation in the cache folder that was built for this compiler. `kind` is host, tsan, or cuda and the architecture.
function(peft_find_cached_kokkos kind result)
  set(${result} "" PARENT_SCOPE)
  file(GLOB markers ${PEFT_CACHE}/kokkos-*/.complete)
  foreach(marker IN LISTS markers)
    file(READ ${marker} key)
    if(key MATCHES "^kokkos [0-9.]+ ${kind} ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ")
      get_filename_component(folder ${marker} DIRECTORY)
      set(${result} ${folder} PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

if(NOT TARGET Kokkos::kokkos)
  set(PEFT_KOKKOS_KIND host CACHE STRING "Which Kokkos of the cache folder to use: host, tsan or cuda")
  if(PEFT_KOKKOS_KIND STREQUAL "cuda")
    set(kind "cuda sm${CMAKE_CUDA_ARCHITECTURES}")
  else()
    set(kind ${PEFT_KOKKOS_KIND})
  endif()
  # An installed Kokkos comes first, unless the build asks for another one of the cache folder.
  if(PEFT_KOKKOS_KIND STREQUAL "host" OR Kokkos_ROOT OR Kokkos_DIR)
    find_package(Kokkos 4.7...<6 QUIET)
  endif()
  if(NOT Kokkos_FOUND)
    peft_find_cached_kokkos("${kind}" peft_cached_kokkos)
    if(peft_cached_kokkos)
      find_package(Kokkos 4.7...<6 REQUIRED PATHS ${peft_cached_kokkos} NO_DEFAULT_PATH)
    endif()
  endif()
  if(NOT Kokkos_FOUND AND PEFT_FETCH_KOKKOS)
    include(FetchContent)
    set(Kokkos_ENABLE_SERIAL ON CACHE BOOL "")
    set(Kokkos_ENABLE_OPENMP ON CACHE BOOL "")
    FetchContent_Declare(Kokkos
      URL https://github.com/kokkos/kokkos/releases/download/4.7.00/kokkos-4.7.00.tar.gz
      URL_HASH SHA256=126b774a24dde8c1085c4aede7564c0b7492d6a07d85380f2b387a712cea1ff5)
    FetchContent_MakeAvailable(Kokkos)
  elseif(NOT Kokkos_FOUND)
    message(FATAL_ERROR
      "Kokkos 4.7 to 5 (${kind}) was not found for ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. "
      "Run scripts/setup (with --cuda for a GPU, --tsan for the thread sanitizer), which builds it once into the cache folder; or give -DKokkos_ROOT=<its installation>; "
      "or let CMake download it with -DPEFT_FETCH_KOKKOS=ON.")
  endif()
endif()

set(PEFT_KOKKOS_LANGUAGE CXX)
if("CUDA" IN_LIST Kokkos_DEVICES OR Kokkos_ENABLE_CUDA)
  set(PEFT_KOKKOS_LANGUAGE CUDA)
  # CMake before 3.26 hands no C++20 flag to nvcc 13.
  if(NOT CMAKE_CUDA_FLAGS MATCHES "-std=")
    string(APPEND CMAKE_CUDA_FLAGS " -std=c++20")
  endif()
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES ${Kokkos_CUDA_ARCHITECTURES})
  endif()
  enable_language(CUDA)
endif()
