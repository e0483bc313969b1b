# shellcheck shell=bash disable=SC2154,SC2086,SC2046
# The long part of `tools/check --all`, sourced by it: uses stage, suite, build, skip, $top and $jobs.

# --- the long tests of the release build: kills, torture, valgrind (ctest configuration `long`) ---
[ -x build/release/anneal ] && suite long release -C long -L '^long$'

# --- sanitizers ---
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
stage build-asan build asan && suite asan asan
# what runs on threads; the rest is single-threaded and was run under ASan
export TSAN_OPTIONS=halt_on_error=1
stage build-tsan build tsan && suite tsan tsan -R '^(unit|train|dist|data|state)/|^ops/.*/determinism$'

# --- only a compiler: the reference device ---
stage build-reference build reference-only && suite reference-only reference-only -R '^ops/|^train/'

# --- fuzzing, a minute a target, as many beside each other as there are CPUs ---
fuzz_one() { # TARGET: its log tells all; a failure leaves NAME.failed
    local name=${1##*/fuzz_} log
    log=build/fuzz/$name.log
    rm -rf "build/fuzz/corpus/$name" "build/fuzz/$name.failed"
    mkdir -p "build/fuzz/corpus/$name"
    [ -d "tests/fuzz/seeds/$name" ] && cp -r "tests/fuzz/seeds/$name/." "build/fuzz/corpus/$name"
    "$1" -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=20 "-artifact_prefix=build/fuzz/$name-" "build/fuzz/corpus/$name" >"$log" 2>&1 ||
        : >"build/fuzz/$name.failed"
    echo "== $name: $(tail -n 1 "$log")"
}
export -f fuzz_one
fuzzers() {
    local target targets="" name bad=0
    command -v clang >/dev/null || { echo "clang is not installed"; return 77; }
    build fuzz -DANL_TESTS=ON || return 1
    for target in build/fuzz/tests/fuzz_*; do [ -x "$target" ] && targets="$targets $target"; done
    [ -n "$targets" ] || { echo "there are no fuzz targets"; return 77; }
    rm -f build/fuzz/*.failed
    printf '%s\0' $targets | xargs -0 -n 1 -P "$jobs" bash -c 'fuzz_one "$0"'
    for target in $targets; do # what went wrong, with the input that shows it, comes last
        name=${target##*/fuzz_}
        [ -e "build/fuzz/$name.failed" ] || continue
        bad=1
        echo "== $name failed"
        grep -aE 'ERROR:|runtime error|^ +#[0-9]+ 0x.* /|SUMMARY:|Base64:' "build/fuzz/$name.log" | cut -c1-300 | head -n 20
    done
    return $bad
}
stage fuzz fuzzers

# --- the operator cases on oneDNN 3, from PyPI's build of it, outside the tree ---
dnnl3() {
    local at=${XDG_CACHE_HOME:-$HOME/.cache}/anneal/onednn-3.2
    if [ ! -e "$at/lib/libdnnl.so" ]; then
        rm -rf "$at"
        mkdir -p "${at%/*}" && python3 -m venv "$at" || { echo "no Python venv"; return 77; }
        "$at/bin/pip" -q install --no-deps onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0 ||
            { rm -rf "$at"; echo "PyPI's onednn-cpu-gomp 2023.2.0 cannot be had here"; return 77; }
    fi
    cmake --preset release $launcher -B build/dnnl3 "-DANL_DNNL_LIB=$at/lib/libdnnl.so" "-DANL_DNNL_INCLUDE=$at/include" \
        "-DCMAKE_BUILD_RPATH=$at/lib" && cmake --build build/dnnl3 -j "$jobs" --target ops_driver models_nan_test
}
stage build-dnnl3 dnnl3 && suite dnnl3 dnnl3 -R '^ops/.*/(device|determinism)$|^models/nan$'

