# One target per module, one executable per test file, one set of compile options for all of them.

# The numerical contract (ARCHITECTURE.md, "One answer"): no contraction, no fast-math, exact / and sqrt.
add_library(arcuate_options INTERFACE)
target_compile_features(arcuate_options INTERFACE cxx_std_20)
set(_host_flags -ffp-contract=off -fno-math-errno -fno-trapping-math)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND ARCUATE_CPU_ARCH)
  list(APPEND _host_flags -march=${ARCUATE_CPU_ARCH})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # GCC 12's SLP patterns make vfmaddsub out of a rotation (a*x - b*y, b*x + a*y) although contraction is off
  list(APPEND _host_flags -fno-tree-slp-vectorize)
endif()
set(_warnings -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-unknown-pragmas $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # GCC 12: false alarms in std::string
if(ARCUATE_SANITIZE)
  list(APPEND _host_flags -fsanitize=${ARCUATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${ARCUATE_SANITIZE})
endif()
string(REPLACE ";" "," _host_flags_for_nvcc "${_host_flags}")
target_compile_options(arcuate_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:${_host_flags};${_warnings}>
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;--fmad=false;--expt-relaxed-constexpr;--extended-lambda;-Xcompiler=${_host_flags_for_nvcc}>)
if(ARCUATE_SOFTWARE_GPU AND NOT CMAKE_CUDA_FLAGS MATCHES "no-compress")
  target_compile_options(arcuate_options INTERFACE $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:--no-compress>>)  # it reads the PTX
endif()
set_target_properties(arcuate_options PROPERTIES EXPORT_NAME options)

set_property(GLOBAL PROPERTY ARCUATE_MODULES arcuate_options)

# arcuate_module(<name> SOURCES a.cpp b.cpp [CUDA launch.cu] [PUBLIC targets] [PRIVATE targets])
#   -> library arcuate_<name>, alias arcuate::<name>. CUDA sources are compiled only where CUDA is.
function(arcuate_module name)
  cmake_parse_arguments(M "" "" "SOURCES;CUDA;PUBLIC;PRIVATE" ${ARGN})
  if(ARCUATE_HAS_CUDA)
    list(APPEND M_SOURCES ${M_CUDA})
  endif()
  add_library(arcuate_${name} STATIC ${M_SOURCES})
  add_library(arcuate::${name} ALIAS arcuate_${name})
  set_target_properties(arcuate_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(arcuate_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(arcuate_${name} PUBLIC ${M_PUBLIC} PRIVATE $<BUILD_INTERFACE:arcuate_options> ${M_PRIVATE})
  target_compile_features(arcuate_${name} PUBLIC cxx_std_20)
  set_property(GLOBAL APPEND PROPERTY ARCUATE_MODULES arcuate_${name})
endfunction()

# arcuate_test(<file without .cpp> [LINK targets] [LABELS labels]): a GoogleTest executable, one ctest entry.
function(arcuate_test file)
  cmake_parse_arguments(T "" "" "LINK;LABELS" ${ARGN})
  get_filename_component(dir ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(target test_${dir}_${file})
  add_executable(${target} ${file}.cpp)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE ${T_LINK} arcuate_options GTest::gmock GTest::gtest_main)
  add_test(NAME ${dir}.${file} COMMAND ${target})
  set_tests_properties(${dir}.${file} PROPERTIES LABELS "${dir};${T_LABELS}" TIMEOUT 600)
  if(ARCUATE_SOFTWARE_GPU)
    set_tests_properties(${dir}.${file} PROPERTIES ENVIRONMENT ARCUATE_SOFTWARE_GPUS=2)
  endif()
  if(ARCUATE_SANITIZE)  # tests ask for more memory than there is, and expect our error, not the sanitizer's
    set_tests_properties(${dir}.${file} PROPERTIES ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1;TSAN_OPTIONS=allocator_may_return_null=1:\
suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp")
  endif()
endfunction()
