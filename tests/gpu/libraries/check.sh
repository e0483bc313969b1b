#!/usr/bin/env bash
# A cuDNN for another CUDA, met first, is turned down and leaves nothing to the next. Usage: check.sh ANNEAL OTHER RIGHT (folders).
set -u
out=$(ANNEAL_CUDA_PATH=$2:$3 "$1" doctor)
for want in "rejected $2/libcudnn.so.9: cuDNN 9.19.0 is for CUDA 11, wanted" "cuDNN 9.19.0 from $3/libcudnn.so.9"; do
    grep -qF "$want" <<<"$out" || { echo "$out"; exit 1; }
done
