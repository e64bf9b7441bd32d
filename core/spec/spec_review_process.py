"""Reviews the whole spec: statements without a fact, and remarks. A long text is reviewed in a process of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from core.progress import Reporter
from core.spec import quote_tracking, spec_lint
from core.spec.quote_tracking import Span
from core.spec.spec_lint import Remark
from core.storage import background_process
from core.text import statements

MAX_INLINE_CHARACTERS = 30_000  # of a text that is reviewed in this process


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """`missing` is the number of statements without a fact; `remarks` are in the order of the text."""

    missing: int = 0
    remarks: list[Remark] = field(default_factory=list)


async def review(text: str, taken: Sequence[Span], reporter: Reporter) -> ReviewResult:
    """Review `text`, in which the spans `taken` have facts.

    Raises `JukuError` when the process of a long text fails; cancelling the task ends it.
    """
    if len(text) <= MAX_INLINE_CHARACTERS:
        return await asyncio.to_thread(review_text, text, taken)
    answer = await background_process.run(
        "core.spec.spec_review_process", {"text": text, "taken": list(taken)}, reporter
    )
    remarks = [Remark(rule, message, tuple((a, b) for a, b in spans)) for rule, message, spans in answer["remarks"]]
    return ReviewResult(answer["missing"], remarks)


def review_text(text: str, taken: Sequence[Span]) -> ReviewResult:
    """Review `text` in this thread."""
    all_statements = statements.split_statements(text)
    return ReviewResult(
        len(quote_tracking.remove_overlapping(all_statements, taken)), spec_lint.find_remarks(all_statements)
    )


def _run_review(request: dict[str, Any], _reporter: Reporter) -> dict[str, Any]:
    result = review_text(request["text"], request["taken"])
    return {"missing": result.missing, "remarks": [list(asdict(one).values()) for one in result.remarks]}


if __name__ == "__main__":
    background_process.serve(_run_review)
