"""What a service refuses by its own rules, and what it does not mind."""

import json
from pathlib import Path

import pytest

from core import formats
from core.checks import service_rules
from core.errors import FormatError
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


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
TOOLS = {"tools": [{"type": "function", "function": {"name": "tide"}}]}


def asked(content: object = "Why?", **keys: object) -> str:
    """A row whose question has that content and these other keys."""
    messages = [{"role": "user", "content": content, **keys}, {"role": "assistant", "content": "So."}]
    return json.dumps({"messages": messages})


def with_keys(**keys: object) -> str:
    return json.dumps({**json.loads(asked()), **keys})


@pytest.mark.parametrize(
    ("line", "refusing", "taking"),
    [
        (asked(mood="good"), ["openai"], ["together", "trl"]),
        (with_keys(text="Why?"), ["together"], ["trl", "axolotl"]),
        (with_keys(source="book"), [], ["together", "trl", "axolotl"]),
        (asked([{"type": "text", "text": "Why?"}]), ["together"], ["openai", "trl"]),
        (asked([IMAGE]), ["together"], ["openai"]),
        (with_keys(**TOOLS), ["mistral"], ["openai", "together"]),
        (with_keys(functions=[{"name": "tide"}]), ["mistral", "together"], ["openai"]),
        (asked(weight=1), ["openai", "together", "mistral"], ["trl", "axolotl"]),
    ],
)
def test_each_service_by_its_own_rules(tmp_path: Path, line: str, refusing: list[str], taking: list[str]) -> None:
    for service in (*refusing, *taking):
        file = tmp_path / "t.jsonl"
        file.write_text("\n".join([line, *(chat_row(f"Question {n}?", f"Answer {n}.") for n in range(12))]) + "\n")
        errors = [one for _line, one in check_for(file, service, Reporter()) if one.severity == "error"]
        assert bool(errors) is (service in refusing), (service, errors)


@pytest.mark.parametrize(
    ("data", "refusing", "taking"),
    [
        (b"", ["openai", "together", "trl"], []),
        (
            "\ufeff".encode() + (chat_row("Why?", "So.") + "\n").encode() * 12,
            ["together", "mistral"],
            ["openai", "azure"],
        ),
        ((chat_row("Why?", "So.") + "\n").encode("utf-16") * 12, ["openai", "together", "trl", "fireworks"], []),
        (
            json.dumps([json.loads(chat_row(f"{n}?", "So.")) for n in range(12)]).encode(),
            ["openai"],
            ["trl", "axolotl"],
        ),
        ((chat_row("Why?", "So.") + "\n\n").encode() * 12, ["mistral"], ["openai"]),
        (b'{"prompt": "Why?", "completion": "So."}\n' * 12, ["openai", "mistral", "axolotl"], ["together", "trl"]),
        (b'{"text": "The lamp is lit."}\n' * 12, ["openai", "mistral"], ["together", "trl"]),
        (b'{"instruction": "Why?", "input": "", "output": "So."}\n' * 12, ["openai", "trl"], ["axolotl"]),
    ],
)
def test_whole_files_by_the_rules_of_each_service(
    tmp_path: Path, data: bytes, refusing: list[str], taking: list[str]
) -> None:
    file = tmp_path / "t.jsonl"
    file.write_bytes(data)
    for service in (*refusing, *taking):
        try:
            errors = [one for _line, one in check_for(file, service, Reporter()) if one.severity == "error"]
        except FormatError:
            errors = ["unreadable"]
        assert bool(errors) is (service in refusing), (service, errors)


def test_a_file_for_a_service_is_detected_and_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(chat_row("Why?", "So.") + "\n")
    calls = []
    for name in ("detect", "read_detected"):
        original = getattr(formats, name)
        monkeypatch.setattr(
            formats, name, lambda *a, _name=name, _to=original, **k: calls.append(_name) or _to(*a, **k)
        )
    list(check_for(file, "trl", Reporter()))
    assert calls == ["detect", "read_detected"]


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
    found = [problem for _line, problem in check_for(file, "axolotl", Reporter())]
    assert {(one.rule, one.severity) for one in found} == {("service-refuses", "error")}


def test_every_service_is_in_the_guide() -> None:
    page = (ROOT / "resources" / "guide" / "en" / "services.md").read_text(encoding="utf-8")
    for name, rules in service_rules.load().items():
        assert f"`{name}`" in page
        assert rules.source.startswith("https://")


def test_what_is_fixed_is_told_with_its_line_before_and_after(tmp_path: Path) -> None:
    rows = [chat_row("Why?", "So."), "", "{oops", chat_row("What?", " That. ")]
    rows.append(json.dumps({"messages": [dict(reversed(one.items())) for one in json.loads(rows[0])["messages"]]}))
    file, changes = tmp_path / "rows.jsonl", []
    file.write_text("\n".join(rows) + "\n")
    done = fix_file(file, tmp_path / "out.jsonl", Reporter(), on_change=lambda *change: changes.append(change))
    assert done == (2, 1, 3)
    assert changes == [(2, 0, ["blank"]), (3, 0, ["json-broken"]), (4, 2, ["whitespace"]), (5, 0, ["same-contents"])]


def test_a_file_is_fixed_into_json_lines(tmp_path: Path) -> None:
    rows = [json.loads(chat_row("Why?", " So. ")), json.loads(chat_row("What?", "Ã¤r bÃ¥ten grÃ¶n?"))]
    file, out = tmp_path / "rows.json", tmp_path / "fixed.jsonl"
    file.write_text(json.dumps([*rows, rows[0]], indent=1))
    assert fix_file(file, out, Reporter()) == (2, 2, 1)
    answers = [json.loads(line)["messages"][1]["content"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert answers == ["So.", "är båten grön?"]
    assert {problem.rule for _line, problem in check_for(out, "trl", Reporter())} == set()
