# The C library: shared and static, with its header, model, CMake package and pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
find_package(Threads REQUIRED)

file(STRINGS runtime/core/posmoe.h abi_line REGEX "^#define POSMOE_ABI " LIMIT_COUNT 1)
string(REGEX REPLACE "^#define POSMOE_ABI " "" POSMOE_ABI "${abi_line}")
set(POSMOE_MODELS "${CMAKE_INSTALL_DATADIR}/posmoe/models")

set(sources runtime/core/posmoe.cc runtime/core/posmoe_documents.cc runtime/core/posmoe_draft.cc)
add_library(posmoe SHARED ${sources})
target_link_libraries(posmoe PRIVATE posmoe_core)
set_target_properties(posmoe PROPERTIES VERSION ${POSMOE_VERSION} SOVERSION ${POSMOE_ABI})
if(APPLE)
  target_link_options(posmoe PRIVATE "LINKER:-exported_symbol,_posmoe_*")
elseif(UNIX)
  set(map "${CMAKE_CURRENT_SOURCE_DIR}/runtime/cmake/posmoe.map")
  target_link_options(posmoe PRIVATE "LINKER:--version-script=${map}")
  set_target_properties(posmoe PROPERTIES LINK_DEPENDS "${map}")
endif()

add_library(posmoe_static STATIC ${sources} $<TARGET_OBJECTS:posmoe_core>)
target_compile_definitions(posmoe_static PUBLIC POSMOE_STATIC)
target_include_directories(posmoe_static PRIVATE runtime/core)
set_target_properties(posmoe_static PROPERTIES EXPORT_NAME static)
if(NOT MSVC) # there the shared library's import library has this name
  set_target_properties(posmoe_static PROPERTIES OUTPUT_NAME posmoe)
endif()

foreach(target posmoe posmoe_static)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:posmoe_flags> Threads::Threads)
  target_compile_definitions(${target} PRIVATE POSMOE_VERSION="${POSMOE_VERSION}")
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON)
endforeach()

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/posmoe")
configure_package_config_file(runtime/cmake/posmoeConfig.cmake.in posmoeConfig.cmake INSTALL_DESTINATION ${package}
                              PATH_VARS POSMOE_MODELS)
write_basic_package_version_file(posmoeConfigVersion.cmake VERSION ${POSMOE_VERSION} COMPATIBILITY SameMinorVersion)
configure_file(runtime/cmake/posmoe.pc.in posmoe.pc @ONLY)
install(TARGETS posmoe posmoe_static EXPORT posmoe COMPONENT library)
install(EXPORT posmoe NAMESPACE posmoe:: FILE posmoeTargets.cmake DESTINATION ${package} COMPONENT library)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/posmoeConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/posmoeConfigVersion.cmake"
        DESTINATION ${package} COMPONENT library)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/posmoe.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
install(FILES runtime/core/posmoe.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install(DIRECTORY runtime/posmoe/models/en-edge DESTINATION ${POSMOE_MODELS} COMPONENT library)
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
