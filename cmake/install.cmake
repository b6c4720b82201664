# The install tree: lib, include, bin, and what find_package and pkg-config need. It can be moved as a whole.
include(CMakePackageConfigHelpers)

set(pyemu_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pyemu)

install(TARGETS pyemu pyemu_fortran EXPORT pyemuTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_SOURCE_DIR}/csrc/pyemu.h ${PROJECT_SOURCE_DIR}/csrc/pyemu.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PYEMU_OUTPUT_DIR}/include/pyemu DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS pyemu_verify RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET pyemu_engine_onnxruntime)
  install(TARGETS pyemu_engine_onnxruntime LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
foreach(engine IN ITEMS pyemu_engine_torch pyemu_torch pyemu_engine_python pyemu_python)
  if(TARGET ${engine})
    install(TARGETS ${engine} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()

# The MPI library has an export of its own: who does not ask for the component mpi needs no MPI.
if(TARGET pyemu_mpi)
  install(TARGETS pyemu_mpi EXPORT pyemuMpiTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(TARGETS pyemu_engine_group LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT pyemuMpiTargets NAMESPACE pyemu:: DESTINATION ${pyemu_cmake_dir})
endif()

install(EXPORT pyemuTargets NAMESPACE pyemu:: DESTINATION ${pyemu_cmake_dir})
configure_package_config_file(cmake/pyemuConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/pyemuConfig.cmake
                              INSTALL_DESTINATION ${pyemu_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/pyemuConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/pyemuConfig.cmake ${PROJECT_BINARY_DIR}/cmake/pyemuConfigVersion.cmake
        DESTINATION ${pyemu_cmake_dir})

# pkg-config files find the tree from where they lie themselves.
file(RELATIVE_PATH pyemu_pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
set(pyemu_pc_names pyemu pyemu-fortran)
if(TARGET pyemu_mpi)
  list(APPEND pyemu_pc_names pyemu-mpi)
endif()
foreach(name IN LISTS pyemu_pc_names)
  configure_file(cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/cmake/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/cmake/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