# --- exported models in ONNX Runtime and in Keras 3, from PyPI, outside the tree ---
oracle() { # NAME VERSION IMPORTS PACKAGE...: tests/NAME/oracle.py with these packages, in an environment of its own
    local name=$1 imports=$3 at=${XDG_CACHE_HOME:-$HOME/.cache}/anneal/$1-$2
    shift 3
    if [ ! -x "$at/bin/python" ] || ! "$at/bin/python" -c "import $imports" 2>/dev/null; then
        rm -rf "$at"
        mkdir -p "${at%/*}" && python3 -m venv "$at" || { echo "no Python venv"; return 77; }
        "$at/bin/pip" -q install "$@" || { rm -rf "$at"; echo "PyPI's $imports cannot be had here"; return 77; }
    fi
    "$at/bin/python" "tests/$name/oracle.py" build/release/anneal
}
onnx() {
    [ -e build/release/libanneal_onnx_schema.a ] || { echo "this build has no ONNX"; return 77; }
    oracle onnx 1 'numpy, onnx, onnxruntime' numpy onnx 'onnxruntime>=1.13'
}
stage onnx onnx
keras() { KERAS_BACKEND=jax oracle keras 1 'numpy, h5py, jax, keras' numpy h5py jax 'keras>=3'; }
stage keras keras

# --- CUDA without a GPU: every kernel compiles for three generations without a spill; the plug-in loads and says what is missing ---
cuda_one() { # FILE: object and report below build/cuda-check
    local out
    out=build/cuda-check/$(basename "$1" .cu)
    $CUDA_CACHE "$CUDA_NVCC" -std=c++20 -O3 -gencode arch=compute_75,code=sm_75 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_100,code=sm_100 \
        -Werror all-warnings -Xptxas -v -Iruntime -I. -c "$1" -o "$out.o" >"$out.txt" 2>&1 || { echo "== $1"; tail -20 "$out.txt"; return 1; }
}
export -f cuda_one
# What every file's head says: bytes moved, what bounds it, and the measurement or that there is none. Where it says "Loads: 16 bytes", vector loads are in its PTX.
cuda_heads() {
    local f head words ptx=build/cuda-check/loads.ptx bad=0
    while read -r f; do
        head=$(sed '/\*\//q' "$f" | tr -s ' \n*' ' ')
        for words in '[Bb]ytes moved' '[Bb]ound: ' '[Nn]ot measured on a GPU|[Mm]easured: '; do
            [[ $head =~ $words ]] || { echo "$f: its head does not say '$words'"; bad=1; }
        done
        [[ $head != *"Loads: 16 bytes"* ]] && continue
        "$CUDA_NVCC" -std=c++20 -O3 -arch=compute_90 -Iruntime -I. -ptx "$f" -o $ptx && grep -qE 'ld\.global(\.nc)?\.v(4\.[bfu]32|2\.[bfu]64)' $ptx ||
            { echo "$f: says that it loads 16 bytes at once, but its PTX has no such load"; bad=1; }
    done < <(find kernels -name '*.cu')
    return $bad
}
cuda() {
    local f n report=build/cuda-ptxas.txt
    CUDA_NVCC=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null) || { echo "nvcc is not installed"; return 77; }
    CUDA_CACHE=$(command -v ccache)
    export CUDA_NVCC CUDA_CACHE
    mkdir -p build/cuda-check
    cuda_heads || return 1
    find kernels -name '*.cu' -print0 | xargs -0 -n 1 -P "$jobs" bash -c 'cuda_one "$0"' || return 1
    n=$(find kernels -name '*.cu' | wc -l)
    for f in build/cuda-check/*.txt; do echo "== $f"; cat "$f"; done >$report
    if grep -E '[1-9][0-9]* bytes spill' $report; then return 1; fi
    if [ -x build/release/anneal ] && [ -e build/release/anneal-cuda.so ]; then
        build/release/anneal doctor | grep -q 'plug-in .*anneal-cuda.so' || { echo "the plug-in does not load"; return 1; }
    fi
    echo "$n files, registers and spills in $report"
}
stage cuda cuda

# --- the archive: unpacked into a chroot with glibc only ---
archive() {
    build package || return 1
    (cd build/package && rm -f anneal-*.tar.gz && cpack -G TGZ) || return 1
    tests/packaging/check_archive.sh build/package/anneal-*.tar.gz
}
stage archive archive
