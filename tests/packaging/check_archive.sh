#!/usr/bin/env bash
# check_archive.sh ARCHIVE: is the relocatable archive what it promises?
#   - at most 25 MB
#   - no symbol above GLIBC_2.35, in the program or in any library of it
#   - every library is in the archive or is glibc's own
#   - as root: unpacked into an empty chroot with glibc only, the program trains there, resumes, and exports ONNX
# Exit 0 or 1; the chroot part is left out, by name, for other users.
set -u
archive=$(realpath "${1:?archive}")
top=$(cd "$(dirname "$0")/../.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
bad=0
fail() { echo "FAIL $*"; bad=1; }

bytes=$(stat -c %s "$archive")
[ "$bytes" -le 25000000 ] || fail "$archive has $bytes bytes, more than 25 MB"
mkdir "$root/opt"
tar -xzf "$archive" -C "$root/opt" --strip-components=1 || exit 1

libc='^(linux-vdso|ld-linux-x86-64|libc|libm|libdl|librt|libpthread)\.so'
while read -r file; do
    newest=$(objdump -T "$file" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    [ "$(printf '%s\nGLIBC_2.35\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.35 ] || fail "${file#"$root"} needs $newest"
    while read -r lib; do
        [[ $lib =~ $libc ]] || [ -e "$root/opt/lib/$lib" ] || fail "${file#"$root"} needs $lib, which is not in the archive"
    done < <(objdump -p "$file" | awk '$1 == "NEEDED" { print $2 }')
done < <(find "$root/opt" -type f \( -name 'lib*.so*' -o -path '*/bin/*' \))

if [ "$(id -u)" = 0 ]; then
    for f in ld-linux-x86-64.so.2 libc.so.6 libm.so.6 libdl.so.2 librt.so.1 libpthread.so.0; do
        from=$(gcc -print-file-name="$f")
        [ "$f" = ld-linux-x86-64.so.2 ] && to=$root/lib64 || to=$root/lib/x86_64-linux-gnu
        mkdir -p "$to" && cp -L "$from" "$to/$f"
    done
    mkdir -p "$root/tmp" "$root/work" "$root/proc/self"
    ln -s /opt/bin/anneal "$root/proc/self/exe" # all of /proc that the loader needs, for $ORIGIN
    data=$(dpkg -L dataset-fashion-mnist 2>/dev/null | grep 'train-images-idx3-ubyte' | head -n 1)
    [ -n "$data" ] && mkdir -p "$root$(dirname "$data")" && cp -L "$(dirname "$data")"/*ubyte* "$root$(dirname "$data")/"
    cp "$top/models/recipes/fashion-cnn.yaml" "$root/work/"
    for run in first again; do
        chroot "$root" /opt/bin/anneal train /work/fashion-cnn.yaml --run /work/run model.name=lenet5 train.epochs=1 data.validation=0.9 >"$root/work/$run.txt" 2>&1 ||
            { fail "training in the chroot ($run run)"; tail -n 5 "$root/work/$run.txt"; }
    done
    chroot "$root" /opt/bin/anneal export /work/run --to onnx >"$root/work/onnx.txt" 2>&1 ||
        { fail "exporting ONNX in the chroot"; tail -n 5 "$root/work/onnx.txt"; }
    ls "$root"/work/run/checkpoints/*.h5 >/dev/null 2>&1 || fail "training in the chroot left no checkpoint"
else
    echo "not root: the chroot was not tried"
fi
[ $bad = 0 ] && echo "ok: $(basename "$archive"), $bytes bytes"
exit $bad
