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
cat >"$at/search.c" <<'C'
#include <anneal/ask_tell.h>
#include <math.h>
#include <stdio.h>
static double bowl(double lr, double layers) { return pow(log10(lr) + 3, 2) + pow(layers - 4, 2); }
int main(void)
{
    space_axis axes[] = {{.name = "lr", .kind = SPACE_REAL, .low = 1e-5, .high = 1, .log = true}, {.name = "layers", .kind = SPACE_INT, .low = 1, .high = 6}};
    anl_ctx *ctx = anl_ctx_create();
    search_options o = search_options_default();
    space *sp = NULL;
    search *s = NULL;
    trial_result best = {0};
    if (!ctx || space_create(ctx, axes, 2, &sp) || search_create(ctx, sp, &o, &s)) return 1;
    for (int k = 0; k < 60; k++) {
        int64_t number;
        double x[2], y;
        if (search_ask(s, &number, x)) return 2;
        y = bowl(x[0], x[1]);
        if (search_tell(s, number, TRIAL_COMPLETE, &y, NULL)) return 3;
    }
    if (search_best(s, &best)) return 4;
    printf("best %g\n", best.objective[0]);
    int bad = !(best.objective[0] < 0.5);
    search_free(s);
    space_destroy(sp);
    anl_ctx_destroy(ctx);
    return bad;
}
C
pc=$(find "$at/inst" -name anneal.pc)
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$at/inst" --cflags --libs anneal)
# shellcheck disable=SC2086
gcc -Wall -Wextra -Werror -pedantic -std=c99 "$at/use.c" $flags -o "$at/by-pkg-config"
# shellcheck disable=SC2086
gcc -Wall -Wextra -Werror -std=c17 "$at/search.c" $flags -o "$at/search-by-pkg-config"
"$at/search-by-pkg-config"
"$at/by-pkg-config"
if command -v g++ >/dev/null; then g++ -Wall -Wextra -Werror -fsyntax-only -I"$at/inst/include" -x c++ - <<<'#include <anneal.h>'; fi
cat >"$at/CMakeLists.txt" <<'CM'
cmake_minimum_required(VERSION 3.18)
project(use C)
find_package(Anneal 0.1 REQUIRED)
add_executable(by-cmake use.c)
target_link_libraries(by-cmake anneal::anneal)
add_executable(search-by-cmake search.c)
target_link_libraries(search-by-cmake anneal::anneal_search m)
CM
cmake -S "$at" -B "$at/b" -DCMAKE_PREFIX_PATH="$at/inst" >>"$at/log"
cmake --build "$at/b" >>"$at/log"
"$at/b/by-cmake"
"$at/b/search-by-cmake"
test -x "$at/inst/bin/anneal"
