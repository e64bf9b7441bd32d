"""What a look through the whole spec finds: statements without a fact, and remarks; of a long text in a process of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from core.progress import Reporter
from core.spec import lint, quote_tracking
from core.spec.lint import Remark
from core.spec.quote_tracking import Span
from core.storage import background_process
from core.text import statements

SHORT = 30_000  # characters that are looked through in a blink


@dataclass(frozen=True, slots=True)
class Found:
    """`missing` statements have no fact yet; `remarks` are in the order of the text."""

    missing: int = 0
    remarks: list[Remark] = field(default_factory=list)


async def look(text: str, taken: Sequence[Span], reporter: Reporter) -> Found:
    """Look through `text`, of which the spans `taken` have facts. Cancelling ends the process."""
    if len(text) <= SHORT:
        return await asyncio.to_thread(survey, text, taken)
    answer = await background_process.run("core.spec.spec_review", {"text": text, "taken": list(taken)}, reporter)
    remarks = [Remark(rule, message, tuple((a, b) for a, b in spans)) for rule, message, spans in answer["remarks"]]
    return Found(answer["missing"], remarks)


def survey(text: str, taken: Sequence[Span]) -> Found:
    found = statements.split(text)
    return Found(len(quote_tracking.free(found, taken)), lint.lint(found))


def _work(request: dict[str, Any], _reporter: Reporter) -> dict[str, Any]:
    found = survey(request["text"], request["taken"])
    return {"missing": found.missing, "remarks": [list(asdict(one).values()) for one in found.remarks]}


if __name__ == "__main__":
    background_process.serve(_work)
