# Install and export: a consumer writes find_package(arcuate) and links arcuate::study (or any module).
include(CMakePackageConfigHelpers)
get_property(_modules GLOBAL PROPERTY ARCUATE_MODULES)
list(REMOVE_ITEM _modules arcuate_options)
install(TARGETS ${_modules} EXPORT arcuateTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/arcuate DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT arcuateTargets NAMESPACE arcuate:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/arcuate)
configure_package_config_file(cmake/arcuateConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/arcuateConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/arcuate)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/arcuateConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/arcuateConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/arcuateConfigVersion.cmake cmake/FindNifti2.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/arcuate)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
