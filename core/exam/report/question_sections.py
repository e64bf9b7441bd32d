"""The sections of a report about single facts and questions: what was gained and lost, and each answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.exam import calibration_texts, graders
from core.exam.judges import JUDGE, AnswerMark
from core.exam.report.html_escape import Markup, join, tag
from core.exam.report.report_data import ExamReport, ReportAnswer
from core.exam.report.report_formatting import (
    NOTHING,
    RIGHT,
    UNKNOWN,
    WRONG,
    build_name,
    build_row,
    build_section,
    build_table,
    format_difference,
    format_p_value,
    format_percent,
    grader_title,
)
from core.exam.report.svg_charts import colour_class
from core.exam.scores import GENERAL, NO_KIND, PairedComparison, ResultLine, kind_title
from core.language import tr, trn

MAX_LINES_SHOWN = 2000  # facts of the heat map, and questions in a list
GAINED, LOST = "▲", "▼"
MAX_ANSWER_CHARACTERS = 1500  # characters of an answer that are shown


def build_sections(report: ExamReport) -> Iterator[Markup]:
    """The sections that have content."""
    if report.comparisons:
        yield _build_changes(report)
    if report.result.facts:
        yield _build_facts(report)
    if report.result.general:
        yield _build_forgetting(report)
    if report.result.leaks:
        yield _build_leaks(report)
    yield from _build_checks(report)
    if report.agreement.n:
        yield _build_agreement(report)
    if report.answers_shown:
        yield _build_answers(report)


def _build_changes(report: ExamReport) -> Markup:
    rows, lists = [], []
    for one in report.comparisons:
        pair = join(
            build_name(report, one.subject),
            " ",
            tag("span", tr("compared with"), class_="than"),
            " ",
            build_name(report, one.against),
        )
        gap, (low, high) = one.scoring.mean, one.scoring.interval
        points = f"{format_difference(gap)} ({format_difference(low)} – {format_difference(high)})"
        n = f"{one.scoring.n:,}" + (f" – {tr('small sample')}" if one.small else "")
        passing = one.passing
        rows.append(build_row(pair, f"{passing.gained:,}", f"{passing.lost:,}", format_p_value(passing.p), points, n))
        lists.append(_build_fact_changes(report, one))
    head: list[object] = [tr("Subject"), tr("Questions gained"), tr("Questions lost"), tr("p (McNemar)"),
                          tr("Difference in points (95 %)"), tr("Questions")]  # fmt: skip
    description = tr(
        "Paired by question, over the held-out questions that both answered: McNemar's exact test on pass or fail, and the "
        "mean difference of the scores. A question counts as passed if more than half of its repeats are right."
    )
    return build_section(tr("Gained and lost"), build_table(head, rows, "figures"), *lists, description=description)


def _build_fact_changes(report: ExamReport, one: PairedComparison) -> Markup:
    """The facts by name."""
    gained, lost = ([line for line in lines if line.name != GENERAL] for lines in (one.gained, one.lost))
    words = [trn("{n} fact gained", "{n} facts gained", len(gained)), trn("{n} fact lost", "{n} facts lost", len(lost))]
    title = join(build_name(report, one.subject), " ", tag("span", tr("compared with"), class_="than"), " ", build_name(report, one.against), ": ",
                 tr(", ").join(words))  # fmt: skip
    both = [_build_fact_list(GAINED, "gained", gained), _build_fact_list(LOST, "lost", lost)]
    return tag("details", tag("summary", title), *both)


def _build_fact_list(sign: str, class_: str, lines: Sequence[ResultLine]) -> Markup:
    items = [tag("li", tag("b", sign, " ", line.name), " ", tag("bdi", line.text)) for line in lines[:MAX_LINES_SHOWN]]
    return tag("ul", *items, *_build_more_line(len(lines)), class_=class_)


def _build_more_line(count: int) -> list[Markup]:
    return [tag("li", trn("{n} more", "{n} more", count - MAX_LINES_SHOWN))] if count > MAX_LINES_SHOWN else []


def _build_facts(report: ExamReport) -> Markup:
    lines = report.result.facts
    against = report.comparisons[0].against if report.comparisons else 0
    rows = [_build_fact_row(line, against) for line in lines[:MAX_LINES_SHOWN]]
    head: list[object] = [tr("Fact"), *(build_name(report, at) for at in range(len(report.names)))]
    description = tr(
        "Right answers to the questions about each fact, without memorised and leaked ones. {gained} and {lost} mark what "
        "changed compared with “{who}”.", gained=GAINED, lost=LOST, who=report.names[against],
    )  # fmt: skip
    rest = tag("ul", *_build_more_line(len(lines))) if len(lines) > MAX_LINES_SHOWN else ""
    return build_section(tr("Facts"), build_table(head, rows, "heat facts"), rest, description=description)


def _build_fact_row(line: ResultLine, against: int) -> Markup:
    cells = []
    for at, rate in enumerate(line.rates):
        change = line.change(at, against)
        sign = {1: GAINED, -1: LOST}.get(change, "")
        mark = tag("span", f" {sign}", class_="gained" if change > 0 else "lost") if sign else ""
        cells.append(tag("td", str(rate), mark, class_=colour_class(rate), title=format_percent(rate)))
    return build_row(join(tag("b", line.name), " ", tag("bdi", line.text)), *cells)


def _build_forgetting(report: ExamReport) -> Markup:
    rows = []
    for at, total in enumerate(report.result.totals):
        low, high = total.general.interval
        between = f"{low:.0%} – {high:.0%}" if total.general.asked else NOTHING
        rows.append(build_row(build_name(report, at), f"{format_percent(total.general)} ({total.general})", between))
    lists = [_build_forgotten_list(report, one) for one in report.comparisons]
    head: list[object] = [tr("Subject"), tr("General"), tr("95 % interval")]
    return build_section(tr("Forgotten"), build_table(head, rows, "figures"), *filter(None, lists),
                   description=tr("General knowledge from outside the text, which should not get worse."))  # fmt: skip


def _build_forgotten_list(report: ExamReport, one: PairedComparison) -> Markup | None:
    lost = [line for line in one.lost if line.name == GENERAL]
    if not lost:
        return None
    words = trn("{n} question forgotten", "{n} questions forgotten", len(lost))
    title = join(build_name(report, one.subject), " ", tag("span", tr("compared with"), class_="than"), " ", build_name(report, one.against), ": ", words)  # fmt: skip
    items = [tag("li", tag("b", LOST), " ", tag("bdi", line.text)) for line in lost[:MAX_LINES_SHOWN]]
    return tag("details", tag("summary", title), tag("ul", *items, *_build_more_line(len(lost)), class_="lost"))


def _build_leaks(report: ExamReport) -> Markup:
    """Questions among the training rows, which count for nothing."""
    rows = []
    for one in report.result.leaks[:MAX_LINES_SHOWN]:
        example, _blank, likeness = one.leak.partition(" ")
        rows.append(
            build_row(
                tag("bdi", one.question), kind_title(one.kind), f"#{example}", f"{likeness} %" if likeness else NOTHING
            )
        )
    head: list[object] = [tr("Question"), tr("Kind"), tr("Training row"), tr("Similarity")]
    rates = [
        build_row(build_name(report, at), f"{format_percent(total.leaked)} ({total.leaked})")
        for at, total in enumerate(report.result.totals)
    ]
    description = tr(
        "Training rows ask the same questions. Right answers to them prove nothing and are not counted in the result."
    )
    compared = build_table([tr("Subject"), tr("Right answers to leaked questions")], rates, "figures")
    return build_section(tr("Leaks"), compared, build_table(head, rows), description=description)


def _build_checks(report: ExamReport) -> Iterator[Markup]:
    """Each grader against the person's marks: in sentences, and its errors by kind of question."""
    parts: list[object] = []
    for checked in report.checks:
        title = grader_title(checked.by, report)
        words = (calibration_texts.describe_check(checked, title), calibration_texts.describe_obstacle(checked))
        parts.append(tag("p", " ".join(filter(None, words))))
        if checked.is_enough:
            rows = [
                build_row(kind_title(one.kind or NO_KIND), f"{one.wrong_passed:,} / {one.wrong:,}", f"{one.right_failed:,} / {one.right:,}")
                for one in checked.kinds
            ]  # fmt: skip
            head: list[object] = [tr("Kind"), tr("Wrong answers passed"), tr("Right answers failed")]
            parts.append(build_table(head, rows, "figures"))
    if parts:
        description = tr(
            "The grader's marks against your own, which say here what is right and wrong. The marks of all exams with the same "
            "grader count; the same answer to the same question counts once."
        )
        yield build_section(tr("Checked on your marks"), *parts, description=description)


