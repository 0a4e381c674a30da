# SPDX-License-Identifier: Apache-2.0
# The target peft::utf8proc, when the library is installed.
find_path(PEFT_UTF8PROC_INCLUDE utf8proc.h)
find_library(PEFT_UTF8PROC_LIBRARY utf8proc)
mark_as_advanced(PEFT_UTF8PROC_INCLUDE PEFT_UTF8PROC_LIBRARY)
if(PEFT_UTF8PROC_INCLUDE AND PEFT_UTF8PROC_LIBRARY AND NOT TARGET peft::utf8proc)
  add_library(peft::utf8proc UNKNOWN IMPORTED)
  set_target_properties(peft::utf8proc PROPERTIES IMPORTED_LOCATION ${PEFT_UTF8PROC_LIBRARY}
                                                  INTERFACE_INCLUDE_DIRECTORIES ${PEFT_UTF8PROC_INCLUDE})
endif()
