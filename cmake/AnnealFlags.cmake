# anneal_flags: warnings and sanitizers for our own code only (never exported).
add_library(anneal_flags INTERFACE)
target_compile_options(anneal_flags INTERFACE -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wwrite-strings -Wformat-security -fno-math-errno -fno-trapping-math -ffp-contract=off $<$<CONFIG:Release>:-O3>)
target_compile_definitions(anneal_flags INTERFACE _GNU_SOURCE)
# clang: a loop that a sanitizer keeps from being vectorized is no fault
target_compile_options(anneal_flags INTERFACE $<$<C_COMPILER_ID:Clang>:-Wno-pass-failed>)
if(ANL_WERROR)
  target_compile_options(anneal_flags INTERFACE -Werror)
endif()
if(ANL_SANITIZE)
  target_compile_options(anneal_flags INTERFACE -fsanitize=${ANL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(anneal_flags INTERFACE -fsanitize=${ANL_SANITIZE})
  target_compile_definitions(anneal_flags INTERFACE ANL_SANITIZED=1)
endif()