def _build_agreement(report: ExamReport) -> Markup:
    found = report.agreement
    pair = f"{grader_title('', report)} – {grader_title(JUDGE, report)}"
    value = NOTHING if found.value is None else f"{found.value:.2f}"
    head: list[object] = [tr("Marked by"), tr("Cohen's kappa"), tr("Same mark"), tr("Answers marked by both")]
    description = tr("1 is full agreement, 0 is chance. Identical answers to a question count once.")
    table = build_table(head, [build_row(pair, value, f"{found.agreed:.0%}", f"{found.n:,}")], "figures")
    return build_section(tr("Agreement of the graders"), table, description=description)


def _build_answers(report: ExamReport) -> Markup:
    shown = [
        _build_question(report, place, report.answers_shown[question.id])
        for place, question in enumerate(report.result.questions)
        if question.id in report.answers_shown
    ]
    description = tr("Identical answers are grouped; ×{n} shows how often one was given.", n="n")
    left = trn("{n} answer is left out here; the CSV and JSON reports have all.",
               "{n} answers are left out here; the CSV and JSON reports have all.", report.left_out)  # fmt: skip
    note = tag("p", left, class_="warning") if report.left_out else ""
    return build_section(tr("Answers"), note, *shown, description=description)


def _build_question(report: ExamReport, place: int, shown: Sequence[ReportAnswer]) -> Markup:
    question = report.result.questions[place]
    squares = [
        tag("span", str(rate), class_=f"square {colour_class(rate)}", title=report.names[at])
        for at, rate in enumerate(report.result.lines[place].rates)
    ]
    summary = tag("summary", tag("bdi", question.question), " ", tag("small", kind_title(question.kind)),
                  tag("span", *squares, class_="squares"))  # fmt: skip
    known = [(tr("Reference answer"), question.reference), (tr("Key points"), graders.format_key_points(report.run.grader, question.key_points)),
             (tr("Facts"), question.facts)]  # fmt: skip
    listed = tag("dl", *(join(tag("dt", name), tag("dd", tag("bdi", value))) for name, value in known if value))
    by_subject = [
        tag("div", tag("h3", build_name(report, at)), *answers)
        for at, subject in enumerate(report.run.subjects)
        if (answers := [_build_answer(report, one) for one in shown if one.subject == subject.id])
    ]
    return tag("details", summary, listed, *by_subject, class_="question")


def _build_answer(report: ExamReport, one: ReportAnswer) -> Markup:
    sign = _format_sign(one.passed)
    times = tag("small", f" ×{one.times:,}") if one.times > 1 else ""
    text = one.text if len(one.text) <= MAX_ANSWER_CHARACTERS else f"{one.text[:MAX_ANSWER_CHARACTERS]}…"
    marks = [tag("p", *_build_mark(report, mark), class_="mark") for mark in one.marks]
    reason = tag("p", one.reason, class_="mark") if one.reason else ""
    class_ = {RIGHT: "right", WRONG: "wrong"}.get(sign, "unknown")
    return tag("div", tag("p", tag("span", sign, class_="sign"), times, " ", tag("bdi", text), class_="said"), reason, *marks,
               class_=f"answer {class_}")  # fmt: skip


def _build_mark(report: ExamReport, mark: AnswerMark) -> list[object]:
    return [
        grader_title(mark.grader, report),
        f" {_format_sign(mark.passed)} {100 * mark.score:.0f} ",
        tag("bdi", mark.reason),
    ]


def _format_sign(passed: bool | None) -> str:
    return UNKNOWN if passed is None else RIGHT if passed else WRONG
