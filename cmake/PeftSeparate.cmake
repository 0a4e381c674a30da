# SPDX-License-Identifier: Apache-2.0
# Code that is no template is compiled once for all units of a program (include/peft/core/inline.hpp): a library of the .ipp
# files in some folders of include/peft, linked to whoever links `target`.
function(peft_separate target)
  set(units "")
  foreach(folder IN LISTS ARGN)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include
         ${PROJECT_SOURCE_DIR}/include/peft/${folder}/*.ipp)
    if(sources)
      list(TRANSFORM sources REPLACE "(.+)" "#include <\\1>")
      list(JOIN sources "\n" content)
      file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/separate/${folder}.cpp CONTENT "${content}\n")
      list(APPEND units ${CMAKE_CURRENT_BINARY_DIR}/separate/${folder}.cpp)
    endif()
  endforeach()
  if(units)
    add_library(${target}_separate STATIC ${units})
    set_target_properties(${target}_separate PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(${target}_separate PRIVATE ${target})
    peft_configure_target(${target}_separate)
    target_link_libraries(${target} INTERFACE ${target}_separate)
  endif()
endfunction()
