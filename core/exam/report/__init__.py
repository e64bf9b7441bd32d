"""Reports of an exam as files: a page, a table, JSON, or a configuration for promptfoo."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import JukuError
from core.exam.report import csv_and_json, html_page, promptfoo
from core.exam.report.report_data import find_run as find_run
from core.formats.output_files import replace_file
from core.language import tr
from core.progress import Reporter
from core.settings import ProviderSettings

build_page, write_csv, write_json = html_page.build_page, csv_and_json.write_csv, csv_and_json.write_json


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """`by` is whose marks count (core/exam/scores.py), `title` '' the project's; `servers` are those of the settings."""

    title: str = ""
    by: str = ""
    servers: tuple[ProviderSettings, ...] = ()

    @property
    def titles(self) -> Mapping[str, str]:
        """The titles of the servers by their id."""
        return {one.id: one.title for one in self.servers}


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """`write` yields the file in pieces; `title` is its name on the screen."""

    suffix: str
    title: Callable[[], str]
    write: Callable[[sqlite3.Connection, int, ReportOptions], Iterable[str]]


def _write_page(db: sqlite3.Connection, id: int, options: ReportOptions) -> Iterator[str]:
    yield build_page(db, id, options.title, options.by, options.titles)


FORMATS = {
    "html": ReportFormat(".html", lambda: tr("Report (HTML)"), _write_page),
    "csv": ReportFormat(".csv", lambda: tr("Answers (CSV table)"), lambda db, id, _options: write_csv(db, id)),
    "json": ReportFormat(
        ".json", lambda: tr("Result and answers (JSON)"), lambda db, id, options: write_json(db, id, options.by)
    ),
    "promptfoo": ReportFormat(
        ".yaml",
        lambda: tr("Exam for promptfoo (YAML)"),
        lambda db, id, options: [promptfoo.build_config(db, id, options.servers)],
    ),
}


def detect_format(path: Path) -> str:
    """The format of a report by the suffix of its file. Raises `JukuError` for another suffix."""
    suffix = {".htm": ".html", ".yml": ".yaml"}.get(path.suffix.lower(), path.suffix.lower())
    found = next((name for name, one in FORMATS.items() if one.suffix == suffix), "")
    if not found:
        raise JukuError(
            tr("There is no report of this kind"),
            tr(
                "Let the file's name end in one of these: {endings}",
                endings=", ".join(one.suffix for one in FORMATS.values()),
            ),
        )
    return found


def save(
    db: sqlite3.Connection,
    id: int,
    path: Path,
    format: str = "",
    options: ReportOptions = ReportOptions(),
    reporter: Reporter | None = None,
) -> None:
    """Write a report; an existing file is replaced only when the new one is complete.

    Raises `JukuError` where there is no such run or format, `FormatError` when the disk refuses, and `Cancelled` when
    the reporter is cancelled.
    """
    chosen = FORMATS[format or detect_format(path)]
    with replace_file(path) as file:
        for piece in chosen.write(db, id, options):
            file.write(piece.encode(errors="replace"))
            if reporter:
                reporter.check()
