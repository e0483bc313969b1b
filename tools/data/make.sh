#!/bin/sh
# Makes data sets of sequences, and a table of pictures, from Debian packages: tools/data/make.sh NAME... | all
# They go to $XDG_CACHE_HOME/anneal/data/NAME/ (default ~/.cache), each written beside and renamed. Nothing is fetched or
# installed: when a package is missing, the command that installs it is printed and the exit code is 3.
# Everything is deterministic: the same packages give the same bytes.
set -eu
LC_ALL=C
export LC_ALL
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
case ${XDG_CACHE_HOME:-} in
    /*) root=$XDG_CACHE_HOME/anneal/data ;;
    *) root=$HOME/.cache/anneal/data ;;
esac
known="taylor chicago food-reviews dna-splice king-james trans-de-en sensors clipart"

missing() { # PACKAGE...: says how to install them
    echo "tools/data/make.sh: not installed; install with: sudo apt-get install $*" >&2
    exit 3
}

# need_r LIBRARY PACKAGE
need_r() {
    command -v Rscript >/dev/null || missing r-base-core "$2"
    Rscript -e "quit(status = !requireNamespace('$1', quietly = TRUE))" >/dev/null 2>&1 || missing r-base-core "$2"
}

# put FILE: standard input becomes $dir/FILE, all or nothing
put() {
    mkdir -p "$dir"
    cat >"$dir/.$1.$$"
    mv "$dir/.$1.$$" "$dir/$1"
    echo "$dir/$1: $(wc -c <"$dir/$1") bytes"
}

# from_r SCRIPT FILE: what the script writes to standard output
from_r() {
    made=$(mktemp)
    Rscript --vanilla "$here/$1" >"$made" || { rm -f "$made"; exit 1; }
    put "$2" <"$made"
    rm -f "$made"
}

# A table of the drawings in folders of openclipart-png that have at least 78; the folder is the class.
clipart() {
    [ -d /usr/share/openclipart/png ] || missing openclipart-png
    made=$(mktemp)
    echo file,label >"$made"
    for class in animals/mammals computer/icons food/fruit recreation/games recreation/music shapes/arrows shapes/stars \
        signs_and_symbols/flags signs_and_symbols/map_symbols special/gradients special/patterns transportation/aiga-symbols; do
        find "/usr/share/openclipart/png/$class" -name '*.png' | sort | sed "s/\"/\"\"/g; s/.*/\"&\",${class#*/}/" >>"$made"
    done
    put labels.csv <"$made"
    rm -f "$made"
}

make_one() {
    dir=$root/$1
    case $1 in
        taylor) need_r forecast r-cran-forecast && from_r taylor.R taylor.csv ;;
        chicago) need_r modeldata r-cran-modeldata && from_r chicago.R chicago.csv ;;
        food-reviews) need_r modeldata r-cran-modeldata && from_r food_reviews.R food-reviews.csv ;;
        dna-splice) need_r mlbench r-cran-mlbench && from_r dna_splice.R dna-splice.csv ;;
        king-james)
            command -v bible >/dev/null || missing bible-kjv
            bible -l200 gen1:1-rev22:21 </dev/null | put king-james.txt
            sum=$(sha256sum "$dir/king-james.txt" | cut -d' ' -f1)
            if [ "$sum" != fb112fad67bf6e0906c6cfc54c67b2a3f3c6d5fc02a30a49e7dc128f75d3ec6a ]; then
                echo "tools/data/make.sh: $dir/king-james.txt has SHA-256 $sum: this is another text" >&2
                rm -f "$dir/king-james.txt"
                exit 1
            fi
            ;;
        trans-de-en)
            [ -r /usr/share/trans/de-en ] || missing trans-de-en
            made=$(mktemp)
            awk -f "$here/trans_pairs.awk" /usr/share/trans/de-en | sort -t"$(printf '\t')" -k1,1n -k2,2 -k3,3 -k4,4 -u |
                awk -f "$here/trans_parts.awk" >"$made"
            put trans-de-en.tsv <"$made"
            rm -f "$made"
            ;;
        clipart) clipart ;;
        sensors) awk -f "$here/sensors.awk" </dev/null | put sensors.csv ;;
        *)
            echo "tools/data/make.sh: no data set $1; known are: $known" >&2
            exit 2
            ;;
    esac
}

[ $# -gt 0 ] || {
    echo "usage: tools/data/make.sh NAME... | all    (known: $known)" >&2
    exit 2
}
[ "$*" = all ] && set -- $known
for name; do make_one "$name"; done
