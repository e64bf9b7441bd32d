"""`rescue` on the command line: the list, the files, and the whole rescue in one command."""

import json

import pytest

from core import settings
from core.cli import commands
from core.rescue import records
from core.settings import ProviderSettings, Settings
from core.storage.project import Project
from core.training import row_selection
from tests.core.rescue.conftest import OLD, closing, empty, there, two_days_before_the_end
from tests.support.fake_server import KEY, Fault

__all__ = ["closing", "empty", "there", "two_days_before_the_end"]  # fixtures


@pytest.fixture
def run(empty, closing, there, monkeypatch, capsys):
    """Runs `rescue` on the project; returns what it prints: the result as JSON, and what goes to standard error."""
    servers = [ProviderSettings("old", "Old", closing.url, "openai"), ProviderSettings("new", "New", there.url)]
    settings.save(Settings("en", providers=servers))
    for id in ("OLD", "NEW"):
        monkeypatch.setenv(f"JUKU_KEY_{id}", KEY)
    path = empty.path
    empty.close()

    def run(*arguments, status=0):
        assert commands.run(["rescue", str(path), *map(str, arguments), "--json"]) == status
        said = capsys.readouterr()
        return json.loads(said.out or "null"), said.err

    run.path = path
    return run


def rows(path):
    project = Project(path)
    try:
        return row_selection.count_rows(project.rows, OLD), records.load_newest(project.rows)
    finally:
        project.close()


def test_models_are_listed_with_their_days_and_their_files_saved(run, tmp_path):
    found, _said = run("--provider", "old")
    assert found["models"] == [{"model": OLD, "base": "gpt-4o-mini-2024-07-18", "days_left": 10, "files": 2}]
    (tmp_path / "to").mkdir()
    saved, _said = run("--provider", "old", "--model", OLD, "--to", tmp_path / "to")
    assert (saved["rows"], rows(run.path)) == (30, (20, None))
    assert commands.run(["rescue", str(run.path), "--provider", "old", "--model", "ft:none"]) == 2
    assert commands.run(["rescue", str(run.path)]) == 2


def test_one_command_rescues_and_says_the_days_at_each_step(run, there):
    found, said = run("--provider", "old", "--at", "new", "--base", "base-model", "--yes")  # it is the only model
    assert (found["parity"], found["days_left"], found["old"]) == (True, 10, OLD)
    steps = [line for line in said.splitlines() if "new training there: 2 days left" in line]
    assert [line.split(" · ")[0] for line in steps] == [
        "Save its files and import their rows", "The old model sits the exam", "Teach base-model",
        "The new model sits the same exam", "Done",
    ]  # fmt: skip
    assert there.creations == 1
    assert run.path.with_name(f"{run.path.stem}-rescued").is_dir()
    assert commands.run(["rescue", str(run.path), "--continue"]) == 2  # nothing to continue


def test_what_failed_goes_on_and_what_costs_is_agreed_to(run, closing, there):
    there.weather = lambda _method, path: Fault(status=401) if path.endswith("/files") else None
    priced = ["--provider", "old", "--at", "new", "--base", "gpt-4.1-mini-2025-04-14"]
    found, said = run(*priced, status=3)
    assert (found, there.creations) == (None, 0)
    assert "Costs $0.0033" in said
    assert "rescue --continue --yes" in said
    assert commands.run(["rescue", str(run.path), "--continue", "--yes"]) == 2  # the key was refused
    there.weather = lambda _method, _path: None
    found, _said = run("--continue")
    assert found["parity"]
    assert len(closing.asked) == 10  # once
