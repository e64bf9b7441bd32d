"""Prints the problems of files: as text, as JSON, as SARIF for code scanners, or as annotations of GitHub Actions."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from core import __version__, checks
from core.checks import Problem
from core.checks.rule_registry import clip
from core.cli.streams import print_json, print_text, printable
from core.errors import JukuError

FORMATS = ("text", "json", "sarif", "github")
MAX_PATH = 4096  # characters of a path before a problem

_SARIF_LEVELS = {"error": "error", "warning": "warning", "note": "note"}
_GITHUB_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
# https://docs.github.com/actions/reference/workflow-commands-for-github-actions: what ends a property or a line
_GITHUB_ESCAPES = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))


class ProblemPrinter:
    """Prints each problem when it is found; SARIF is one document, printed by `finish`."""

    def __init__(self, format: str) -> None:
        self._print: Callable[[Path, int, Problem], None] = {
            "text": _print_text,
            "json": _print_as_json,
            "sarif": self._collect,
            "github": _print_annotation,
        }[format]
        self._is_document = format == "sarif"
        self._results: list[dict[str, Any]] = []
        self._failures: list[dict[str, Any]] = []

    def add(self, path: Path, line: int, problem: Problem) -> None:
        """Print one problem; line 0 is the whole file."""
        self._print(path, line, problem)

    def add_failure(self, path: Path, error: JukuError) -> None:
        """Note a file that could not be checked, in a format that is one document."""
        place = {"physicalLocation": {"artifactLocation": {"uri": _build_uri(path)}}}
        message = {"text": printable(str(error))}
        self._failures.append({"level": "error", "message": message, "locations": [place]})

    def finish(self) -> None:
        """Print what is printed at the end."""
        if self._is_document:
            print_json(_build_sarif(self._results, self._failures))

    def _collect(self, path: Path, line: int, problem: Problem) -> None:
        place: dict[str, Any] = {"artifactLocation": {"uri": _build_uri(path)}}
        if line:
            place["region"] = {"startLine": line}
        self._results.append(
            {
                "ruleId": problem.rule,
                "level": _SARIF_LEVELS[problem.severity],
                "message": {"text": f"{problem.message} {problem.path}".strip()},
                "locations": [{"physicalLocation": place}],
            }
        )


def _print_text(path: Path, line: int, problem: Problem) -> None:
    print_text(
        f"{clip(str(path), MAX_PATH)}:{line}: {problem.severity} {problem.rule} {problem.path or '$'} {problem.message}"
    )


def _print_as_json(path: Path, line: int, problem: Problem) -> None:
    found = {"severity": problem.severity, "rule": problem.rule, "path": problem.path, "message": problem.message}
    print_json({"file": str(path), "line": line, **found})


def _print_annotation(path: Path, line: int, problem: Problem) -> None:
    message, name = f"{problem.message} {problem.path}".strip(), path.as_posix()
    for char, escape in _GITHUB_ESCAPES:
        message, name = message.replace(char, escape), name.replace(char, escape)
    name = name.replace(":", "%3A").replace(",", "%2C")
    place = f"file={name},line={line}" if line else f"file={name}"
    print_text(f"::{_GITHUB_COMMANDS[problem.severity]} {place},title={problem.rule}::{message}")


def _build_uri(path: Path) -> str:
    """The path as a reference of a URI: what is no letter of one is escaped."""
    return quote(os.fsencode(path.as_posix()))


def _build_sarif(results: list[dict[str, Any]], failures: list[dict[str, Any]]) -> dict[str, Any]:
    """A log of SARIF 2.1.0 with one run (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html)."""
    used = dict.fromkeys(result["ruleId"] for result in results)
    rules = [
        {
            "id": rule,
            "shortDescription": {"text": checks.RULES[rule].title()},
            "fullDescription": {"text": checks.RULES[rule].explanation()},
        }
        for rule in used
    ]
    driver = {"name": "Juku", "version": __version__, "rules": rules}
    invocation = {"executionSuccessful": not failures, "toolExecutionNotifications": failures}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "invocations": [invocation], "results": results}],
    }
