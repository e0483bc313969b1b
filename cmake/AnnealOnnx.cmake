# anneal_onnx_schema: the messages of ONNX as protobuf-c makes them from the distribution's onnx.proto. What writes a model with
# them is tools/onnx. Both only where all three were found (AnnealDeps.cmake).
if(ANL_HAVE_ONNX)
  set(gen ${CMAKE_BINARY_DIR}/gen/onnx)
  file(MAKE_DIRECTORY ${gen})
  add_custom_command(OUTPUT ${gen}/onnx.pb-c.c ${gen}/onnx.pb-c.h
    COMMAND ${ANL_PROTOC_C} --proto_path=${ANL_ONNX_PROTO} --c_out=${gen} onnx.proto
    DEPENDS ${ANL_ONNX_PROTO}/onnx.proto COMMENT "protoc-c onnx.proto" VERBATIM)
  add_library(anneal_onnx_schema STATIC ${gen}/onnx.pb-c.c ${gen}/onnx.pb-c.h)
  target_include_directories(anneal_onnx_schema SYSTEM PUBLIC ${gen})
  target_link_libraries(anneal_onnx_schema PUBLIC anneal_deps)
  target_compile_definitions(anneal_onnx_schema PUBLIC ANL_HAVE_ONNX=1)
endif()
