"""What a person's own marks say of a grader, in words: how far it agrees, where it errs, and what that makes of a rate."""

from __future__ import annotations

from core.exam.calibration import MIN_MARKS, Calibration, KindErrors
from core.exam.scores import NO_KIND, kind_title
from core.exam.statistics import ConfidenceInterval, CorrectedRate
from core.language import tr, trn


def describe_check(checked: Calibration, grader: str) -> str:
    """Which of the person's marks the marks of `grader` (its title) were checked on, and how far they agree."""
    n = len(checked.marks)
    if not n:
        return tr(
            "Marked by: {grader}. No mark of yours checks it. Mark at least {least} answers yourself under “Mark blind” in the "
            "exam tab: then you see how far it can be trusted.", grader=grader, least=MIN_MARKS,
        )  # fmt: skip
    if not checked.is_enough:
        return trn(
            "Marked by: {grader}. Only {n} mark of yours checks it: too few. Mark {more} more answers yourself under “Mark "
            "blind” in the exam tab: then you see how far it can be trusted.",
            "Marked by: {grader}. Only {n} marks of yours check it: too few. Mark {more} more answers yourself under “Mark "
            "blind” in the exam tab: then you see how far it can be trusted.", n, grader=grader, more=MIN_MARKS - n,
        )  # fmt: skip
    kappa = checked.kappa.value
    figures = {
        "grader": grader,
        "n": n,
        "agreed": checked.agreement.passed,
        "interval": format_interval(checked.agreement.interval),
        "kappa": tr("not defined") if kappa is None else f"{kappa:.2f}",
    }
    if checked.exams > 1:
        return tr(
            "Marked by: {grader}. Checked on {n} of your marks, from {exams} exams: it agrees in {agreed} (95 % interval "
            "{interval}, Cohen's kappa {kappa}).", exams=checked.exams, **figures,
        )  # fmt: skip
    return tr(
        "Marked by: {grader}. Checked on {n} of your marks: it agrees in {agreed} (95 % interval {interval}, Cohen's kappa "
        "{kappa}).", **figures,
    )  # fmt: skip


def describe_errors(checked: Calibration) -> str:
    """What it passed that the person failed, and failed that the person passed, with the kinds of question; '' for too few marks."""
    if not checked.is_enough:
        return ""
    wrong, passed, right, failed = (
        sum(getattr(one, name) for one in checked.kinds) for name in ("wrong", "wrong_passed", "right", "right_failed")
    )
    total = tr("It passed {passed} of {wrong} answers that you marked as wrong, and failed {failed} of {right} that you "
               "marked as right.", passed=passed, wrong=wrong, failed=failed, right=right)  # fmt: skip
    kinds = [_format_kind(one) for one in checked.kinds if one.wrong_passed or one.right_failed]
    if not kinds or len(checked.kinds) == 1:
        return total
    return " ".join((total, tr("By kind of question: {kinds}.", kinds=tr("; ").join(kinds))))


def _format_kind(one: KindErrors) -> str:
    parts = [
        tr("passed {passed} of {wrong} wrong ones", passed=one.wrong_passed, wrong=one.wrong) if one.wrong_passed else "",
        tr("failed {failed} of {right} right ones", failed=one.right_failed, right=one.right) if one.right_failed else "",
    ]  # fmt: skip
    return tr("{kind} – {errors}", kind=kind_title(one.kind or NO_KIND), errors=tr(", ").join(filter(None, parts)))


def describe_obstacle(checked: Calibration) -> str:
    """Why no rate can be corrected for the grader's errors, though it was checked; '' where it can, or was not checked."""
    if not checked.is_enough or checked.can_correct:
        return ""
    about_text = len(checked.about_text)
    if about_text < MIN_MARKS:
        return tr("The rates can't be corrected for its errors: only {n} of your marks are about the text, and {least} are needed.",
                  n=about_text, least=MIN_MARKS)  # fmt: skip
    if not checked.sensitivity.asked or not checked.specificity.asked:
        return tr(
            "The rates can't be corrected for its errors: you marked all answers alike. Right and wrong ones are needed."
        )
    return tr("The rates can't be corrected for its errors: by your marks it is not clearly better than chance.")


def format_corrected(found: CorrectedRate) -> str:
    """A corrected rate with its interval: "62% (48% – 75%)"."""
    return f"{found.share:.0%} ({format_interval(found.interval)})"


def format_interval(found: ConfidenceInterval) -> str:
    """An interval of shares in per cent: "40% – 60%"."""
    return f"{found.low:.0%} – {found.high:.0%}"
