"""A report of an exam as one HTML file without scripts, pictures or fonts from elsewhere."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping

from core import __version__, language, paths
from core.exam import scores, sentence_encoder
from core.exam.calibration_texts import format_corrected, format_interval
from core.exam.checkpoint_trends import CheckpointResult
from core.exam.graders import GRADERS
from core.exam.judges import PASS_SHARE
from core.exam.prompt_conditions import CONDITIONS, RETRIEVED
from core.exam.report import question_sections, report_data, svg_charts
from core.exam.report.html_escape import Markup, join, tag
from core.exam.report.report_data import ExamReport
from core.exam.report.report_formatting import (
    NOTHING,
    build_name,
    build_row,
    build_section,
    build_table,
    format_percent,
    format_time,
    grader_title,
)
from core.exam.runs import ExamSubject
from core.exam.scores import kind_title
from core.exam.statistics import is_small
from core.language import tr, trn
from core.providers import LOCAL, prices
from core.providers.models_api import is_tuned

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

Servers = Mapping[str, str]


def build_page(db: sqlite3.Connection, id: int, title: str = "", by: str = "", servers: Servers | None = None) -> str:
    """The whole page as HTML. `by` is whose marks count (core/exam/scores.py); `servers` has the titles of servers by their id.

    Raises `JukuError` where there is no such run.
    """
    report = report_data.load_report(db, id, by, title)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"Juku {__version__}"),
        tag("title", _format_title(report)),
        tag("style", Markup((paths.RESOURCES / "report.css").read_text(encoding="utf-8"))),
    )
    body = tag("body", tag("main", *_build_parts(report, servers or {})))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang=language.current_language() or 'en')}\n"


def _format_title(report: ExamReport) -> str:
    return tr("Exam: {title}", title=report.title) if report.title else tr("Exam")


def _build_parts(report: ExamReport, servers: Servers) -> Iterator[Markup]:
    yield _build_head(report)
    yield _build_verdict(report)
    yield _build_totals(report)
    yield _build_kinds(report)
    if len(report.points) > 1:
        yield _build_trends(report)
    yield from question_sections.build_sections(report)
    yield _build_costs(report)
    yield _build_identities(report, servers)
    yield _build_settings(report)
    yield tag("footer", tr("Created by Juku {version} on {day}.", version=__version__, day=format_time(time.time())))


def _build_head(report: ExamReport) -> Markup:
    run, count = report.run, len(report.result.questions)
    facts = [
        format_time(run.created_at),
        trn("{n} question", "{n} questions", count),
        trn("asked once", "asked {n} times each", run.repeats),
        trn("{n} answer", "{n} answers", report.answers),
        tr("marked by: {who}", who=grader_title(report.by, report)),
    ]
    wanted = count * run.repeats * len(run.subjects)
    missing = tag("p", trn("{n} answer is missing: the exam is not finished.",
                           "{n} answers are missing: the exam is not finished.", wanted - report.answers),
                  class_="warning") if report.answers < wanted else ""  # fmt: skip
    return tag("header", tag("h1", _format_title(report)), tag("p", " · ".join(facts), class_="about"), missing)


def _build_verdict(report: ExamReport) -> Markup:
    sentences = [tag("li", one) for one in report.verdict] or [tag("li", report.waiting)]
    return build_section(tr("Verdict"), tag("ul", *sentences, class_="verdict"))


def _build_totals(report: ExamReport) -> Markup:
    """The held-out questions as bars, and all figures as a table."""
    bars, rows = [], []
    for at, total in enumerate(report.result.totals):
        held = total.held
        label = tr("{rate}, between {low} and {high}", rate=format_percent(held), low=f"{held.interval.low:.0%}",
                  high=f"{held.interval.high:.0%}")  # fmt: skip
        kind = "tuned" if is_tuned(total.subject.model) else ""
        figure = tag("span", tag("b", format_percent(held)), f" {held}", class_="figure")
        bars.append(tag("div", tag("span", build_name(report, at), class_="label"), svg_charts.draw_rate(held, label, kind), figure,
                        class_="row"))  # fmt: skip
        spread = f"{total.spread.disagreeing:.0%}" if total.spread.n else NOTHING
        general, memorised, leaked = (
            f"{format_percent(rate)} ({rate})" if rate.asked else NOTHING for rate in (total.general, total.memorised, total.leaked)
        )  # fmt: skip
        between = format_interval(held.interval) if held.asked else NOTHING
        corrected = report.result.correct_held(at)
        rows.append(build_row(build_name(report, at), f"{format_percent(held)} ({held})", between,
                        format_corrected(corrected) if corrected else NOTHING, f"{total.score:.2f}", general, memorised, leaked, spread, f"{total.unmarked:,}"))  # fmt: skip
    head: list[object] = [tr("Subject"), tr("Held-out questions"), tr("95 % interval"), tr("Corrected (95 %)"), tr("Mean score"), tr("General"),
                          tr("Memorised"), tr("Leaked"), tr("Sometimes right"), tr("Not marked")]  # fmt: skip
    description = tr(
        "Right answers to questions that were never used for training, with their 95 % interval. The questions are the "
        "sample, however often each was asked. “Corrected” is without the grader's errors, as your marks show them. Memorised, leaked and general questions are shown separately: they do not "
        "prove that a fact was learned."
    )
    small = len(scores.find_places(report.result.questions, scores.HELD))
    note = tag("p", tr("Few questions: the sample is small and the intervals are wide."), class_="warning") if is_small(small) else ""  # fmt: skip
    return build_section(
        tr("Result"),
        note,
        tag("div", *bars, class_="bars"),
        build_table(head, rows, "figures"),
        description=description,
    )


def _build_kinds(report: ExamReport) -> Markup:
    rows = []
    for line in report.result.kinds:
        cells = [
            tag("td", tag("b", format_percent(rate)), f" {rate}", class_=svg_charts.colour_class(rate),
                title=format_interval(rate.interval) if rate.asked else None)
            for rate in line.rates
        ]  # fmt: skip
        rows.append(build_row(kind_title(line.name), f"{len(line.questions):,}", *cells))
    head: list[object] = [tr("Kind"), tr("Questions"), *(build_name(report, at) for at in range(len(report.names)))]
    return build_section(tr("By kind of question"), build_table(head, rows, "heat"))


def _build_trends(report: ExamReport) -> Markup:
    jobs: dict[str, list[CheckpointResult]] = {}
    for point in report.points:
        name = f"{point.title} · {point.version_name}" if point.version_name else point.title
        jobs.setdefault(f"{name} ({CONDITIONS[point.condition].title()})", []).append(point)
    legend = [tag("li", name, class_=f"key s{at % svg_charts.SERIES}") for at, name in enumerate(jobs)]
    drawn = svg_charts.draw_trends([*jobs.items()], tr("Held-out questions by step"), tr("Step"))
    return build_section(tr("During training"), drawn, tag("ul", *legend, class_="legend"),
                   description=tr("Right answers to held-out questions at each checkpoint that was tested."))  # fmt: skip


def _build_costs(report: ExamReport) -> Markup:
    rows = []
    for at, total in enumerate(report.result.totals):
        answers = sum(one.answers for one in report.identities.get(total.subject.id, []))
        price = NOTHING if total.per_thousand is None else f"${total.per_thousand:.2f}"
        here = tr("this computer") if total.subject.provider == LOCAL else price
        each = f"{total.seconds / answers:.2f} s" if answers else NOTHING
        rows.append(
            build_row(build_name(report, at), f"{answers:,}", f"{total.sent:,}", f"{total.received:,}", each, here)
        )
    head: list[object] = [tr("Subject"), tr("Answers"), tr("Tokens sent"), tr("Tokens received"), tr("Response time"),
                          tr("A thousand questions")]  # fmt: skip
    description = tr("In US dollars, by the prices of {day} and your own; – means that the price is unknown.",
               day=prices.load_table().as_of)  # fmt: skip
    return build_section(tr("Cost and time"), build_table(head, rows, "figures"), description=description)


def _build_identities(report: ExamReport, servers: Servers) -> Markup:
    rows = []
    for at, subject in enumerate(report.run.subjects):
        identities = report.identities.get(subject.id, [])
        reported = [one.reported or tr("not reported") for one in identities]
        adapters = [one.adapter for one in identities if one.adapter]
        prints = [one.fingerprint for one in identities if one.fingerprint and not one.adapter]
        rows.append(build_row(build_name(report, at), _format_server(subject, servers), tag("code", subject.model), _build_code_lines(reported),
                        _build_code_lines(adapters), _build_code_lines(prints), CONDITIONS[subject.condition].title(),
                        subject.error or NOTHING))  # fmt: skip
    head: list[object] = [tr("Subject"), tr("Server"), tr("Model asked"), tr("Model that answered"), tr("Adapter"),
                          tr("Fingerprint"), tr("Condition"), tr("Error")]  # fmt: skip
    description = tr(
        "The models that the servers report as having answered. An answer from another model than the one "
        "requested is never used."
    )
    return build_section(tr("Model asked"), build_table(head, rows, "who"), description=description)


def _format_server(subject: ExamSubject, servers: Servers) -> str:
    known = servers.get(subject.provider)
    return known or (tr("This computer") if subject.provider == LOCAL else subject.provider or NOTHING)


def _build_code_lines(texts: list[str]) -> Markup:
    parts = [tag("code", one) for one in dict.fromkeys(texts)]
    return (
        join(*(part if at == 0 else join(tag("br"), part) for at, part in enumerate(parts)))
        if parts
        else tag("td", NOTHING)
    )


def _build_settings(report: ExamReport) -> Markup:
    run, sampling = report.run, report.run.sampling
    lines: list[tuple[str, object]] = [
        (tr("Grader"), GRADERS[run.grader].title()),
        (tr("Judge"), tr("{model}, right from {points} of 100 points", model=run.judge[1], points=f"{100 * PASS_SHARE:.0f}")
         if run.judge else NOTHING),
        (tr("Marks used for these results"), tr("by: {who}", who=grader_title(report.by, report))),
        (tr("Repeats"), f"{run.repeats:,}"),
        (tr("Temperature"), f"{sampling.temperature:g}"),
        ("top_p", f"{sampling.top_p:g}"),
        ("max_tokens", f"{sampling.max_tokens:,}"),
        (tr("Seed"), NOTHING if sampling.seed is None else f"{sampling.seed}"),
        (tr("Batch"), tr("yes") if run.batch else tr("no")),
        (tr("Start time"), format_time(run.created_at)),
        (tr("Ended"), format_time(run.finished_at)),
        (tr("Revision of the spec"), report.revision or NOTHING),
        (tr("Exam"), f"#{run.id}"),
        *_describe_conditions(report),
    ]  # fmt: skip
    return build_section(tr("How it was asked and marked"), tag("dl", *(join(tag("dt", name), tag("dd", value)) for name, value in lines)))  # fmt: skip


def _describe_conditions(report: ExamReport) -> Iterator[tuple[str, str]]:
    found = report.run.retrieval
    for name in dict.fromkeys(subject.condition for subject in report.run.subjects):
        description = CONDITIONS[name].description()
        if name == RETRIEVED:
            limit = tr("At most {k} passages, {tokens} tokens.", k=found.k, tokens=found.budget)
            encoder = found.embedding or (sentence_encoder.PACKAGE if found.encoder else "")
            description = f"{description} {limit} {encoder}".strip()
        yield CONDITIONS[name].title(), description
