"""A job whose files were damaged on the disk fails or begins again, and says so; it never makes a model of nothing."""

import json
import shutil
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from core.engine import child_lifetime
from core.engine.models import catalog
from core.engine.training import train as train_module
from core.engine.training.objectives import TrainingError
from core.engine.training.train import Trainer, TrainingArguments, read_rows
from tests.support.engine import TRAINING_ROWS, lines

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def arguments(base: Path, model: str, **changes: Any) -> TrainingArguments:
    entry = catalog.load_catalog()[model]
    values: dict[str, Any] = {
        "method": "supervised",
        "base": str(base),
        "parent": None,
        "context_length": entry.context_length,
        "supports_tools": entry.supports_tools,
        "chat_template_kwargs": entry.chat_template_kwargs,
        "learning_rates": entry.learning_rates,
        "hyperparameters": {"n_epochs": 2, "batch_size": 5},
        "seed": 7,
        "dtype": "float32",
    }
    return TrainingArguments(**{**values, **changes})


def train(folder: Path, plan: TrainingArguments) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    Trainer(folder, plan, messages.append, threading.Event()).run()
    return messages


def train_with_pause(folder: Path, plan: TrainingArguments) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a job sends until it is paused after its first step, and what it sends from there to its end."""
    pause, first = threading.Event(), list[dict[str, Any]]()

    def send(message: dict[str, Any]) -> None:
        first.append(message)
        if message.get("step") == 1:
            pause.set()

    Trainer(folder, plan, send, pause).run()
    return first, train(folder, plan)


@pytest.mark.parametrize("fault", ["gone", "empty", "changed"])
def test_rows_that_are_gone_or_changed_fail_the_job(tmp_path: Path, fault: str) -> None:
    """It "succeeded" with no trained token, and a model that had learned nothing was offered."""
    path = tmp_path / "training.jsonl"
    if fault != "gone":
        path.write_bytes(b"" if fault == "empty" else lines(TRAINING_ROWS))
    with pytest.raises(TrainingError) as error:
        read_rows(tmp_path, "training", {"training": "0" * 64})
    assert error.value.code == "invalid_training_file" and str(path) in str(error.value)


def test_a_job_of_an_older_engine_without_rows_fails_too(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    (tmp_path / "training.jsonl").write_bytes(b"\n")
    with pytest.raises(TrainingError, match="leaves a token to learn"):
        train(tmp_path, arguments(tiny_folder, tiny))
    assert not (tmp_path / "adapter").exists()


def test_a_separator_of_lines_within_a_text_is_no_end_of_the_row(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "a\u2028b\x85c"}]}
    (tmp_path / "training.jsonl").write_text("\ufeff" + json.dumps(row, ensure_ascii=False) + "\r\n\n", "utf-8")
    assert read_rows(tmp_path, "training", {}) == [row]
    assert read_rows(tmp_path, "validation", {}) == []


@pytest.mark.parametrize("fault", ["cut", "empty", "other"])
def test_a_damaged_state_is_said_and_the_job_begins_again(
    tmp_path: Path, tiny_folder: Path, tiny: str, fault: str
) -> None:
    (tmp_path / "training.jsonl").write_bytes(lines(TRAINING_ROWS))
    plan = arguments(tiny_folder, tiny)
    whole = [one for one in train(tmp_path, plan) if one["event"] == "step"]
    state = tmp_path / "state.safetensors"
    data = state.read_bytes()
    state.write_bytes(
        {"cut": data[: len(data) // 2], "empty": b"", "other": data.replace(b'"step":"', b'"step":"9')}[fault]
    )
    again = train(tmp_path, plan)
    assert [one["event"] for one in again].count("damaged_state") == 1
    assert [one for one in again if one["event"] == "step"] == whole


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "config.json"])
def test_a_damaged_base_model_is_named_with_what_to_do(
    tmp_path: Path, tiny_folder: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Libraries have many exceptions for it; the job said that nobody expected this, and to report it."""
    base = tmp_path / "base"
    shutil.copytree(tiny_folder, base)
    (base / name).write_text((base / name).read_text("utf-8")[:40], "utf-8")
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "training.jsonl").write_bytes(lines(TRAINING_ROWS))
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(child_lifetime, "open_message_channel", lambda: sent.append)
    monkeypatch.setattr(child_lifetime, "exit_with_parent", lambda on_signal: None)
    monkeypatch.setattr(sys, "argv", ["train", str(folder)])
    (folder / "plan.json").write_text(json.dumps(asdict(arguments(base, tiny))), "utf-8")
    assert train_module.main() == 1
    assert sent[-1]["event"] == "error"
    assert f"may be damaged: {base}. " in sent[-1]["message"] and "delete that folder" in sent[-1]["message"]
