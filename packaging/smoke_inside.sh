#!/bin/sh
# The part of smoke.sh that the person in the base does.
set -eu
step() { printf '\n== %s\n' "$*"; }
now() { cut -d' ' -f1 /proc/uptime; }

step "The command line"
juku --version
juku doctor || echo "(status $?: what is missing is marked with !)"

step "The window opens the sample and closes"
Xvfb :7 -screen 0 1280x900x24 -nolisten tcp >/dev/null 2>&1 &
server=$!
export DISPLAY=:7
sleep 2
jwm >/dev/null 2>&1 &
begun=$(now)
juku-window >/tmp/window.log 2>&1 &
window=$!
found=
for second in $(seq 60); do
    found=$(xdotool search --onlyvisible --name Juku 2>/dev/null | head -1) && [ -n "$found" ] && break
    sleep 0.5
done
[ -n "$found" ] || { cat /tmp/window.log; exit 1; }
echo "a window after $(echo "$(now) - $begun" | awk '{printf "%.1f", $1 - $3}') s: $(xdotool getwindowname "$found")"
project=
for second in $(seq 60); do
    project=$(find "$HOME/.local/share/juku" -maxdepth 1 -name '*.juku' | head -1) && [ -n "$project" ] && break
    sleep 0.5
done
echo "the sample: $project"
sleep 3
# All windows: the welcome first, then the main one.
for try in $(seq 20); do
    kill -0 $window 2>/dev/null || break
    for one in $(wmctrl -l | cut -d' ' -f1); do wmctrl -i -c "$one"; done
    sleep 1
done
status=0
wait $window || status=$?
echo "the window's exit status: $status"
cat /tmp/window.log
[ $status -eq 0 ]

step "The local engine is fetched"
begun=$(now)
juku engine install --yes 2>&1 | tail -4
echo "after $(echo "$(now) - $begun" | awk '{printf "%.0f", $1 - $3}') s, $(du -sm "$HOME/.local/share/juku/engine-packages" | cut -f1) MB"
juku engine status

step "A model is fetched"
juku models fetch smollm2-135m-instruct --accept-licence 2>&1 | tail -2

step "One step is trained, one question asked"
cp "$project" "$HOME/sample.juku"
model=$(juku train "$HOME/sample.juku" --rows study --epochs 1 --set batch_size=256 --yes --json 2>/tmp/train.log | tee /tmp/train.json | sed -n 's/.*"model": "\(ft:[^"]*\)".*/\1/p') || { tail -5 /tmp/train.log; cat /tmp/train.json; exit 1; }
tail -3 /tmp/train.log
cut -c1-400 /tmp/train.json
juku ask "$HOME/sample.juku" "How many players does a team have?" --model "$model" 2>/dev/null
echo "exit status $?"

step "The engine as a server starts and stops"
juku serve --json >/tmp/serve.json 2>/tmp/serve.log &
serving=$!
for second in $(seq 60); do
    [ -s /tmp/serve.json ] && break
    sleep 1
done
sed 's/"token": "[^"]*"/"token": "…"/' /tmp/serve.json
kill -TERM $serving
status=0
wait $serving || status=$?
echo "exit status $status"
[ -s /tmp/serve.json ] && [ $status -eq 0 ]
kill $server
wait $server 2>/dev/null || true
