# A subcommand is a file tools/cmd_<name>.c that exports `const command command_<name>`.
file(GLOB command_src CONFIGURE_DEPENDS tools/cmd_*.c)
set(decl "")
set(rows "")
foreach(src ${command_src})
  get_filename_component(name ${src} NAME_WE)
  string(REGEX REPLACE "^cmd_" "" name ${name})
  set(decl "${decl}extern const command command_${name};\n")
  set(rows "${rows}    &command_${name},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/gen/command_table.c CONTENT
"/* Generated from tools/cmd_*.c. */
#include \"tools/command.h\"
${decl}
const command *const command_table[] = {
${rows}    0};
" @ONLY)
