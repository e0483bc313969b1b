#!/usr/bin/env bash
# install_long.sh PROGRAM: the install target, used by pkg-config, by CMake and from C++.
set -eu
build=$(dirname "$(realpath "${1:?program}")")
at=$(mktemp -d)
trap 'rm -rf "$at"' EXIT
cmake --install "$build" --prefix "$at/inst" >"$at/log"
cat >"$at/use.c" <<'C'
#include <anneal.h>
#include <stdio.h>
int main(void)
{
    anl_ctx *ctx = anl_ctx_create();
    anl_device *dev;
    anl_status st = ctx ? anl_device_open(ctx, "reference", NULL, &dev) : ANL_NOMEM;
    printf("%s %s\n", anl_version(), anl_status_name(st));
    if (st == ANL_OK) anl_device_close(dev);
    anl_ctx_destroy(ctx);
    return st != ANL_OK;
}
C
pc=$(find "$at/inst" -name anneal.pc)
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$at/inst" --cflags --libs anneal)
# shellcheck disable=SC2086
gcc -Wall -Wextra -Werror -pedantic -std=c99 "$at/use.c" $flags -o "$at/by-pkg-config"
"$at/by-pkg-config"
if command -v g++ >/dev/null; then g++ -Wall -Wextra -Werror -fsyntax-only -I"$at/inst/include" -x c++ - <<<'#include <anneal.h>'; fi
cat >"$at/CMakeLists.txt" <<'CM'
cmake_minimum_required(VERSION 3.18)
project(use C)
find_package(Anneal 0.1 REQUIRED)
add_executable(by-cmake use.c)
target_link_libraries(by-cmake anneal::anneal)
CM
cmake -S "$at" -B "$at/b" -DCMAKE_PREFIX_PATH="$at/inst" >>"$at/log"
cmake --build "$at/b" >>"$at/log"
"$at/b/by-cmake"
test -x "$at/inst/bin/anneal"
