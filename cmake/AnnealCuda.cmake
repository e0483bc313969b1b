# The CUDA plug-in anneal-cuda.so: kernels/<op>/<op>_cuda.cu and kernels/device_cuda/plugin/, a shared object that links no CUDA
# library but the static runtime. Built where nvcc is; the program itself never needs it.
#   <op>_cuda.cu                  exports  extern "C" const anl__kernel *const anl__kernels_<op>_cuda[]
#   <op>_cudnn.c, <op>_cublaslt.c  plain C over a library opened by name: const anl__kernel *const anl__kernels_<op>_cudnn[]
set(ANL_CUDA AUTO CACHE STRING "The CUDA plug-in: AUTO (when nvcc is found), ON, OFF")
set(ANL_CUDA_ARCHS "90" CACHE STRING "Compute capabilities to compile for; PTX is kept for the last")
file(GLOB ANL_CUDA_KERNELS CONFIGURE_DEPENDS kernels/*/*_cuda.cu)
file(GLOB ANL_CUDA_LIBRARY_KERNELS CONFIGURE_DEPENDS kernels/*/*_cudnn.c kernels/*/*_cublaslt.c)
set(cuda_decl "")
set(cuda_rows "")
foreach(src ${ANL_CUDA_KERNELS} ${ANL_CUDA_LIBRARY_KERNELS})
  get_filename_component(name ${src} NAME_WE)
  set(cuda_decl "${cuda_decl}extern const anl__kernel *const anl__kernels_${name}[];\n")
  set(cuda_rows "${cuda_rows}    anl__kernels_${name},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/gen/cuda_table.c CONTENT
"/* Generated from the folders of kernels/. */
#include \"kernels/device_cuda/plugin/plugin.h\"
${cuda_decl}
const anl__kernel *const *const anl__cuda_kernel_table[] = {
${cuda_rows}    0};
/* The plug-in looks no operator up by name. */
const anl__op *const *const anl__op_table[] = {0};
" @ONLY)
# Our C of the plug-in, for the real one and for the shim; unused parts of operators' files are dropped by the linker.
set(ANL_CUDA_PLUGIN_C ${CMAKE_BINARY_DIR}/gen/cuda_table.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/plugin.c
  ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/lt_product.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/lt_tune.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/dnn_adds.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/dnn_conv.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/dnn_form.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/dnn_rnn.c
  ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/plan_memory.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/plan_tune.c
  ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/measure.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/group.c ${CMAKE_SOURCE_DIR}/kernels/device_cuda/plugin/group_try.c
  ${ANL_CUDA_LIBRARY_KERNELS}
  ${CMAKE_SOURCE_DIR}/kernels/activation/activation.c ${CMAKE_SOURCE_DIR}/kernels/conv2d/conv2d.c
  ${CMAKE_SOURCE_DIR}/runtime/graph/op.c ${CMAKE_SOURCE_DIR}/runtime/base/alloc.c
  ${CMAKE_SOURCE_DIR}/runtime/base/context.c ${CMAKE_SOURCE_DIR}/runtime/base/files.c ${CMAKE_SOURCE_DIR}/runtime/base/digest.c ${CMAKE_SOURCE_DIR}/runtime/base/text.c)
function(anneal_cuda_plugin target)
  set_target_properties(${target} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/runtime)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C>:-ffunction-sections> $<$<COMPILE_LANGUAGE:C>:-fdata-sections>)
  target_link_options(${target} PRIVATE -Wl,--gc-sections)
  target_link_libraries(${target} PRIVATE Threads::Threads m ${CMAKE_DL_LIBS})
endfunction()

if(ANL_CUDA STREQUAL OFF OR ANL_SANITIZE)
  return()
endif()
find_program(ANL_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin /usr/local/cuda/bin)
if(ANL_NVCC)
  get_filename_component(cuda_root ${ANL_NVCC} DIRECTORY)
  get_filename_component(cuda_root ${cuda_root} DIRECTORY)
  find_path(ANL_CUDNN_INCLUDE cudnn.h HINTS ${cuda_root}/include)
  find_library(ANL_CUDART libcudart_static.a HINTS ${cuda_root}/lib64 ${cuda_root}/lib)
endif()
if(NOT ANL_NVCC OR NOT ANL_CUDNN_INCLUDE OR NOT ANL_CUDART)
  if(ANL_CUDA STREQUAL ON)
    message(FATAL_ERROR "ANL_CUDA=ON, but nvcc, cudnn.h or libcudart_static.a is not found")
  endif()
  return()
endif()
set(cuda_gencode "")
foreach(arch ${ANL_CUDA_ARCHS})
  list(APPEND cuda_gencode -gencode arch=compute_${arch},code=sm_${arch})
  set(last_arch ${arch})
endforeach()
list(APPEND cuda_gencode -gencode arch=compute_${last_arch},code=compute_${last_arch})
set(cuda_objects "")
foreach(src ${ANL_CUDA_KERNELS})
  get_filename_component(name ${src} NAME_WE)
  set(object ${CMAKE_BINARY_DIR}/cuda/${name}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${ANL_NVCC} -std=c++20 -O3 ${cuda_gencode} -Werror all-warnings -Xcompiler -fPIC,-Wall,-fvisibility=hidden -I${CMAKE_SOURCE_DIR}
            -I${CMAKE_SOURCE_DIR}/runtime -MD -MF ${object}.d -MT cuda/${name}.o -c ${src} -o ${object}
    DEPENDS ${src} DEPFILE ${object}.d COMMENT "nvcc ${name}.cu")
  list(APPEND cuda_objects ${object})
endforeach()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/cuda)
add_library(anneal_cuda MODULE ${ANL_CUDA_PLUGIN_C} kernels/device_cuda/plugin/libs.c kernels/device_cuda/plugin/tables_check.c ${cuda_objects})
set_source_files_properties(${cuda_objects} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
set_target_properties(anneal_cuda PROPERTIES OUTPUT_NAME anneal-cuda LINKER_LANGUAGE C LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
anneal_cuda_plugin(anneal_cuda)
target_include_directories(anneal_cuda SYSTEM PRIVATE ${cuda_root}/include ${ANL_CUDNN_INCLUDE})
target_link_libraries(anneal_cuda PRIVATE anneal_flags ${ANL_CUDART} rt stdc++)
