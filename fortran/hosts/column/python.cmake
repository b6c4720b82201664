# The extension module pyemu.hosts._column: f90wrap writes Fortran and Python wrappers for api.f90, f2py the C glue.
# Both only generate source; CMake compiles it.

find_package(Python REQUIRED COMPONENTS Interpreter Development.Module NumPy)

set(WRAP ${CMAKE_CURRENT_BINARY_DIR}/wrap)
set(API ${CMAKE_CURRENT_SOURCE_DIR}/api.f90)
file(MAKE_DIRECTORY ${WRAP})

# Without the kind map double precision would silently be taken for single.
add_custom_command(
  OUTPUT ${WRAP}/f90wrap_api.f90 ${WRAP}/_column_api.py
  COMMAND ${Python_EXECUTABLE} -m f90wrap -m _column_api --f90-mod-name pyemu.hosts._column -k
          ${CMAKE_CURRENT_SOURCE_DIR}/kind_map ${API}
  DEPENDS ${API} kind_map
  WORKING_DIRECTORY ${WRAP}
  VERBATIM
)
add_custom_command(
  OUTPUT ${WRAP}/_columnmodule.c
  COMMAND ${Python_EXECUTABLE} -c "import f90wrap.scripts.f2py_f90wrap as m; m.main()" -m _column --lower
          ${WRAP}/f90wrap_api.f90 --build-dir ${WRAP}
  DEPENDS ${WRAP}/f90wrap_api.f90
  WORKING_DIRECTORY ${WRAP}
  VERBATIM
)

execute_process(
  COMMAND ${Python_EXECUTABLE} -c "import numpy.f2py as f; print(f.get_include())"
  OUTPUT_VARIABLE F2PY_INCLUDE
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
)
python_add_library(
  pyemu_column_python MODULE WITH_SOABI ${WRAP}/_columnmodule.c ${F2PY_INCLUDE}/fortranobject.c ${WRAP}/f90wrap_api.f90
)
target_include_directories(pyemu_column_python PRIVATE ${F2PY_INCLUDE})
target_link_libraries(pyemu_column_python PRIVATE pyemu_column_host Python::NumPy)
set_target_properties(
  pyemu_column_python PROPERTIES OUTPUT_NAME _column LINKER_LANGUAGE Fortran INSTALL_RPATH
                                 "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}"
)
# A wheel is installed below the package; elsewhere this is a folder of the prefix.
install(TARGETS pyemu_column_python LIBRARY DESTINATION hosts)
install(FILES ${WRAP}/_column_api.py DESTINATION hosts)
