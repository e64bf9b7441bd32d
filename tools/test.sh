#!/bin/sh
# Runs the tests with a home, an X server and a Secret Service of their own, all of them real.
# --fast: the tests of core alone, without training, X server, keyring, and those that take longest.
set -eu
cd "$(dirname "$0")/.."

# What --fast leaves out of tests/core: kills at every point, and other tests of many seconds.
SLOW="
tests/core/cli/test_commands.py
tests/core/cli/test_exam_commands.py
tests/core/providers/test_openai_package.py
tests/core/replies/test_replies.py::test_five_megabytes_are_read_fast
tests/core/storage/test_document_attacked.py
tests/core/storage/test_nothing_lost.py
tests/core/storage/test_project.py::test_a_killed_process_loses_nothing_that_was_done
tests/core/storage/test_wal_check.py
tests/core/dataset/test_row_system_prompts.py::test_a_choice_between_two_prompts_is_not_turned_round
tests/core/training/test_crash_matrix.py
tests/core/training/test_preflight.py
"

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
export QT_QPA_PLATFORM=offscreen
unset LANGUAGE DISPLAY WAYLAND_DISPLAY
unset PYTHONDONTWRITEBYTECODE  # hundreds of processes would each compile every module again

if [ "${1:-}" = --fast ]; then
    shift
    for test in $SLOW; do
        case $test in *::*) grep -q "def ${test##*::}(" "${test%%::*}" ;; *) test -f "$test" ;; esac || {
            echo "tools/test.sh: $test is gone; correct the list" >&2
            exit 1
        }
        set -- "$@" "--deselect=$test"
    done
    unset DBUS_SESSION_BUS_ADDRESS
    .venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations=20 --durations-min=1 "$@" \
        tests/core tests/test_architecture.py tests/test_translations.py
    exit
fi

# -displayfd lets the server choose a free number and tell it.
mkfifo "$home/display"
Xvfb -displayfd 3 -screen 0 1600x1000x24 -nolisten tcp 3>"$home/display" 2>/dev/null &
server=$!
read -r number <"$home/display"
export JUKU_TEST_DISPLAY=":$number"

# `make coverage` runs them under coverage.py.
run="${JUKU_RUN:--m pytest}"

# All tests run file by file in four processes, which keep two cores busy (many wait); chosen ones in one, where they are easier to watch.
test $# -gt 0 || set -- -n 4 --dist loadfile --no-loadscope-reorder --durations=20 --durations-min=1

dbus-run-session -- sh -c '
    printf testpw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
    run=$1; shift
    exec .venv/bin/python $run "$@"' sh "$run" "$@"
