#!/usr/bin/env bash
# A sweep's report in headless Chromium: one file, nothing fetched, nothing complained about, and every picture is laid out with a size.
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
cat >sweep.yaml <<'TXT'
base: base.yaml
space:
  optim.lr: {low: 1e-4, high: 1e-1, log: true}
  train.batch: [12, 24]
objective: valid.loss
sampler: random
budget: {trials: 6}
TXT
"$program" sweep sweep.yaml --dir s >log 2>&1 && "$program" sweep report s >>log 2>&1 || { cat log; exit 1; }
pictures=$(grep -o '<svg' s/report.html | wc -l)
! grep -qE '(src|href)="?https?:' s/report.html || { echo "the report refers to the network"; exit 1; }
# a copy that says of itself how its pictures were laid out
sed 's|</body>|<script>document.title=[...document.querySelectorAll("svg")].filter(e=>e.getBoundingClientRect().height>20).length+" laid out"</script></body>|' s/report.html >seen.html
"$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$dir/profile" --host-resolver-rules='MAP * ~NOTFOUND' --enable-logging=stderr --virtual-time-budget=2000 \
    --dump-dom "file://$dir/seen.html" >dom.html 2>err.txt || { tail -20 err.txt; exit 1; }
! grep -E 'CONSOLE' err.txt || { echo "the browser complains"; exit 1; }
laid=$(grep -o '<title>[0-9]* laid out' dom.html | tr -dc '0-9')
[ "$pictures" -ge 5 ] && [ "${laid:-0}" = "$pictures" ] || { echo "$pictures pictures, $laid laid out"; exit 1; }
echo "ok: $pictures pictures"
