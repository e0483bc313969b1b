# shellcheck shell=bash
# noise SEED: bytes, the same each time
noise() {
    awk -v x="$1" 'BEGIN { for (i = 0; i < 4000; i++) { x = x * 16807 % 2147483647; print x } }' | gzip -n | tail -c +100
}

# tiny_data DIR: a set of 96 and 32 images of noise, 8 x 8, in four classes, as IDX; the same each time.
tiny_data() {
    local part n name size i
    mkdir -p "$1"
    for part in train:96 t10k:32; do
        n=${part#*:} name=${part%:*}
        size=$(printf '\\%o' "$n")
        { printf '\0\0\10\3\0\0\0%b\0\0\0\10\0\0\0\10' "$size"; noise "$n" | head -c $((n * 64)); } >"$1/$name-images-idx3-ubyte"
        { printf '\0\0\10\1\0\0\0%b' "$size"; for ((i = 0; i < n; i++)); do printf '%b' "\\$((i % 4))"; done; } >"$1/$name-labels-idx1-ubyte"
    done
}
