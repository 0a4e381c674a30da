# SPDX-License-Identifier: Apache-2.0
# peft_import(NAME HEADER LIBRARY..): the target peft::NAME of a library without a CMake package of its own, when it is installed; the first of
# the libraries that is there. A static one before a shared one needs nothing at run time.
function(peft_import name header)
  string(TOUPPER PEFT_${name} variable)
  find_path(${variable}_INCLUDE ${header})
  find_library(${variable}_LIBRARY NAMES ${ARGN})
  mark_as_advanced(${variable}_INCLUDE ${variable}_LIBRARY)
  if(${variable}_INCLUDE AND ${variable}_LIBRARY AND NOT TARGET peft::${name})
    add_library(peft::${name} UNKNOWN IMPORTED)
    set_target_properties(peft::${name} PROPERTIES IMPORTED_LOCATION ${${variable}_LIBRARY}
                                                   INTERFACE_INCLUDE_DIRECTORIES ${${variable}_INCLUDE})
  endif()
endfunction()
