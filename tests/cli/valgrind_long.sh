#!/usr/bin/env bash
# One whole training, a resume and an evaluation under valgrind: no invalid access, no use of what was never set, no leak.
# Usage: valgrind_long.sh PROGRAM
set -u
program=${1:?program}
. "$(dirname "$0")/tiny_data.sh"
command -v valgrind >/dev/null || { echo "skip: valgrind is not installed"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
tiny_data data
cat >recipe.yaml <<'TXT'
model:
  name: sequential
  layers:
    - {type: conv, filters: 4, kernel: 3, pad: 1, bias: false}
    - {type: batchnorm, act: relu}
    - {type: maxpool, kernel: 2}
    - {type: dropout, p: 0.2}
    - flatten
    - {type: dense, units: 4}
data: {path: data, validation: 0.25, augment: {flip: true, crop: 1}}
train: {batch: 20, epochs: 1, ema: 0.9}
TXT
cat >known.supp <<'TXT'
{
   the loader keeps the memory of libraries' threads
   Memcheck:Leak
   match-leak-kinds: possible
   ...
   fun:pthread_create*
}
TXT
export ONEDNN_MAX_CPU_ISA=AVX2 DNNL_MAX_CPU_ISA=AVX2
under() {
    valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --suppressions=known.supp --num-callers=30 "$program" "$@" >out.txt 2>err.txt
    local code=$?
    [ $code = 0 ] || { echo "anneal $*: exit $code"; tail -n 60 err.txt; exit 1; }
}
under train recipe.yaml --run run
under train recipe.yaml --run run train.epochs=2 --change
under eval run --json
under predict run data/t10k-images-idx3-ubyte
echo "ok: training, resume, evaluation and prediction under valgrind"
