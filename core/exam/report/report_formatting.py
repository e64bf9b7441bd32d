"""The words and figures that the parts of a report share."""

from __future__ import annotations

import time

from core.exam import judges
from core.exam.report.html_escape import Markup, join, tag
from core.exam.report.report_data import ExamReport
from core.exam.statistics import PassRate

RIGHT, WRONG, UNKNOWN, NOTHING = "✓", "✗", "?", "–"


def grader_title(by: str, report: ExamReport) -> str:
    """Who marked: '' is the run's own grader."""
    return judges.grader_title(by, report.run.grader)


def format_time(seconds: float | None) -> str:
    """A time in Unix seconds as "2026-01-31 12:00", local time; `NOTHING` for none."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else NOTHING


def format_percent(rate: PassRate) -> str:
    """The share of a rate in per cent; `NOTHING` where nothing was asked."""
    return f"{rate.share:.0%}" if rate.asked else NOTHING


def format_difference(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    points = round(100 * share)
    return f"{points:+d}" if points else "0"


def format_p_value(p: float) -> str:
    """A p-value with two digits; small ones as "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def build_section(title: str, *parts: object, description: str = "") -> Markup:
    """A section of the page, with a title and a description under it."""
    note = tag("p", description, class_="about") if description else ""
    return tag("section", tag("h2", title), note, *parts)


def build_table(head: list[object], rows: list[Markup], class_: str = "") -> Markup:
    """A table that scrolls by itself where it is too wide."""
    top = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    return tag("div", tag("table", top, tag("tbody", *rows), class_=class_ or None), class_="scroll")


def build_row(first: object, *cells: object) -> Markup:
    """A row of a table, whose first cell heads it; a cell that is markup of one already stays."""
    rest = (one if isinstance(one, Markup) and one.startswith("<td") else tag("td", one) for one in cells)
    return tag("tr", tag("th", first, scope="row"), *rest)


def build_name(report: ExamReport, at: int) -> Markup:
    """A subject by its number and name."""
    return join(tag("span", at + 1, class_="number"), " ", tag("bdi", report.names[at]))
