#!/bin/sh
# Runs the tests with a home, an X server and a Secret Service of their own, all of them real.
set -eu
cd "$(dirname "$0")/.."
# The converted model is kept between runs: it is the same for all of them.
export JUKU_MODELS="${JUKU_MODELS:-$PWD/build/models}"
home=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; rm -rf "$home"' EXIT
mkdir -p "$home/run" "$home/.local/share/keyrings"
chmod 700 "$home/run"
export HOME="$home" XDG_RUNTIME_DIR="$home/run" XDG_DATA_HOME="$home/.local/share" XDG_CONFIG_HOME="$home/.config"
export XDG_CACHE_HOME="$home/.cache" XDG_STATE_HOME="$home/.local/state"
export LANG=C.UTF-8 LC_ALL=C.UTF-8
unset LANGUAGE DISPLAY WAYLAND_DISPLAY

# -displayfd lets the server choose a free number and tell it.
mkfifo "$home/display"
Xvfb -displayfd 3 -screen 0 1600x1000x24 -nolisten tcp 3>"$home/display" 2>/dev/null &
server=$!
read -r number <"$home/display"
export JUKU_TEST_DISPLAY=":$number"

# All tests run file by file in three processes, which keep two cores busy (many wait); chosen ones in one, where they are easier to watch.
test $# -gt 0 || set -- -n 3 --dist loadfile --no-loadscope-reorder --durations=20 --durations-min=1

export QT_QPA_PLATFORM=offscreen
dbus-run-session -- sh -c '
    printf testpw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
    exec .venv/bin/python -m pytest "$@"' sh "$@"
