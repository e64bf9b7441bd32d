"""Problems are printed for people, for code scanners and for GitHub's pages."""

import json
from pathlib import Path

import pytest

from core.checks import problem
from core.cli.problem_output import ProblemPrinter
from core.errors import JukuError

FOUND = problem("whitespace", "$.messages[1].content", "Spaces, 100%:\nat the end.")


def printed(format: str, capsys: pytest.CaptureFixture[str]) -> str:
    printer = ProblemPrinter(format)
    printer.add(Path("a,b.jsonl"), 3, FOUND)
    printer.finish()
    return capsys.readouterr().out


def test_github_annotations_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    line = "::warning file=a%2Cb.jsonl,line=3,title=whitespace::Spaces, 100%25:%0Aat the end. $.messages[1].content\n"
    assert printed("github", capsys) == line


def test_sarif_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = json.loads(printed("sarif", capsys))["runs"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("whitespace", "warning")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["whitespace"]


def test_sarif_names_files_as_uris_and_those_that_could_not_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    printer = ProblemPrinter("sarif")
    printer.add(Path("a b#.jsonl"), 0, FOUND)
    printer.add_failure(Path("none.jsonl"), JukuError("none.jsonl cannot be read", "There is no such file."))
    printer.finish()
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20b%23.jsonl"}}
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "no such file" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed("text", capsys).startswith("a,b.jsonl:3: warning whitespace $.messages[1].content Spaces")
    assert json.loads(printed("json", capsys))["path"] == "$.messages[1].content"
