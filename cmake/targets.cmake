# What all targets of the project share.

# Build trees look like install trees: plugins beside the library, programs in bin.
set(PYEMU_OUTPUT_DIR ${PROJECT_BINARY_DIR})

# A file that is installed finds its neighbours in ../lib relative to itself, wherever the tree is moved.
file(RELATIVE_PATH pyemu_bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})

# What PYEMU_SANITIZE asks for: pyemu_sanitizers.
set(pyemu_sanitizers "")
if(PYEMU_SANITIZE STREQUAL "thread")
  set(pyemu_sanitizers -fsanitize=thread)
elseif(PYEMU_SANITIZE MATCHES "^([Oo][Nn]|[Yy][Ee][Ss]|[Tt][Rr][Uu][Ee]|1)$")
  set(pyemu_sanitizers -fsanitize=address,undefined)
elseif(PYEMU_SANITIZE)
  message(FATAL_ERROR "PYEMU_SANITIZE is '${PYEMU_SANITIZE}': expected ON (addresses, undefined behaviour), thread, or OFF")
endif()

function(pyemu_set_common target)
  set_target_properties(
    ${target}
    PROPERTIES C_STANDARD 11
               C_EXTENSIONS OFF
               C_VISIBILITY_PRESET hidden
               POSITION_INDEPENDENT_CODE ON
               LIBRARY_OUTPUT_DIRECTORY ${PYEMU_OUTPUT_DIR}/lib
               ARCHIVE_OUTPUT_DIRECTORY ${PYEMU_OUTPUT_DIR}/lib
               RUNTIME_OUTPUT_DIRECTORY ${PYEMU_OUTPUT_DIR}/bin
               INSTALL_RPATH "$ORIGIN;$ORIGIN/${pyemu_bin_to_lib}")
  target_compile_definitions(${target} PRIVATE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
  target_compile_options(
    ${target}
    PRIVATE
      $<$<COMPILE_LANG_AND_ID:C,GNU,Clang>:-Wall;-Wextra>
      $<$<COMPILE_LANGUAGE:C>:-ffp-contract=off> # the same numbers on every processor
      $<$<COMPILE_LANG_AND_ID:Fortran,GNU>:-Wall;-Wextra;-Wimplicit-interface;-std=f2018;-fimplicit-none>
      $<$<AND:$<CONFIG:Debug>,$<COMPILE_LANG_AND_ID:Fortran,GNU>>:-fcheck=all;-finit-real=snan>)
  if(pyemu_sanitizers)
    target_compile_options(${target} PRIVATE ${pyemu_sanitizers} -fno-sanitize-recover=all -g)
    target_link_options(${target} PRIVATE ${pyemu_sanitizers})
  endif()
  # The names in a report, which suppressions go by, are found when it is written: an engine must still be there.
  if(PYEMU_SANITIZE STREQUAL "thread")
    target_link_options(${target} PRIVATE LINKER:-z,nodelete)
  endif()
endfunction()
