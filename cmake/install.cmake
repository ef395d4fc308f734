# What `cmake --install` installs: the programs (component "runtime"), and the libraries as the CMake package "treduce"
# with the components "engine" and "client" (component "development").
include(CMakePackageConfigHelpers)

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/treduce)
set(header_directory ${CMAKE_INSTALL_INCLUDEDIR}/treduce)

# treduce_export(COMPONENT TARGETS target... HEADERS header...): one component of the package. A target treduce_x is
# known to users as treduce::x. Headers keep their paths from the root of the project.
function(treduce_export component)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "TARGETS;HEADERS")
  foreach(target IN LISTS arg_TARGETS)
    string(REGEX REPLACE "^treduce_" "" name ${target})
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  endforeach()
  install(TARGETS ${arg_TARGETS} EXPORT treduce-${component}
          ARCHIVE COMPONENT development
          INCLUDES DESTINATION ${header_directory})
  install(EXPORT treduce-${component} NAMESPACE treduce:: FILE treduce-${component}-targets.cmake
          DESTINATION ${package_directory} COMPONENT development)
  foreach(header IN LISTS arg_HEADERS)
    cmake_path(GET header PARENT_PATH directory)
    install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${header_directory}/${directory} COMPONENT development)
  endforeach()
endfunction()

set(engine_targets treduce_values treduce_fold treduce_select treduce_plan treduce_engine)
if(TREDUCE_CUDA)
  list(APPEND engine_targets treduce_cuda)
endif()
treduce_export(engine
  TARGETS ${engine_targets}
  HEADERS
    server/engine/accumulation.h
    server/engine/backend.h
    server/engine/engine.h
    server/engine/plan/op_registry.h
    server/engine/plan/plan.h
    server/engine/values/dtype.h
    server/engine/values/errors.h
    server/engine/values/reduction.h
    server/engine/values/shape.h
    server/engine/values/tensor.h)

if(TREDUCE_SERVER)
  install(TARGETS treduce-server treduce RUNTIME COMPONENT runtime)
  treduce_export(client
    TARGETS treduce_proto treduce_client
    HEADERS client/cpp/client.h)
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/treduce-config.cmake.in ${PROJECT_BINARY_DIR}/treduce-config.cmake
                              INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/treduce-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/treduce-config.cmake ${PROJECT_BINARY_DIR}/treduce-config-version.cmake
        DESTINATION ${package_directory} COMPONENT development)
