#!/usr/bin/env bash
# tools/data/make.sh: each set from its Debian package to the bytes that the figures of docs/sequences.md were measured on; what is
# missing is named with the command that installs it. A set whose package is not there is a counted skip.
# Usage: make_data_long.sh PROGRAM
set -u
program=$(realpath "${1:?program}")
make=$(cd "$(dirname "$0")/../.." && pwd)/tools/data/make.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export XDG_CACHE_HOME=$dir
failed=0 made=0 skipped=0

fail() {
    echo "FAIL $*"
    failed=$((failed + 1))
}

one() { # NAME FILE SHA256 SAYS
    "$make" "$1" >"$dir/out" 2>&1
    code=$?
    if [ $code = 3 ]; then
        grep -q 'install with: sudo apt-get install ' "$dir/out" || fail "$1: exit code 3 without a command: $(cat "$dir/out")"
        echo "SKIP $1: $(cat "$dir/out")"
        skipped=$((skipped + 1))
        return
    fi
    [ $code = 0 ] || { fail "$1: exit code $code: $(cat "$dir/out")"; return; }
    made=$((made + 1))
    sum=$(sha256sum <"$dir/anneal/data/$1/$2" | cut -d' ' -f1)
    [ "$sum" = "$3" ] || fail "$1: $2 has SHA-256 $sum, not $3"
    "$program" data describe "$1" >"$dir/said" 2>&1 || fail "$1: cannot be described: $(cat "$dir/said")"
    grep -q "$4" "$dir/said" || fail "$1: '$4' is not in: $(head -n 5 "$dir/said")"
}

one taylor taylor.csv bb06c8221bd56a471c96cab2f3e35fc2019f2b8089cdc70368b36daa40f6aadc 'rows  *4032'
one chicago chicago.csv 1e8a77e79161d219a7bc40c878a2740729b017a6950632001abd71a3429b5594 'rows  *5698'
one food-reviews food-reviews.csv 6df9c9ef3af3b85b497db42eacc0319358f8a9ebbcc895d15d7bf6d203fe3cd3 'rows  *5000'
one dna-splice dna-splice.csv 7aa5c58f3a72410850c418e4c01f47075aa31a177d563555d9bbc584c75c9e5c 'rows  *3186'
one king-james king-james.txt fb112fad67bf6e0906c6cfc54c67b2a3f3c6d5fc02a30a49e7dc128f75d3ec6a 'bytes  *4298239'
one trans-de-en trans-de-en.tsv ef3f393a17bcd5e92d72d1268adf23f0d4933df7ef834c0ef45fc52068cdbd73 'part  *missing 0, text, 3 different'
one sensors sensors.csv e2b9c163674e93e08ff8da1487d330930e46da018f4c5e19edde82b986a9059b 'rows  *320000'

# 2 000 test sources of 2 to 8 words, none of them in another part
pairs=$dir/anneal/data/trans-de-en/trans-de-en.tsv
if [ -r "$pairs" ]; then
    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        { part = $at["part"]; s = $at["source"]
          if (s in of && of[s] != part) { print "in two parts: " s; bad = 1 }
          if (part == "test" && !(s in of)) tests++
          of[s] = part
          for (k = 0; k < 2; k++) { n = split(k ? $at["target"] : s, w, " "); if (n < 2 || n > 8) { print n " words: " $0; bad = 1 } } }
        END { if (tests != 2000) { print tests " test sources"; bad = 1 } exit bad }' "$pairs" | head -n 5 >"$dir/out"
    [ ! -s "$dir/out" ] || fail "trans-de-en: $(cat "$dir/out")"
fi

# a set that nobody knows; a program that is not there
"$make" nothing >"$dir/out" 2>&1
[ $? = 2 ] && grep -q 'no data set nothing; known are: taylor' "$dir/out" || fail "an unknown set: $(cat "$dir/out")"
mkdir "$dir/bin"
for tool in sh cat mkdir mv rm wc dirname; do ln -s "$(command -v $tool)" "$dir/bin/$tool"; done
PATH=$dir/bin "$make" taylor >"$dir/out" 2>&1
[ $? = 3 ] && grep -q 'sudo apt-get install r-base-core r-cran-forecast' "$dir/out" || fail "without R: $(cat "$dir/out")"

echo "$made sets made, $skipped skipped, $failed failures"
[ $failed = 0 ] || exit 1
[ $made -gt 1 ] || exit 77 # sensors needs no package
