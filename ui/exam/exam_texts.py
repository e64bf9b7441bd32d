"""Texts of the exam: names of subjects and kinds of questions, rates, costs, progress."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QDateTime, QLocale

from core.exam.prompt_conditions import CONDITIONS
from core.exam.runs import ExamEstimate, ExamRun, ExamSubject
from core.exam.scores import LEAKED, NO_KIND
from core.exam.statistics import KappaAgreement, PassRate, is_small
from core.language import tr, trn
from core.providers import LOCAL
from ui.widgets import basics
from ui.widgets.cost_texts import format_token_estimate
from ui.widgets.length_and_time_texts import format_time_left

GAINED_SYMBOL, LOST_SYMBOL = "▲", "▼"
RIGHT_SYMBOL, WRONG_SYMBOL = "✓", "✗"
NO_VALUE = "–"


def brief_name(model: str) -> str:
    """A model's name without the base it was tuned from, for a narrow heading."""
    parts = basics.short_model_name(model).split(" · ")
    return " · ".join(parts[:-1]) or model


def subject_heading(subject: ExamSubject, server: str = "") -> str:
    """Who was asked and with what before it, in two lines; `server` where a run has several."""
    condition = CONDITIONS[subject.condition].title()
    return f"{brief_name(subject.model)}\n{f'{condition} · {server}' if server else condition}"


def subject_line(subject: ExamSubject, server: str = "") -> str:
    """The same in one line."""
    return " · ".join(subject_heading(subject, server).splitlines())


def describe_subject(subject: ExamSubject, server: str) -> str:
    """A subject in full, for a tooltip."""
    parts = [subject.model, server, CONDITIONS[subject.condition].description(), subject.error]
    return " – ".join(filter(None, parts))


def servers_of(subjects: Sequence[ExamSubject], titles: Mapping[str, str]) -> list[str]:
    """The server of each subject, where they are not all at the same one; '' else."""
    several = len({subject.provider for subject in subjects}) > 1
    return [titles.get(subject.provider, subject.provider) if several else "" for subject in subjects]


def describe_kind(kind: str) -> str:
    """What a kind of exam question shows."""
    return {
        NO_KIND: tr("Rows without a kind. Set one in the examples tab."),
        LEAKED: tr("Training rows ask the same questions. Right answers to them prove nothing."),
        "memorised": tr("The exact wording of a training row. It shows that the training worked, not that the fact was learned."),
        "reworded": tr("The same question in a wording that was never used for training."),
        "reverse": tr("The question in reverse, from the answer to what it is about."),
        "applied": tr("A situation in which the fact must be used."),
        "combined": tr("Needs two facts of the text."),
        "not_stated": tr("Asks about something the text does not say; the right answer is to say so."),
        "false_premise": tr("Assumes something that the text contradicts; the right answer corrects it."),
        "general": tr("General knowledge from outside the text, which should not get worse."),
    }.get(kind, "")  # fmt: skip


def run_status_title(status: str) -> str:
    """The screen text of the status of an exam run."""
    words = {
        "running": tr("running"),
        "succeeded": tr("finished"),
        "cancelled": tr("stopped"),
        "failed": tr("failed"),
    }
    return words.get(status, status)


def format_run(run: ExamRun) -> str:
    """A run in one line: when, who, and how it ended."""
    created = QLocale().toString(QDateTime.fromSecsSinceEpoch(int(run.created_at)), QLocale.FormatType.ShortFormat)
    who = ", ".join(subject_line(subject) for subject in run.subjects[:2])
    more = len(run.subjects) - 2
    if more > 0:
        who = tr("{who} and {n} more", who=who, n=more)
    return f"{created}  ·  {who}  ·  {run_status_title(run.status)}"


def format_rate(rate: PassRate) -> str:
    """A rate with its share: 7/9 · 78 %."""
    return f"{rate} · {rate.share:.0%}" if rate.asked else NO_VALUE


def format_repeats(rate: PassRate) -> str:
    """That a rate's answers are repeats of fewer questions; '' where each was asked once."""
    if rate.asked <= rate.questions:
        return ""
    return tr("{answers} answers to {questions} questions", answers=f"{rate.asked:,}", questions=f"{rate.questions:,}")


def format_interval(rate: PassRate) -> str:
    """The interval of a rate, over its questions."""
    if not rate.asked:
        return NO_VALUE
    low, high = rate.interval
    return f"{low:.0%} – {high:.0%}"


def format_few_questions(questions: int) -> str:
    """What to say of few questions; '' where they are enough."""
    return (
        trn("{n} question is a small sample", "{n} questions are a small sample", questions)
        if is_small(questions)
        else ""
    )


def format_price(amount: float | None) -> str:
    """A price in US dollars; "free" for 0, "unknown" for None."""
    if amount is None:
        return tr("unknown")
    return tr("free") if amount == 0 else f"${amount:.2f}" if amount >= 0.01 else tr("under $0.01")


def format_estimate(one: ExamEstimate) -> str:
    """The number of requests, tokens and the cost of one subject."""
    return " · ".join([
        trn("{n} request", "{n} requests", one.requests),
        tr("{n} tokens", n=format_token_estimate(one.sent + one.received)),
        format_price(one.dollars) if one.dollars is not None else tr("price unknown"),
    ])  # fmt: skip


def format_total(found: Sequence[ExamEstimate], repeats: int) -> str:
    """The size and the cost of an exam."""
    if not found:
        return ""
    answers = sum(one.requests for one in found) * repeats
    known = [one.dollars for one in found if one.dollars is not None]
    general = found[0].general
    own = trn("{n} question", "{n} questions", found[0].requests - general)
    parts = [
        f"{own} + {trn('{n} general question', '{n} general questions', general)}" if general else own,
        trn("{n} answer", "{n} answers", answers),
        tr("about {sent} tokens sent, {received} received", sent=format_token_estimate(sum(one.sent for one in found)),
           received=format_token_estimate(sum(one.received for one in found))),
    ]  # fmt: skip
    if all(one.subject.provider == LOCAL for one in found):
        parts.append(tr("free"))
    elif len(known) == len(found):
        parts.append(tr("about {cost}", cost=format_price(sum(known))))
    else:
        parts.append(tr("{cost}, plus parts with unknown price", cost=format_price(sum(known) if known else 0.0)))
    return " · ".join(parts)


def format_exam_progress(done: int, wanted: int, seconds: float | None) -> str:
    """The progress of an exam, and about how long it still takes (`seconds`; None: not known yet)."""
    text = tr("{done} of {wanted} answers", done=f"{done:,}", wanted=f"{wanted:,}")
    if seconds is None or done >= wanted:
        return text
    return f"{text} · {format_time_left(seconds)}"


def format_kappa(pair: str, found: KappaAgreement) -> str:
    """How far two graders agree: Cohen's kappa, with the number of answers."""
    if found.value is None:
        return tr("{pair}: agree on {share} of {n} – too uniform for a kappa", pair=pair, share=f"{found.agreed:.0%}", n=f"{found.n:,}")  # fmt: skip
    text = tr("{pair}: κ = {kappa}, agree on {share} of {n}", pair=pair, kappa=f"{found.value:.2f}",
              share=f"{found.agreed:.0%}", n=f"{found.n:,}")  # fmt: skip
    return f"{text} ({tr('a small sample')})" if is_small(found.n) else text
