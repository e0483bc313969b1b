#!/usr/bin/env bash
# Reports of sweeps and of runs in headless Chromium: one file, nothing fetched, nothing complained about, every picture is
# laid out with a size, and no text in it is cut off at its edge; one sweep over numbers, one over long names; one run, several, one with
# long names of classes, one with many.
# Usage: report_browser_long.sh PROGRAM
set -u
program=$(realpath "${1:?program}")
. "$(dirname "$0")/tiny_data.sh"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "skip: there is no Chromium"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
tiny_data data
cat >base.yaml <<'TXT'
model: {name: mlp, hidden: [8]}
data: {path: data, validation: 0.25}
train: {batch: 24, epochs: 2}
TXT
cat >numbers.yaml <<'TXT'
base: base.yaml
space:
  optim.lr: {low: 1e-4, high: 1e-1, log: true}
  train.batch: [12, 24]
  checkpoint.every: ["1000 steps", "2000 steps"]
objective: [valid.loss, parameters]
sampler: random
budget: {trials: 6}
TXT
cat >names.yaml <<'TXT'
base: base.yaml
space:
  checkpoint.every: ["1000000000 steps", "2000000000 steps", "3000000000 steps", "4000000000 steps"]
  data.path: ["data", ".//././././././././././././././data"]
objective: valid.loss
sampler: random
budget: {trials: 6}
TXT
# a copy that says of itself how its pictures were laid out
script='const box=e=>e.getBoundingClientRect(),pictures=[...document.querySelectorAll("svg")],cut=[];
const out=(t,s)=>t.left<s.left-1||t.right>s.right+1||t.top<s.top-1||t.bottom>s.bottom+1;
for(const s of pictures)for(const t of s.querySelectorAll("text"))if(out(box(t),box(s)))cut.push(t.textContent);
document.title=pictures.filter(e=>box(e).height>20).length+" laid out, cut:"+cut.join(", ")+"."'
# look PAGE PICTURES: at least so many, all of them as described above
look() {
    local page=$1 least=$2 pictures laid
    pictures=$(grep -o '<svg' "$page" | wc -l)
    ! grep -qE '(src|href)="?https?:' "$page" || { echo "$page: the report refers to the network"; exit 1; }
    awk -v script="$script" '{ sub("</body>", "<script>" script "</script></body>") } 1' "$page" >seen.html
    "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$dir/profile" --host-resolver-rules='MAP * ~NOTFOUND' --enable-logging=stderr --virtual-time-budget=2000 \
        --dump-dom "file://$dir/seen.html" >dom.html 2>err.txt || { tail -20 err.txt; exit 1; }
    ! grep -E 'CONSOLE' err.txt || { echo "$page: the browser complains"; exit 1; }
    laid=$(grep -o '<title>[0-9]* laid out' dom.html | tr -dc '0-9')
    grep -q 'laid out, cut:\.<' dom.html || { echo "$page:"; grep -o -m 1 '<title>[0-9]* laid out[^<]*' dom.html; exit 1; }
    [ "$pictures" -ge "$least" ] && [ "${laid:-0}" = "$pictures" ] || { echo "$page: $pictures pictures, $laid laid out"; exit 1; }
    echo "ok: $page, $pictures pictures"
}
for sweep in numbers names; do
    "$program" sweep $sweep.yaml --dir $sweep >log 2>&1 && "$program" sweep report $sweep >>log 2>&1 || { cat log; exit 1; }
    look $sweep/report.html 5
done
for lr in 0.001 0.03 0.3; do
    "$program" train base.yaml train.epochs=30 log.every=1 optim.lr=$lr --run run-$lr >log 2>&1 || { cat log; exit 1; }
done
look run-0.03/report.html 8
"$program" report run-* --out runs.html >log 2>&1 || { cat log; exit 1; }
look runs.html 8
# a matrix NAME...: scores of so many classes, each with its name
scores() {
    local n=$# name first=1 i j
    printf '{"samples":%d,"loss":1,"classes":[' $((n * n))
    for name; do [ $first = 1 ] || printf ,; first=0; printf '{"name":"%s","precision":0.5,"recall":0.5,"f1":0.5,"samples":%d}' "$name" "$n"; done
    printf '],"confusion":['
    for ((i = 0; i < n; i++)); do
        [ $i = 0 ] || printf ,
        printf '['
        for ((j = 0; j < n; j++)); do [ $j = 0 ] || printf ,; printf '%d' $((i == j ? 12345 : (i * 7 + j * 3) % 11)); done
        printf ']'
    done
    printf ']}'
}
long='Großblättriges, wirklich sehr langes und breites Gewächs MMMMMMMMMMMM'
for n in 3 12 13 25 26 50; do
    classes=()
    for ((k = 0; k < n; k++)); do classes+=("$k $long"); done
    scores "${classes[@]}" >run-0.03/test.json
    "$program" report run-0.03 --out classes-$n.html >log 2>&1 || { cat log; exit 1; }
    look classes-$n.html 9
done
