# SPDX-License-Identifier: Apache-2.0
include(PeftArch)
peft_arch_flags(PEFT_ARCH_FLAGS)
list(JOIN PEFT_ARCH_FLAGS " " peft_arch_text)
message(STATUS "peft: instruction set ${PEFT_ARCH} (${peft_arch_text})")

# No -ffast-math: a loss that becomes NaN must be seen.
list(APPEND PEFT_ARCH_FLAGS -fno-math-errno -fno-trapping-math)

# Flags of every target of this project: the instruction set, warnings, and the language that Kokkos was built with.
# Applied to a target after its sources are known.
# The last two warnings are false alarms of g++ 12 inside its own AVX-512 intrinsics.
function(peft_configure_target name)
  target_compile_options(${name} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${PEFT_ARCH_FLAGS};-Wall;-Wextra;-Wno-maybe-uninitialized;-Wno-uninitialized>")
  if(PEFT_KOKKOS_LANGUAGE STREQUAL "CUDA")
    get_target_property(sources ${name} SOURCES)
    set_source_files_properties(${sources} TARGET_DIRECTORY ${name} PROPERTIES LANGUAGE CUDA)
    set_property(TARGET ${name} PROPERTY CUDA_SEPARABLE_COMPILATION OFF)
    # Eigen is used on the host only. Suppressed: long double in device code; `module`, a word of C++20, as a name.
    target_compile_definitions(${name} PRIVATE EIGEN_NO_CUDA)
    target_compile_options(${name} PRIVATE
      "$<$<COMPILE_LANGUAGE:CUDA>:--extended-lambda;--expt-relaxed-constexpr;--Werror=cross-execution-space-call;-Xcudafe=--diag_suppress=20208;-Xcudafe=--diag_suppress=3189>")
    string(REPLACE ";" "," host "${PEFT_ARCH_FLAGS}")
    if(host)
      target_compile_options(${name} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${host}>")
    endif()
  endif()
endfunction()

# An executable of this project: peft_add_executable(name sources...). It links peft::text, hence everything.
function(peft_add_executable name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE peft_text)
  peft_configure_target(${name})
endfunction()

# flags.txt in the build folder: what a unit of this project is compiled with, one flag a line, for the tests and benches
# that call the compiler themselves.
file(CONFIGURE OUTPUT flags.cpp CONTENT "")
add_library(peft_flags OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/flags.cpp)
target_link_libraries(peft_flags PRIVATE peft_text)
set(includes $<TARGET_PROPERTY:peft_flags,INCLUDE_DIRECTORIES>)
set(definitions $<TARGET_PROPERTY:peft_flags,COMPILE_DEFINITIONS>)
string(TOUPPER "${CMAKE_BUILD_TYPE}" peft_type)
string(REPLACE " " ";" peft_flags "-std=c++20 ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${peft_type}} ${OpenMP_CXX_FLAGS}")
list(APPEND peft_flags ${PEFT_ARCH_FLAGS})
list(JOIN peft_flags "\n" peft_flags)
if(PEFT_KOKKOS_LANGUAGE STREQUAL "CXX")
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/flags.txt CONTENT
    "${peft_flags}\n-I$<JOIN:${includes},\n-I>\n$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},\n-D>>\n")
endif()
