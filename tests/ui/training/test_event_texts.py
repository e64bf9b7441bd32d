"""What a job reports, in the person's language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import language
from core.engine.training import job_runner
from ui.training.event_texts import describe_event

OPENAI = (
    "Created fine-tuning job: ftjob-1",
    "Validating training file: file-1 and validation file: file-2",
    "Step 30/90: training loss=1.25, validation loss=1.31, full validation loss=1.30",
    "Checkpoint created at step 30 with Snapshot ID: ft:gpt-4.1-nano:me::1:ckpt-step-30",
    "New fine-tuned model created",
)
NOT_TOLD_BY_THE_WINDOW = "Start this on each of the 7 other machines"  # a command line of an accelerated job


@pytest.fixture
def japanese() -> Iterator[None]:
    language.set_language("ja")
    yield
    language.set_language("en")


def _engine_messages() -> list[str]:
    """The messages that the engine's code writes, with 7 in each place."""
    found = []
    for node in ast.walk(ast.parse(Path(job_runner.__file__).read_text("utf-8"))):
        values = node.values if isinstance(node, ast.JoinedStr) else [node] if isinstance(node, ast.Constant) else []
        text = "".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in values)
        if text[:1].isupper() and " " in text:
            found.append(text)
    return found


def test_an_event_is_told_in_the_persons_language(japanese: None) -> None:
    for message in OPENAI:
        assert describe_event(message) != message
    assert describe_event("Step 30/90: training loss=1.25") == "ステップ 30 / 90：学習損失 1.25"
    assert describe_event("A server's own words: 5/7") == "A server's own words: 5/7"


def test_what_the_engine_writes_is_known(japanese: None) -> None:
    told = {one for one in _engine_messages() if describe_event(one) != one}
    assert len(told) >= 12, told
    calls = [
        node
        for node in ast.walk(ast.parse(Path(job_runner.__file__).read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_event"
    ]
    written = {node.args[1].value for node in calls if isinstance(node.args[1], ast.Constant)}
    assert written <= told


def test_in_english_nothing_is_changed() -> None:
    for message in OPENAI[:3]:
        assert describe_event(message) == message
