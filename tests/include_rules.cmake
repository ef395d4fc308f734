# Dependencies point one way: client and server -> engine -> cpu -> plan -> select -> fold -> values. Fails when a file includes
# what its folder may not.
#
#   cmake -P tests/include_rules.cmake
cmake_minimum_required(VERSION 3.25)
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH root)

# may_include(FOLDER [RECURSE] PREFIX...): the sources in FOLDER include nothing but system headers and paths with these
# prefixes.
function(may_include folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "RECURSE" "" "")
  if(arg_RECURSE)
    file(GLOB_RECURSE sources RELATIVE ${root} ${root}/${folder}/*.h ${root}/${folder}/*.cc)
  else()
    file(GLOB sources RELATIVE ${root} ${root}/${folder}/*.h ${root}/${folder}/*.cc)
  endif()
  if(NOT sources)
    message(SEND_ERROR "${folder} has no sources")
  endif()
  list(JOIN arg_UNPARSED_ARGUMENTS "|" prefixes)
  foreach(source IN LISTS sources)
    file(STRINGS ${root}/${source} includes REGEX "^ *# *include +(\"|<.*/)")
    foreach(include IN LISTS includes)
      if(NOT include MATCHES "[<\"](${prefixes}|sys/)")
        message(SEND_ERROR "${source} may not ${include}")
      endif()
    endforeach()
  endforeach()
endfunction()

set(values absl/ server/engine/values/)
set(fold ${values} hwy/ server/engine/fold/)
set(select ${fold} server/engine/select/)
set(plan ${select} server/engine/plan/)
set(cpu ${plan} server/engine/cpu/)
set(engine ${cpu} server/engine/ tbb/ oneapi/tbb/)
set(grpc grpc/ grpcpp/ google/ treduce/v1/)

may_include(server/engine/values RECURSE ${values})
may_include(server/engine/fold RECURSE ${fold})
may_include(server/engine/select RECURSE ${select})
may_include(server/engine/plan RECURSE ${plan})
may_include(server/engine/cpu RECURSE ${cpu} server/engine/accumulation.h tbb/ oneapi/tbb/ sanitizer/)
may_include(server/engine ${engine})
may_include(server/rpc RECURSE absl/ ${grpc} server/rpc/ server/status.h server/engine/values/errors.h)
may_include(server absl/ ${grpc} spdlog/ server/)
may_include(client/cpp RECURSE ${values} ${grpc} client/cpp/)
may_include(client/cli RECURSE absl/ grpc/support/ client/ server/)
