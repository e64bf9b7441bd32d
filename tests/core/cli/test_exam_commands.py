"""The exam from the command line: subjects by conditions, a judge that marks and compares, and what is printed."""

import asyncio
import json

import pytest

from core import settings
from core.cli import commands
from core.dataset import examples
from core.spec import spec
from core.storage.project import Project
from tests.support.fake_server import Answer, Fault
from tests.support.projects import new_example

BASE, TUNED = "base-model", "ft:base-model:org:game:1"


@pytest.fixture
def server(server, server_key):
    settings.save(server.settings())
    return server


@pytest.fixture
def path(tmp_path):
    def fill(db):
        spec.store(db, spec.Spec("Game", "en", "", "A team has three players."))
        rows = [("How many play?", "reworded"), ("Who plays?", "reworded")]
        examples.add(db, (new_example(text, "Three.", split="test", kind=kind, key_points="3")
                         for text, kind in rows))  # fmt: skip

    project = Project(tmp_path / "game.juku")
    asyncio.run(project.write("fill", fill))
    project.close()
    return tmp_path / "game.juku"


def reply(asked):
    said = asked["messages"][-1]["content"]
    if "<first>" in said:
        first = said.split("<first>")[1].split("</first>")[0]
        return Answer([json.dumps({"better": "first" if "three" in first else "second", "reason": ""})])
    if "<reference>" in said:
        return Answer([json.dumps({"score": 100 if "three" in said else 0, "reason": ""})])
    return Answer(["It is three." if asked["model"] == TUNED else "Eleven."])


def test_an_exam_with_a_judge_is_told_in_words_and_as_data(server, path, capsys):
    server.script = reply
    asked = ["exam", str(path), "--provider", "fake", "--model", BASE, TUNED, "--judge", "judge-model"]
    assert commands.run(asked) == 0
    told = capsys.readouterr().out
    assert "2: base-model · game (Closed book)" in told
    assert "2 to 1, by the judge: 2 won, 0 lost, 0 tied, 0 decided only by their order" in told
    assert commands.run([*asked, "--json", "--condition", "closed", "retrieved"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["conditions"] == ["closed", "closed", "retrieved", "retrieved"]
    assert data["kinds"][0]["passed"] == [0, 2, 0, 2] and [one["second"] for one in data["duels"]] == [2, 0, 2]


def test_the_report_is_of_the_newest_exam_that_has_answers(server, path, tmp_path, capsys):
    """After an exam of a model that does not exist, its empty exam was reported."""
    server.script = reply
    assert commands.run(["exam", str(path), "--provider", "fake", "--model", TUNED]) == 0
    server.weather = lambda method, _path: Fault(status=404, code="model_not_found") if method == "POST" else None
    assert commands.run(["exam", str(path), "--provider", "fake", "--model", "foo"]) != 0
    capsys.readouterr()
    assert commands.run(["report", str(path), "--to", str(tmp_path / "r.json")]) == 0
    assert "Exam 1 written" in capsys.readouterr().out
