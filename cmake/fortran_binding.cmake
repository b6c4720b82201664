# Find the Fortran compiler's own ISO_Fortran_binding.h: the layout of its descriptors and its type codes. The C compiler
# may be of another make and bring a header of the same name, which would compile and then misread every array. Sets
# PYEMU_BINDING_DIR, a directory of the build tree that holds a copy of this one header.
function(pyemu_find_binding_header)
  get_filename_component(compiler ${CMAKE_Fortran_COMPILER} REALPATH)
  get_filename_component(bin ${compiler} DIRECTORY)
  set(places ${bin}/../include/flang ${bin}/../include ${bin}/../opt/compiler/include)
  if(CMAKE_Fortran_COMPILER_ID STREQUAL "GNU")
    execute_process(COMMAND ${CMAKE_Fortran_COMPILER} -print-file-name=include OUTPUT_VARIABLE places
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
  find_file(PYEMU_BINDING_HEADER ISO_Fortran_binding.h HINTS ${places} NO_DEFAULT_PATH
            DOC "ISO_Fortran_binding.h of the Fortran compiler")
  if(NOT PYEMU_BINDING_HEADER)
    message(FATAL_ERROR "no ISO_Fortran_binding.h of ${CMAKE_Fortran_COMPILER} in ${places}: "
                        "install it, or give its path with -DPYEMU_BINDING_HEADER=")
  endif()
  configure_file(${PYEMU_BINDING_HEADER} ${PROJECT_BINARY_DIR}/binding/ISO_Fortran_binding.h COPYONLY)
  set(PYEMU_BINDING_DIR ${PROJECT_BINARY_DIR}/binding PARENT_SCOPE)
endfunction()
