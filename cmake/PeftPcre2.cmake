# SPDX-License-Identifier: Apache-2.0
# The target peft::pcre2, when the library is installed; the static one where it is, which needs nothing at run time.
find_path(PEFT_PCRE2_INCLUDE pcre2.h)
find_library(PEFT_PCRE2_LIBRARY NAMES libpcre2-8.a pcre2-8)
mark_as_advanced(PEFT_PCRE2_INCLUDE PEFT_PCRE2_LIBRARY)
if(PEFT_PCRE2_INCLUDE AND PEFT_PCRE2_LIBRARY AND NOT TARGET peft::pcre2)
  add_library(peft::pcre2 UNKNOWN IMPORTED)
  set_target_properties(peft::pcre2 PROPERTIES IMPORTED_LOCATION ${PEFT_PCRE2_LIBRARY}
                                               INTERFACE_INCLUDE_DIRECTORIES ${PEFT_PCRE2_INCLUDE})
endif()
