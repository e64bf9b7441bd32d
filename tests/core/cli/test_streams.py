"""What commands print where standard streams are closed or full, names are no text, and files name what a terminal obeys."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.paths import ROOT
from tests.core.cli.test_commands import good_rows


def shell(script: str, *files: Path, **environment: str) -> tuple[int, str, str]:
    """Run a line of shell where `juku` is the program; returns its exit status and what it prints."""
    done = subprocess.run(
        ["sh", "-c", f'juku() {{ {sys.executable} main.py "$@"; }}\n{script}', "sh", *files],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"LANGUAGE": "en"} | environment,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file with rows that are right, and a name that is not UTF-8, with a command for the terminal in it."""
    file = tmp_path / os.fsdecode(b"a\xff\x1b[31m.jsonl")
    file.write_text(good_rows(3))
    return file


FULL = "The output cannot be written: The disk is full."
REDIRECTED = {
    "full": ('juku check "$1" --rows-only >/dev/full', 2, FULL),
    "full, a help page": ("juku check --help >/dev/full", 2, FULL),
    "messages on a full disk": ('juku check "$1" --rows-only 2>/dev/full', 1, ""),
    "no output": ('juku check "$1" --rows-only >&-', 1, "3 rows checked."),
    "no messages": ('juku check "$1" --rows-only 2>&-', 1, ""),
    "no streams": ('juku check "$1" --rows-only <&- >&- 2>&-', 1, ""),
    "no input": ("juku check - --rows-only <&-", 1, "0 rows checked."),
}  # fmt: skip


@pytest.mark.parametrize("case", REDIRECTED)
def test_streams_that_are_closed_or_full(rows: Path, case: str) -> None:
    script, status, said = REDIRECTED[case]
    returned, _out, err = shell(script, rows)
    assert (returned, said in err, "Traceback" in err, "Exception" in err) == (status, True, False, False)


def test_a_reader_that_has_had_enough_ends_the_command_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        command = [sys.executable, "main.py", "--print-completion", "bash"]
        done = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("encoding", ["utf-8:strict", "utf-8:surrogateescape", "ascii:strict"])
def test_names_that_are_no_text_and_encodings_without_its_letters(rows: Path, encoding: str) -> None:
    for format in ("text", "json", "github", "sarif"):
        status, out, err = shell(f'juku check "$1" --rows-only --format {format}', rows, PYTHONIOENCODING=encoding)
        assert (status, "\x1b" in out + err, "too-few-rows" in out) == (1, False, True), (format, err)
        if format == "json":
            assert json.loads(out)["file"] == str(rows)  # not � for the letters of the name: a program opens it


def test_an_argument_that_is_no_text_is_refused(tmp_path: Path) -> None:
    status, _out, err = shell(
        'juku new "$1" && juku rows list "$1" --filter "$(printf \'a\\377\')"', tmp_path / "p.juku"
    )
    assert (status, "is not text" in err, "Traceback" in err) == (2, True, False)
