"""Teaching until learned from the command line: what it prints, and how it goes on after a stop."""

import asyncio
import json

import pytest

from core import settings
from core.cli import commands
from core.storage.project import Project
from tests.support import learning_server
from tests.support.learning_server import LearningServer


@pytest.fixture
def server(server_key):
    with LearningServer() as fake:
        settings.save(fake.settings())
        yield fake


@pytest.fixture
def path(tmp_path):
    project = Project(tmp_path / "gates.juku")
    asyncio.run(project.write("fill", learning_server.fill))
    project.close()
    return tmp_path / "gates.juku"


def test_it_teaches_is_stopped_by_a_failure_and_continues(server, path, capsys):
    command = ["teach", str(path), "--provider", "fake", "--model", "base-model"]
    assert commands.run([*command, "--continue"]) == 2 and "nothing to continue" in capsys.readouterr().err
    end, server.end = server.end, lambda job, _status: end(job, "failed")
    assert commands.run([*command, "--no-general", "--target", "1", "--minutes", "600"]) == 2
    assert "round 1" in capsys.readouterr().err
    server.end = end
    assert commands.run([*command, "--continue", "--json"]) == 0
    told = capsys.readouterr()
    data = json.loads(told.out)
    assert (data["reason"], len(data["facts"]), len(data["rounds"])) == ("learned", 10, 2)
    assert [one["passed"] for one in data["held_out"]] == [0, 10]
    assert "Round 1 · questions by rules" in told.err
    assert commands.run([*command, "--continue"]) == 2


@pytest.mark.parametrize("wrong", [["--minutes", "0"], ["--rounds", "0"], ["--target", "1.5"], ["--means", "magic"]])
def test_a_plan_that_cannot_be_is_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        commands.run(["teach", "p.juku", *wrong])
    assert wrong[1] in capsys.readouterr().err
