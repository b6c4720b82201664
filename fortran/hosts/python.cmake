# pyemu_add_python_host(NAME): the extension module pyemu.hosts._NAME of the host's api.f90. f90wrap writes Fortran and Python
# wrappers, f2py the C glue. Both only generate source; CMake compiles it.

find_package(Python REQUIRED COMPONENTS Interpreter Development.Module NumPy)
execute_process(
  COMMAND ${Python_EXECUTABLE} -c "import numpy.f2py as f; print(f.get_include())"
  OUTPUT_VARIABLE F2PY_INCLUDE
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
)
# Without the kind map double precision would silently be taken for single.
set(HOST_KIND_MAP ${CMAKE_CURRENT_SOURCE_DIR}/kind_map)

function(pyemu_add_python_host name)
  set(wrap ${CMAKE_CURRENT_BINARY_DIR}/wrap)
  set(api ${CMAKE_CURRENT_SOURCE_DIR}/api.f90)
  file(MAKE_DIRECTORY ${wrap})
  add_custom_command(
    OUTPUT ${wrap}/f90wrap_api.f90 ${wrap}/_${name}_api.py
    COMMAND ${Python_EXECUTABLE} -m f90wrap -m _${name}_api --f90-mod-name pyemu.hosts._${name} -k ${HOST_KIND_MAP} ${api}
    DEPENDS ${api} ${HOST_KIND_MAP}
    WORKING_DIRECTORY ${wrap}
    VERBATIM
  )
  add_custom_command(
    OUTPUT ${wrap}/_${name}module.c
    COMMAND ${Python_EXECUTABLE} -c "import f90wrap.scripts.f2py_f90wrap as m; m.main()" -m _${name} --lower
            ${wrap}/f90wrap_api.f90 --build-dir ${wrap}
    DEPENDS ${wrap}/f90wrap_api.f90
    WORKING_DIRECTORY ${wrap}
    VERBATIM
  )
  set(target pyemu_${name}_python)
  python_add_library(${target} MODULE WITH_SOABI ${wrap}/_${name}module.c ${F2PY_INCLUDE}/fortranobject.c ${wrap}/f90wrap_api.f90)
  target_include_directories(${target} PRIVATE ${F2PY_INCLUDE})
  target_link_libraries(${target} PRIVATE pyemu_${name}_host Python::NumPy)
  set_target_properties(
    ${target} PROPERTIES OUTPUT_NAME _${name} LINKER_LANGUAGE Fortran INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}"
  )
  # A wheel is installed below the package; elsewhere this is a folder of the prefix.
  install(TARGETS ${target} LIBRARY DESTINATION hosts)
  install(FILES ${wrap}/_${name}_api.py DESTINATION hosts)
endfunction()
