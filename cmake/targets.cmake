# What all targets of the project share.

# Build trees look like install trees: plugins beside the library, programs in bin.
set(PYEMU_OUTPUT_DIR ${PROJECT_BINARY_DIR})

# A file that is installed finds its neighbours in ../lib relative to itself, wherever the tree is moved.
file(RELATIVE_PATH pyemu_bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})

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
      $<$<COMPILE_LANG_AND_ID:Fortran,GNU>:-Wall;-Wextra;-Wimplicit-interface;-std=f2018;-fimplicit-none>
      $<$<AND:$<CONFIG:Debug>,$<COMPILE_LANG_AND_ID:Fortran,GNU>>:-fcheck=all;-finit-real=snan>)
  if(PYEMU_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=all -g)
    target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  endif()
endfunction()
