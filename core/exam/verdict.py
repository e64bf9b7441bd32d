"""The verdict of an exam in sentences: what was learned and lost, whether it was worth it, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.exam import calibration_texts, degenerate_answers, judges, scores, statistics
from core.exam.prompt_conditions import CLOSED_BOOK, CONDITIONS, OPEN_BOOK, RETRIEVED
from core.exam.runs import ExamSubject
from core.exam.scores import GENERAL, ExamResult, PairedComparison, SubjectTotal
from core.exam.statistics import MeanDifference, PassRate
from core.language import tr, trn
from core.providers import LOCAL, model_kinds
from core.providers.models_api import is_tuned

SIGNIFICANCE_LEVEL = 0.05  # p below which a difference is not put down to chance
GOOD_SHARE = 0.9  # of the held-out questions right, from which little is left to teach
MAX_FACTS_NAMED = 8  # facts that a sentence names


def build_sentences(result: ExamResult) -> list[str]:
    """The verdict as sentences, the most important first; empty while it is too early for one, see `waiting_reason`."""
    if not result.is_settled or not result.asked.any():
        return []
    if not scores.find_places(result.questions, scores.HELD):
        return [
            *_describe_no_proof(result),
            *_describe_forgetting(result),
            *_describe_trust(result),
            *_describe_limits(result),
        ]
    return [
        *_describe_learning(result),
        *_describe_trust(result),
        *_describe_books(result),
        *_describe_search(result),
        *_describe_limits(result),
        *_describe_next_steps(result),
    ]


def waiting_reason(result: ExamResult) -> str:
    """Why there is no verdict yet, in words; '' where there is one."""
    if not result.is_settled:
        return tr("The exam is running. The verdict appears when all subjects have answered the same questions.")
    return "" if result.asked.any() else tr("No answers yet.")


def find_unlearned(result: ExamResult, subject: int) -> list[str]:
    """Facts, by name, that a subject mostly gets wrong: they need more wordings."""
    return [
        line.name
        for line in result.facts
        if line.rates[subject].asked and line.rates[subject].share <= scores.PASS_SHARE
    ]


def subject_title(subject: ExamSubject) -> str:
    """Who was asked, and with what before it, briefly."""
    model, precision = model_kinds.split_exported(subject.model)
    name, *rest = model.removeprefix("ft:").split(":")
    if model.startswith("ft:"):
        # Without a suffix, the id tells it from its base and from other trainings.
        suffix, step = "".join(rest[1:2]) or "".join(rest[2:3])[:6], model.rpartition("ckpt-step-")
        parts = [name, suffix, tr("step {step}", step=step[2]) if step[1] else ""]
        name = " · ".join(filter(None, parts))
    name = " · ".join(filter(None, (name or model, f"GGUF {precision}" if precision else "")))
    return f"{name} ({CONDITIONS[subject.condition].title()})"


def find_tuned(result: ExamResult) -> list[int]:
    """The places of the tuned models that were asked with the closed book."""
    return [at for at, one in enumerate(result.run.subjects) if is_tuned(one.model) and one.condition == CLOSED_BOOK]


def _find_best(result: ExamResult) -> list[int]:
    """The tuned model that has most right, to be set against the books; none where none has answered.

    One that was cut off after a few lucky answers comes after those that have answered more.
    """
    answered = [at for at in find_tuned(result) if result.totals[at].held.asked]
    return sorted(answered, key=lambda at: (-result.totals[at].held.questions, -result.totals[at].held.share))[:1]


def _find_base(result: ExamResult, condition: str) -> int | None:
    """The place of the first base model under a condition."""
    found = (at for at, one in enumerate(result.run.subjects) if one.condition == condition and not is_tuned(one.model))
    return next(found, None)


def _format_rate(rate: PassRate) -> str:
    if rate.asked > rate.questions:
        return tr("{share} ({rate} answers to {n} questions)", share=f"{rate.share:.0%}", rate=rate, n=rate.questions)
    return tr("{share} ({rate})", share=f"{rate.share:.0%}", rate=rate)


def _describe_learning(result: ExamResult) -> Iterator[str]:
    base = _find_base(result, CLOSED_BOOK)
    for at in sorted(find_tuned(result), key=lambda at: -result.totals[at].held.share):
        total = result.totals[at]
        name = subject_title(total.subject)
        if not total.held.asked:
            yield tr("{model} answered none of the held-out questions.", model=name)
        elif base is None or not result.totals[base].held.asked:
            yield tr(
                "{model} answered {rate} of the held-out questions right.", model=name, rate=_format_rate(total.held)
            )
        else:
            yield from _describe_gain(name, result.compare(at, base))


def _describe_gain(name: str, found: PairedComparison) -> Iterator[str]:
    """A tuned model against its base."""
    if not found.scoring.n:
        yield tr("No held-out question was answered by both {model} and the base model alone, so they cannot be compared.",
                 model=name)  # fmt: skip
        return
    sentence = tr("{model} answered {rate} of the held-out questions right; the base model alone {before}: {judged}.", model=name,
              rate=_format_rate(found.mine), before=_format_rate(found.other), judged=_format_significance(found))  # fmt: skip
    yield " ".join(filter(None, (sentence, _format_common(found))))
    yield _format_changes(found)


def _format_common(found: PairedComparison) -> str:
    """How many questions a comparison stands on, where some were not answered by both."""
    if not found.missing:
        return ""
    return tr("Only the {n} of {all} questions that both answered are compared.", n=found.scoring.n,
              all=found.scoring.n + found.missing)  # fmt: skip


def _describe_no_proof(result: ExamResult) -> Iterator[str]:
    """Without a question that proves something."""
    if all(scores.question_part(one) == GENERAL for one in result.questions):
        yield tr("None of the questions is about your text: the exam only shows what was forgotten.")
    else:
        yield tr(
            "No question can prove that something was learned: all are also in the training rows, or about general knowledge."
        )


def _describe_forgetting(result: ExamResult) -> Iterator[str]:
    base = _find_base(result, CLOSED_BOOK)
    for at in find_tuned(result):
        mine, name = result.totals[at].general, subject_title(result.totals[at].subject)
        if mine.asked and base is not None and (before := result.totals[base].general).asked:
            yield tr("{model} answered {rate} of the general questions right; the base model alone {before}.", model=name,
                     rate=_format_rate(mine), before=_format_rate(before))  # fmt: skip


def _format_significance(found: PairedComparison) -> str:
    """Whether a difference is one."""
    p = f"{found.passing.p:.2g}" if found.passing.p >= 0.001 else "0.001"
    if found.passing.p >= SIGNIFICANCE_LEVEL:
        return tr("no clear difference (p = {p})", p=p)
    sign = "=" if found.passing.p >= 0.001 else "<"
    if found.passing.gained > found.passing.lost:
        return tr("clearly better (p {sign} {p})", sign=sign, p=p)
    return tr("clearly worse (p {sign} {p})", sign=sign, p=p)


def _format_changes(found: PairedComparison) -> str:
    gained, lost = scores.fact_names(found.gained), scores.fact_names(found.lost)
    parts = [
        trn("It gained {n} fact", "It gained {n} facts", len(gained)) + _format_names(gained),
        trn("lost {n} fact", "lost {n} facts", len(lost)) + _format_names(lost),
    ]
    forgotten = len(found.lost) - len(lost)
    if forgotten:
        parts.append(trn("and forgot the answer to {n} general question", "and forgot the answers to {n} general questions", forgotten))  # fmt: skip
    return tr("{parts}.", parts=tr(", ").join(parts))


def _format_names(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = len(names) - MAX_FACTS_NAMED
    return tr(" ({names})", names=f"{tr(', ').join(names[:MAX_FACTS_NAMED])}{tr(', …') if more > 0 else ''}")


def _describe_trust(result: ExamResult) -> Iterator[str]:
    """Whose marks these are, how far a person's own marks bear them out, and what the rates are without the grader's errors."""
    checked = result.checked
    if checked is None:
        marked = int(result.asked.sum())
        yield trn("Marked by you: {n} answer.", "Marked by you: {n} answers.", marked)
        return
    check = calibration_texts.describe_check(checked, judges.grader_title(checked.by, result.run.grader))
    yield " ".join(filter(None, (check, calibration_texts.describe_errors(checked))))
    base = _find_base(result, CLOSED_BOOK)
    corrected = [
        tr("{model} {rate}", model=subject_title(result.totals[at].subject), rate=calibration_texts.format_corrected(found))
        for at in [*find_tuned(result), *([] if base is None else [base])]
        if (found := result.correct_held(at))
    ]  # fmt: skip
    if corrected:
        yield tr("Corrected for these errors, the held-out rates are, with their 95 % intervals: {rates}.",
                 rates=tr("; ").join(corrected))  # fmt: skip
    elif obstacle := calibration_texts.describe_obstacle(checked):
        yield obstacle


def _describe_books(result: ExamResult) -> Iterator[str]:
    """Is it better than putting the text, or what a search finds of it, into the prompt?"""
    for at in _find_best(result):
        for condition in (OPEN_BOOK, RETRIEVED):
            other = _find_base(result, condition)
            if other is not None and result.totals[other].held.asked:
                yield _compare_with_book(result, at, other)


def _describe_search(result: ExamResult) -> Iterator[str]:
    """Would showing the passage that a search finds first do as well, without any model?"""
    for at in _find_best(result):
        if (found := scores.compare_with_search(result, at)) is not None:
            yield from _compare_with_search(subject_title(result.totals[at].subject), *found)


def _compare_with_search(model: str, rate: PassRate, gain: MeanDifference) -> Iterator[str]:
    yield tr("Without any model, the passage that a search of the text finds first holds the answer to {rate} of the held-out questions.",
             rate=_format_rate(rate))  # fmt: skip
    values = {"model": model, "interval": _format_points(gain)}
    if not gain.is_clear:
        yield tr("No clear difference between {model} and this search: {interval} points.", **values)
    elif gain.mean > 0:
        yield tr("{model} is better than this search, by {interval} points.", **values)
    else:
        yield tr("{model} is worse than this search, by {interval} points: to look something up, a search is enough.", **values)  # fmt: skip


def _format_points(difference: MeanDifference) -> str:
    low, high = difference.interval
    return tr("{low} to {high}", low=f"{round(100 * low):+d}", high=f"{round(100 * high):+d}")


def _compare_with_book(result: ExamResult, at: int, other: int) -> str:
    found = result.compare(at, other)
    if not found.scoring.n:
        return tr("No held-out question was answered by both {model} and {book}, so they cannot be compared.",
                  model=subject_title(result.totals[at].subject), book=subject_title(result.totals[other].subject))  # fmt: skip
    gap = found.scoring.mean
    values = {
        "model": subject_title(result.totals[at].subject),
        "book": subject_title(result.totals[other].subject),
        "rate": _format_rate(found.mine),
        "other": _format_rate(found.other),
        "gap": f"{abs(gap):.0%}",
        "interval": _format_points(found.scoring),
    }
    if not found.scoring.is_clear:
        text = tr("No clear difference between {model} ({rate}) and {book} ({other}): {interval} points.", **values)
    elif gap > 0:
        text = tr("{model} ({rate}) is better than {book} ({other}), by {interval} points.", **values)
    else:
        text = tr("{model} ({rate}) is worse than {book} ({other}), by {interval} points.", **values)
    return " ".join(filter(None, (text, _format_common(found), _format_costs(result.totals[at], result.totals[other]))))


def _format_costs(mine: SubjectTotal, other: SubjectTotal) -> str:
    """What a thousand questions cost either way; on this computer, how much each has to read."""
    if mine.per_thousand is None or other.per_thousand is None:
        return ""
    if mine.subject.provider != LOCAL or other.subject.provider != LOCAL:
        return tr("A thousand questions cost ${mine}, compared with ${other}.", mine=f"{mine.per_thousand:.2f}",
                  other=f"{other.per_thousand:.2f}")  # fmt: skip
    if not mine.sent or not other.sent:
        return ""
    times = f"{other.sent / mine.sent:.1f}"
    if other.subject.condition == RETRIEVED:
        return tr("With passages in the prompt each question is {times} times as long.", times=times)
    return tr("With the spec in the prompt each question is {times} times as long.", times=times)


def _describe_limits(result: ExamResult) -> Iterator[str]:
    """What limits the proof."""
    places = scores.find_places(result.questions, scores.HELD)
    held = len(places)
    if by_rules := sum(result.questions[place].by_rules for place in places):
        yield trn("{n} held-out question was made by rules from the text. Other people’s questions are harder.",
                  "{n} held-out questions were made by rules from the text. Other people’s questions are harder.", by_rules)  # fmt: skip
    if held and statistics.is_small(held):
        yield trn("{n} held-out question is a small sample: the interval is wide.",
                  "{n} held-out questions are a small sample: the interval is wide.", held)  # fmt: skip
    if leaks := len(result.leaks):
        yield trn("{n} question is also among the training rows. It proves nothing and is not counted.",
                  "{n} questions are also among the training rows. They prove nothing and are not counted.", leaks)  # fmt: skip
    for total in result.totals:
        for flaw, count in total.flaws.items():
            yield degenerate_answers.describe_count(flaw, subject_title(total.subject), count)
        if total.spread.disagreeing:
            yield tr("{model} answers {share} of the questions only sometimes right.", model=subject_title(total.subject),
                     share=f"{total.spread.disagreeing:.0%}")  # fmt: skip


def _describe_next_steps(result: ExamResult) -> Iterator[str]:
    for at in _find_best(result):
        mine = result.totals[at].held
        missing = find_unlearned(result, at)
        if missing and mine.share < GOOD_SHARE:
            yield trn("Next: {n} fact is not learned yet{named}. More wordings help most.",
                      "Next: {n} facts are not learned yet{named}. More wordings help most.", len(missing),
                      named=_format_names(missing))  # fmt: skip
        books = [other for condition in (OPEN_BOOK, RETRIEVED) if (other := _find_base(result, condition)) is not None]
        better = [other for other in books if _is_better(result.compare(at, other))]
        if better:
            best = max(better, key=lambda other: result.totals[other].held.share)
            yield tr("Until then, {book} is the better way to answer the questions.", book=subject_title(result.totals[best].subject))  # fmt: skip


def _is_better(found: PairedComparison) -> bool:
    """Whether the other one is clearly better."""
    return found.scoring.is_clear and found.scoring.mean < 0
