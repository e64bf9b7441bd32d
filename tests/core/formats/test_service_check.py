"""What a service refuses by its own rules, and what it does not mind."""

import json
from pathlib import Path

import pytest

from core.checks import service_rules
from core.formats.file_fix import fix_file
from core.formats.service_check import check_for
from core.paths import ROOT
from core.progress import Reporter
from tests.support.row_files import chat_row


def refusals(path: Path, service: str, *rows: str, mark: bool = False) -> list[str]:
    """The paths of what the service refuses in a file of these rows and twelve that are right; other rules stand by name."""
    file = path / "t.jsonl"
    good = [chat_row(f"Question {n}?", f"Answer {n}.") for n in range(12)]
    file.write_text("\n".join([*rows, *good]) + "\n", encoding="utf-8-sig" if mark else "utf-8")
    found = [problem for _line, problem in check_for(file, service, Reporter())]
    return [problem.path if problem.rule == "service-refuses" else problem.rule for problem in found]


def row(*roles: str) -> str:
    return json.dumps({"messages": [{"role": role, "content": f"{role} {n}"} for n, role in enumerate(roles)]})


@pytest.mark.parametrize(
    ("service", "roles", "places"),
    [
        ("together", ["user", "assistant", "assistant"], ["$.messages[2]"]),
        ("together", ["user", "user", "assistant"], ["$.messages[1]"]),
        ("together", ["assistant", "user", "assistant"], ["$.messages[0]"]),
        ("together", ["system", "assistant"], ["$.messages"]),
        ("together", ["developer", "user", "assistant"], ["$.messages[0].role"]),
        ("fireworks", ["user", "system", "assistant"], ["$.messages[1]"]),
        ("mistral", ["assistant"], ["$.messages"]),
        ("openai", ["user", "assistant", "assistant"], []),
        ("fireworks", ["user", "assistant", "user", "assistant"], []),
    ],
)
def test_roles_that_a_service_refuses(tmp_path: Path, service: str, roles: list[str], places: list[str]) -> None:
    assert refusals(tmp_path, service, row(*roles)) == places


def test_a_file_that_is_too_small_or_without_its_mark(tmp_path: Path) -> None:
    file = tmp_path / "small.jsonl"
    file.write_text(chat_row("Why?", "So.") + "\n")
    (problem,) = [problem for _line, problem in check_for(file, "fireworks", Reporter())]
    assert "at least 3 rows, this one has 1" in problem.message
    assert [problem for _line, problem in check_for(file, "trl", Reporter())] == []
    assert refusals(tmp_path, "azure", mark=True) == []
    assert refusals(tmp_path, "azure") == [""]


def test_a_form_that_a_program_takes_itself_is_no_problem_there(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"prompt": "q", "chosen": "a", "rejected": "b"}) + "\n")
    assert list(check_for(file, "trl", Reporter())) == []
    assert "form-other" in [problem.rule for _line, problem in check_for(file, "axolotl", Reporter())]


def test_every_service_is_in_the_guide() -> None:
    page = (ROOT / "docs" / "services.md").read_text(encoding="utf-8")
    for name, rules in service_rules.load().items():
        assert f"`{name}`" in page
        assert rules.source.startswith("https://")


def test_a_file_is_fixed_into_json_lines(tmp_path: Path) -> None:
    rows = [json.loads(chat_row("Why?", " So. ")), json.loads(chat_row("What?", "Ã¤r bÃ¥ten grÃ¶n?"))]
    file, out = tmp_path / "rows.json", tmp_path / "fixed.jsonl"
    file.write_text(json.dumps([*rows, rows[0]], indent=1))
    assert fix_file(file, out, Reporter()) == (2, 2, 1)
    answers = [json.loads(line)["messages"][1]["content"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert answers == ["So.", "är båten grön?"]
    assert {problem.rule for _line, problem in check_for(out, "trl", Reporter())} == set()
