# The install target (program, library, header, anneal.pc, CMake package) and, with ANL_BUNDLE, the relocatable
# archive of `cpack -G TGZ`: bin/anneal finds its libraries in ../lib, so it runs wherever it is unpacked.
include(CMakePackageConfigHelpers)

install(TARGETS anneal anneal_search anneal_deps EXPORT AnnealTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(FILES runtime/anneal.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES tools/sweep/ask_tell.h tools/sweep/sampler.h tools/sweep/space.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/anneal COMPONENT development)
install(EXPORT AnnealTargets NAMESPACE anneal:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Anneal COMPONENT development)
file(WRITE ${CMAKE_BINARY_DIR}/gen/AnnealConfig.cmake
"include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(\${CMAKE_CURRENT_LIST_DIR}/AnnealTargets.cmake)
")
write_basic_package_version_file(${CMAKE_BINARY_DIR}/gen/AnnealConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/gen/AnnealConfig.cmake ${CMAKE_BINARY_DIR}/gen/AnnealConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Anneal COMPONENT development)

# anneal.pc: libanneal is static, so all it needs is named
set(pc_libs "")
get_target_property(deps anneal_deps INTERFACE_LINK_LIBRARIES)
foreach(dep ${deps})
  if(dep MATCHES "^/" OR dep MATCHES "^-")
    string(APPEND pc_libs " ${dep}")
  elseif(dep MATCHES "::")
    string(APPEND pc_libs " -pthread")
  else()
    string(APPEND pc_libs " -l${dep}")
  endif()
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/gen/anneal.pc
"prefix=${CMAKE_INSTALL_PREFIX}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}

Name: anneal
Description: A deep-learning training engine in C
Version: ${PROJECT_VERSION}
Cflags: -I\${includedir}
Libs: -L\${libdir} -lanneal_search -lanneal${pc_libs}
")
install(FILES ${CMAKE_BINARY_DIR}/gen/anneal.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

if(TARGET anneal_program)
  install(TARGETS anneal_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
install(DIRECTORY models/recipes models/sweeps DESTINATION ${CMAKE_INSTALL_DATADIR}/anneal COMPONENT program OPTIONAL
  FILES_MATCHING PATTERN "*.yaml")
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program FILES_MATCHING PATTERN "*.md")

if(TARGET anneal_cuda)
  # optional: a build of the program alone has none
  install(TARGETS anneal_cuda LIBRARY DESTINATION lib/anneal COMPONENT program OPTIONAL)
endif()
# what tests/gpu/acceptance needs on a GPU machine, where nothing is built
if(ANL_BUNDLE AND TARGET ops_driver AND TARGET anneal_cuda)
  set_target_properties(ops_driver PROPERTIES INSTALL_RPATH "$ORIGIN/..")
  target_link_options(ops_driver PRIVATE -Wl,--disable-new-dtags)
  install(TARGETS ops_driver RUNTIME DESTINATION lib/anneal COMPONENT program)
  install(PROGRAMS tests/gpu/acceptance DESTINATION share/anneal/gpu COMPONENT program)
  install(FILES tests/gpu/torch_steps.py tests/gpu/device_properties.py tests/bench/torch_images.py tests/bench/torch_sequences.py DESTINATION share/anneal/gpu COMPONENT program)
endif()

if(ANL_BUNDLE AND TARGET anneal_program)
  # RPATH, not RUNPATH: it must also serve what the bundled libraries themselves need
  set_target_properties(anneal_program PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
  target_link_options(anneal_program PRIVATE -Wl,--disable-new-dtags)

  # the archive runs on glibc 2.35: see retarget_libstdcxx.py
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  target_sources(anneal_program PRIVATE cmake/arc4random.c)
  target_link_options(anneal_program PRIVATE -Wl,--export-dynamic-symbol=arc4random)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libstdc++.so.6 OUTPUT_VARIABLE stdcxx OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/bundle)
  execute_process(COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/retarget_libstdcxx.py ${stdcxx} ${CMAKE_BINARY_DIR}/bundle/libstdc++.so.6
    RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${stdcxx} cannot be made to run on glibc 2.35")
  endif()
  install(PROGRAMS ${CMAKE_BINARY_DIR}/bundle/libstdc++.so.6 DESTINATION lib COMPONENT program)

  if(ANL_HAVE_TIFF)
    add_library(tiff_codecs STATIC cmake/tiff_codecs.c) # behind libtiff
    target_link_libraries(anneal PUBLIC $<BUILD_INTERFACE:tiff_codecs>)
  endif()

  # every other shared library but glibc's own, as the loader finds them
  install(CODE [[
    file(GET_RUNTIME_DEPENDENCIES EXECUTABLES "$<TARGET_FILE:anneal_program>" RESOLVED_DEPENDENCIES_VAR found
      UNRESOLVED_DEPENDENCIES_VAR lost
      PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv|util)\\.so" "^libstdc\\+\\+")
    if(lost)
      message(FATAL_ERROR "not found: ${lost}")
    endif()
    file(INSTALL ${found} DESTINATION "${CMAKE_INSTALL_PREFIX}/lib" TYPE SHARED_LIBRARY FOLLOW_SYMLINK_CHAIN)
  ]] COMPONENT program)
  # their licences
  foreach(package libdnnl2 ocl-icd-libopencl1 libgomp1 libstdc++6 libgcc-s1 libcjson1 libhdf5-103-1 libsz2 libaec0 zlib1g
      libfyaml0 libsqlite3-0 libdeflate0 libprotobuf-c1 libonnx-dev libwebp7 libwebpdemux2 libtiff6 libzstd1 liblzma5 libjpeg62-turbo)
    if(EXISTS /usr/share/doc/${package}/copyright)
      install(FILES /usr/share/doc/${package}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR}/licences RENAME ${package} COMPONENT program)
    endif()
  endforeach()
endif()

set(CPACK_PACKAGE_NAME anneal)
set(CPACK_PACKAGE_VENDOR "The Anneal authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "A deep-learning training engine in C")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program)
set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
set(CPACK_PACKAGE_FILE_NAME anneal-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_ARCHIVE_PROGRAM_FILE_NAME ${CPACK_PACKAGE_FILE_NAME})
include(CPack)
