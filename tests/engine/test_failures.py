"""What nobody expected reaches a person in words; the exception's own text is in a log, which the words name."""

import ast
import errno
import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.engine import child_lifetime, failures
from core.paths import ROOT
from tests.support.engine import start
from tests.support.engine_faults import RAW


class SafetensorError(Exception):
    """As the library calls its own."""


class OutOfMemoryError(RuntimeError):
    """As torch calls its own."""


ERRORS: list[tuple[BaseException, str, str]] = [
    (OSError(errno.ENOSPC, "No space left on device", "/x/y"), failures.INSUFFICIENT_STORAGE, "Free some space"),
    (
        SafetensorError("I/O error: No space left on device (os error 28)"),
        failures.INSUFFICIENT_STORAGE,
        "disk is full",
    ),
    (MemoryError(), failures.INSUFFICIENT_MEMORY, "Close other programs"),
    (OutOfMemoryError("CUDA"), failures.INSUFFICIENT_MEMORY, "too little memory"),
    (
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        failures.INSUFFICIENT_MEMORY,
        "smaller",
    ),
    (RuntimeError("can't start new thread"), failures.INSUFFICIENT_MEMORY, "too little memory"),
    (ImportError("libtorch_cpu.so: failed to map segment from shared object"), failures.INSUFFICIENT_MEMORY, "memory"),
    (ModuleNotFoundError("No module named 'gguf'", name="gguf.constants"), failures.MISSING_PACKAGE, "package gguf"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), failures.UNREACHED, "Check the network"),
    (http.client.RemoteDisconnected("gone"), failures.UNREACHED, "Check the network"),
    (SafetensorError("Error while deserializing header"), failures.DAMAGED_FILE, "weights is damaged"),
    (FileNotFoundError(errno.ENOENT, "No such file", "/x/rows.jsonl"), failures.DAMAGED_FILE, "/x/rows.jsonl is gone"),
    (PermissionError(errno.EACCES, "Permission denied", "/x/y"), failures.SERVER_ERROR, "/x/y may not be"),
    (OSError(errno.EIO, "Input/output error", "/x/y"), failures.SERVER_ERROR, "Check the disk"),
    (KeyError("max_position_embeddings"), failures.SERVER_ERROR, "report it"),
    (ExceptionGroup("tasks", [ValueError("x"), OSError(errno.EDQUOT, "quota")]), failures.INSUFFICIENT_STORAGE, "disk"),
]


@pytest.mark.parametrize(("error", "code", "words"), ERRORS)
def test_an_exception_is_told_in_words(error: BaseException, code: str, words: str) -> None:
    found = failures.explain(error)
    assert found.code == code and words in found.words
    assert not RAW.search(found.words)


def test_what_led_to_an_exception_explains_it() -> None:
    try:
        try:
            raise MemoryError
        except MemoryError as error:
            raise RuntimeError("the model could not be built") from error
    except RuntimeError as error:
        assert failures.explain(error).code == failures.INSUFFICIENT_MEMORY


def test_the_words_name_the_log_that_has_the_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "train.log"
    try:
        raise KeyError("hidden")
    except KeyError as error:
        found = failures.report("The job failed.", error, log)
        assert str(log) in found.words and found.words.startswith("The job failed.")
        assert "hidden" not in found.words and "KeyError: 'hidden'" in log.read_text()
        assert not caplog.records


@pytest.mark.logs
def test_without_a_log_of_its_own_it_is_in_the_engines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = failures.report("The answer was not computed.", KeyError("hidden"), tmp_path / "gone" / "log")
    assert "engine's log" in found.words and "hidden" in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("module", "in_log"), [("core.engine.models.prepare", "Traceback"), ("core.engine.no_such_module", "No module")]
)
async def test_a_child_that_fails_leaves_its_traceback_in_the_log_that_is_named(
    module: str, in_log: str, tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "child.log"
    message = await child_lifetime.run_child(module, "{}", str(tmp_path), log=log)
    assert str(log) in message["error"] and message["code"] == failures.SERVER_ERROR
    assert not RAW.search(message["error"]) and in_log in log.read_text()


@pytest.mark.anyio
async def test_a_log_begins_anew_when_it_is_long(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_bytes(b" " * (child_lifetime.MAX_LOG_BYTES + 1))
    await child_lifetime.run_child("core.engine.no_such_module", log=log)
    assert 0 < log.stat().st_size < child_lifetime.MAX_LOG_BYTES


@pytest.mark.anyio
async def test_a_model_that_cannot_be_fetched_says_so(tmp_path: Path) -> None:
    """The hub is a port where nobody listens."""
    home = tmp_path / "home"
    running = start(home, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "cache"))
    async with running.client() as client:
        path = "/catalog/qwen3-0.6b"
        found: dict[str, str] = await client.post(f"{path}/prepare", body={"accept_licence": True}, cast_to=dict)
        while found["state"] == "fetching":
            entries = await client.get("/catalog", cast_to=dict)
            found = next(one for one in entries["data"] if path.endswith(one["id"]))
    assert found["state"] == "failed" and "The hub could not be reached" in found["message"]
    assert not RAW.search(found["message"])
    assert running.stop() == 0


# Texts of parsers, which say where in the person's own text or file something is wrong; none has an exception's name.
TOLD_AS_THEY_ARE = {
    "http/parameters.py": "JSON of a request",
    "http/batch_input.py": "JSON of a line",
    "training/validate_rows.py": "JSON of a line",
    "models/chat_template.py": "what a template says of messages",
    "team/watched_file.py": "a settings file, which a person writes",
    "team/users_command.py": "the same",
    "training/launch.py": "the same",
    "__main__.py": "the same",
    "inference/vllm.py": "for the log",
    "inference/llama_cpp.py": "for the log",
    "training/token_loss.py": "for the job's log",
}


def test_no_words_for_a_person_are_made_of_a_library_s_exception() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "core" / "engine").rglob("*.py"))
        if path.relative_to(ROOT / "core" / "engine").as_posix() not in TOLD_AS_THEY_ARE
        for line in _find_told(ast.parse(path.read_text("utf-8")))
    }
    assert not found


OWN = {
    name
    for path in (ROOT / "core" / "engine").rglob("*.py")
    for name in re.findall(r"^class (\w+(?:Error|Exception))\b", path.read_text("utf-8"), re.MULTILINE)
}


def _find_told(tree: ast.Module) -> Iterator[int]:
    """The lines where the text of a caught exception that is not the engine's own goes into a text."""
    for handler in ast.walk(tree):
        if isinstance(handler, ast.ExceptHandler) and handler.name and not _caught(handler) <= OWN:
            logged = {id(node) for call in ast.walk(handler) if _is_log(call) for node in ast.walk(call)}
            for node in ast.walk(handler):
                if id(node) not in logged and _tells(node, handler.name):
                    yield node.lineno


def _caught(handler: ast.ExceptHandler) -> set[str]:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind).rpartition(".")[2] for kind in kinds if kind}


def _is_log(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")


def _tells(node: ast.AST, name: str) -> bool:
    """Whether the node is `{error}` in an f-string, or `str(error)`, `repr(error)`, `type(error)`."""
    if isinstance(node, ast.FormattedValue):
        return isinstance(node.value, ast.Name) and node.value.id == name
    if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("str", "repr", "type"):
        return False
    return [ast.unparse(one) for one in node.args] == [name]
