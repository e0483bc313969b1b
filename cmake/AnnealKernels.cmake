# An operator is a folder kernels/<op>/; the file suffix is the device (design: kernels/README.md).
#   <op>.c         exports  const anl__op *const anl__ops_<op>[]        (NULL-terminated)
#   <op>_ref.c     exports  const anl__kernel *const anl__kernels_<op>_ref[]   (likewise _cpu, _cudnn, _cuda)
#   <op>_cpu_<part>.c  more of <op>_cpu.c, exports no table; a part named dnnl is built where oneDNN is
#   <op>_fusion.c  exports  const anl__fusion *const anl__fusions_<op>[]
#   <op>_cases.c   exports  const anl__case *const anl__cases_<op>[]   (linked into the tests only)
# Nothing central is edited to add an operator; deleting the folder removes it.
set(ANL_KERNEL_SOURCES "")
set(ANL_CASE_SOURCES "")
set(decl "")
set(ops "")
set(kernels "")
set(fusions "")
set(case_decl "")
set(case_rows "")
file(GLOB op_mains CONFIGURE_DEPENDS kernels/*/*.c)
set(suffixes ref)
if(ANL_HAVE_DNNL OR NOT ANL_REFERENCE_ONLY)
  list(APPEND suffixes cpu)
endif()
file(GLOB op_dirs CONFIGURE_DEPENDS kernels/*)
if(NOT ANL_REFERENCE_ONLY)
  file(GLOB parts CONFIGURE_DEPENDS kernels/common/*.c kernels/*/*_cpu_*.c)
  if(NOT ANL_HAVE_DNNL)
    list(FILTER parts EXCLUDE REGEX "[/_]dnnl\\.c$")
  endif()
  list(APPEND ANL_KERNEL_SOURCES ${parts})
endif()
foreach(dir ${op_dirs})
  get_filename_component(op ${dir} NAME)
  if(op MATCHES "^device_" OR op STREQUAL "common")
    if(op MATCHES "^device_" AND NOT (op STREQUAL "device_cpu" AND ANL_REFERENCE_ONLY))
      file(GLOB device_src CONFIGURE_DEPENDS ${dir}/*.c)
      if(device_src)
        list(APPEND ANL_KERNEL_SOURCES ${device_src})
        string(REGEX REPLACE "^device_" "" device ${op})
        set(decl "${decl}extern const anl__device_vt anl__device_${device};\n")
        set(devices "${devices}    &anl__device_${device},\n")
      endif()
    endif()
    continue()
  endif()
  if(EXISTS ${dir}/${op}.c)
    list(APPEND ANL_KERNEL_SOURCES ${dir}/${op}.c)
    set(decl "${decl}extern const anl__op *const anl__ops_${op}[];\n")
    set(ops "${ops}    anl__ops_${op},\n")
  endif()
  foreach(suffix ${suffixes})
    if(EXISTS ${dir}/${op}_${suffix}.c)
      list(APPEND ANL_KERNEL_SOURCES ${dir}/${op}_${suffix}.c)
      set(decl "${decl}extern const anl__kernel *const anl__kernels_${op}_${suffix}[];\n")
      set(kernels "${kernels}    anl__kernels_${op}_${suffix},\n")
    endif()
  endforeach()
  if(EXISTS ${dir}/${op}_fusion.c)
    list(APPEND ANL_KERNEL_SOURCES ${dir}/${op}_fusion.c)
    set(decl "${decl}extern const anl__fusion *const anl__fusions_${op}[];\n")
    set(fusions "${fusions}    anl__fusions_${op},\n")
  endif()
  if(EXISTS ${dir}/${op}_cases.c)
    list(APPEND ANL_CASE_SOURCES ${dir}/${op}_cases.c)
    set(case_decl "${case_decl}extern const anl__case *const anl__cases_${op}[];\n")
    set(case_rows "${case_rows}    {\"${op}\", anl__cases_${op}},\n")
  endif()
endforeach()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/gen)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/gen/op_table.c CONTENT
"/* Generated from the folders of kernels/. */
#include \"device.h\"
#include \"op.h\"
${decl}
const anl__op *const *const anl__op_table[] = {
${ops}    0};
const anl__kernel *const *const anl__kernel_table[] = {
${kernels}    0};
const anl__fusion *const *const anl__fusion_table[] = {
${fusions}    0};
const anl__device_vt *const anl__device_table[] = {
${devices}    0};
" @ONLY)
list(APPEND ANL_KERNEL_SOURCES ${CMAKE_BINARY_DIR}/gen/op_table.c)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/gen/case_table.c CONTENT
"/* Generated from the folders of kernels/. */
#include \"tests/ops/case.h\"
${case_decl}
const anl__case_row anl__case_table[] = {
${case_rows}    {0, 0}};
" @ONLY)
list(APPEND ANL_CASE_SOURCES ${CMAKE_BINARY_DIR}/gen/case_table.c)
