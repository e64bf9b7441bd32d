"""The log and the details of a crash say where and what kind, never what people and models wrote."""

import io
import json
import logging
import os
import sqlite3
import stat

import msgspec
import pytest

from core import log, paths, tracebacks
from core.errors import JukuError

ROW = "the lid of the blue teapot 返品 is 'broken' since May"
NUMBER = 4


@pytest.fixture
def written():
    """What the program's own log holds, on standard error and in its file."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    log.configure()
    ours = [handler for handler in root.handlers if handler not in before]
    stream = io.StringIO()
    ours[0].setStream(stream)
    yield lambda: stream.getvalue() + paths.log_file().read_text(encoding="utf-8")
    for handler in ours:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def in_an_f_string():
    raise ValueError(f"no place for {ROW!r} in line {NUMBER}")


def unquoted():
    raise RuntimeError(ROW)


def as_a_key():
    return {}[ROW]


def as_a_number():
    return int(ROW)


def in_words():
    raise JukuError(f"“{ROW}” cannot be read", f"{ROW} is in line 3")


def as_a_python_type_error():
    raise TypeError(ROW)


def in_sql():
    sqlite3.connect(":memory:").execute(f"SELECT count(*) FROM (SELECT 1) WHERE {ROW!r} (")


def in_json():
    return json.loads(f"{ROW}: 1")


def in_a_decoder():
    return msgspec.json.decode(json.dumps({ROW: 1}), type=dict[int, int])


def in_a_group():
    raise ExceptionGroup("several", [KeyError(ROW), ValueError(ROW)])


def in_a_cause():
    try:
        unquoted()
    except RuntimeError as error:
        raise AssertionError(ROW) from error


def in_a_file_name():
    open(f"/nowhere/{ROW}")  # noqa: PTH123, SIM115


def in_a_note():
    error = RuntimeError()
    error.add_note(ROW)
    raise error


WAYS = [in_an_f_string, unquoted, as_a_key, as_a_number, in_words, as_a_python_type_error, in_sql, in_json,
        in_a_decoder, in_a_group, in_a_cause, in_a_file_name, in_a_note]  # fmt: skip


def parts(text):
    """Stretches of the row that would give it away."""
    return [text[at : at + 12] for at in range(0, len(text) - 12, 6)] + ["返品", "teapot"]


@pytest.mark.logs
@pytest.mark.parametrize("way", WAYS)
def test_a_row_in_an_exception_is_nowhere_in_log_and_details(written, way):
    with pytest.raises(Exception) as caught:
        way()
    error = caught.value
    logger = logging.getLogger("ui.app")
    logger.error("unexpected", exc_info=error)
    logger.warning("closed without saving: %s", error)
    logger.error("%s", ROW)
    logging.getLogger("elsewhere").warning(f"seen: {ROW!r}")
    told = written() + log.format_crash(error)
    assert not [part for part in parts(ROW) if part in told], told
    assert type(error).__name__ in told
    assert f"in {way.__name__}" in told
    assert "test_log.py" in told
    assert "closed without saving" in told


def test_what_stands_in_the_code_is_kept():
    with pytest.raises(ValueError, match="teapot") as caught:
        in_an_f_string()
    assert "ValueError: no place for … in line …\n" in tracebacks.format_traceback(caught.value)
    with pytest.raises(JukuError) as refused:
        in_words()
    assert tracebacks.format_short(refused.value).startswith("JukuError at tests/core/test_log.py:")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("None.anything", "AttributeError: 'NoneType' object has no attribute 'anything'"),
        ("[][3]", "IndexError: list index out of range"),
        ("1 + ''", "TypeError: unsupported operand type(s) for +: 'int' and 'str'"),
        ("db.execute('SELECT a FROM gone')", "sqlite3.OperationalError: no such table: gone"),
        ("open('/nowhere/at/all')", "FileNotFoundError: [Errno 2] No such file or directory"),
    ],
)
def test_what_is_said_of_code_and_tables_is_kept(code, told):
    with pytest.raises(Exception) as caught:
        eval(code, {"db": sqlite3.connect(":memory:")})
    assert f"{told}\n" in tracebacks.format_traceback(caught.value)


@pytest.mark.logs
def test_what_another_handler_wrote_out_in_full_is_not_taken_over(written):
    root = logging.getLogger()
    first = logging.StreamHandler(io.StringIO())
    root.handlers.insert(0, first)
    try:
        in_a_cause()
    except AssertionError:
        logging.getLogger("core.x").exception("unexpected")
    root.removeHandler(first)
    assert "teapot" in first.stream.getvalue()
    assert "teapot" not in written()


@pytest.mark.skipif(os.name == "nt", reason="permissions of that kind")
@pytest.mark.logs
def test_the_log_is_nobody_elses_also_after_it_has_turned_over(written, monkeypatch):
    handlers = logging.getLogger().handlers
    handler = next(one for one in handlers if getattr(one, "baseFilename", "") == str(paths.log_file()))
    monkeypatch.setattr(handler, "maxBytes", 100)
    for number in range(5):
        logging.getLogger("core.x").warning("line %s of several", number)
    found = list(paths.log_file().parent.glob(f"{paths.log_file().name}*"))
    assert len(found) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
