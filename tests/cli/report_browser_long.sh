#!/usr/bin/env bash
# Reports of sweeps in headless Chromium: one file, nothing fetched, nothing complained about, every picture is
# laid out with a size, and no text in it is cut off at its edge; one sweep over numbers, one over long names.
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
for sweep in numbers names; do
    "$program" sweep $sweep.yaml --dir $sweep >log 2>&1 && "$program" sweep report $sweep >>log 2>&1 || { cat log; exit 1; }
    pictures=$(grep -o '<svg' $sweep/report.html | wc -l)
    ! grep -qE '(src|href)="?https?:' $sweep/report.html || { echo "$sweep: the report refers to the network"; exit 1; }
    awk -v script="$script" '{ sub("</body>", "<script>" script "</script></body>") } 1' $sweep/report.html >seen.html
    "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$dir/profile" --host-resolver-rules='MAP * ~NOTFOUND' --enable-logging=stderr --virtual-time-budget=2000 \
        --dump-dom "file://$dir/seen.html" >dom.html 2>err.txt || { tail -20 err.txt; exit 1; }
    ! grep -E 'CONSOLE' err.txt || { echo "$sweep: the browser complains"; exit 1; }
    laid=$(grep -o '<title>[0-9]* laid out' dom.html | tr -dc '0-9')
    grep -q 'laid out, cut:\.<' dom.html || { grep -o -m 1 '<title>[^<]*' dom.html; exit 1; }
    [ "$pictures" -ge 5 ] && [ "${laid:-0}" = "$pictures" ] || { echo "$sweep: $pictures pictures, $laid laid out"; exit 1; }
    echo "ok: $sweep, $pictures pictures"
done
