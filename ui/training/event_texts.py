"""The events of a job in the person's language, where their words are known: those of the local engine, and OpenAI's."""

import re
from collections.abc import Callable

from core.language import tr

_KNOWN: tuple[tuple[str, Callable[..., str]], ...] = (
    (r"Created fine-tuning job: (?P<id>\S+)", lambda id: tr("Created fine-tuning job: {id}", id=id)),
    (
        r"Validating training file: (?P<id>\S+) and validation file: (?P<other>\S+)",
        lambda id, other: tr("Validating training file: {id} and validation file: {other}", id=id, other=other),
    ),
    (r"Validating training file: (?P<id>\S+)", lambda id: tr("Validating training file: {id}", id=id)),
    (
        r"Files validated, moving job to queued state",
        lambda: tr("Files validated, moving job to queued state"),
    ),
    (r"Fine-tuning job started", lambda: tr("Fine-tuning job started")),
    (r"Fine-tuning job resumed", lambda: tr("Fine-tuning job resumed")),
    (
        r"Preparing (?P<model>.+) for its first use: (?P<share>\d+)%",
        lambda model, share: tr("Preparing {model} for its first use: {share}%", model=model, share=share),
    ),
    (
        r"Before the first step, the model reads (?P<n>\d+) rows once for their reference",
        lambda n: tr("Before the first step, the model reads {n} rows once for their reference", n=n),
    ),
    (
        r"Step (?P<step>\d+)/(?P<total>\d+): training loss=(?P<loss>[\d.naif]+)"
        r"(?:, validation loss=(?P<valid>[\d.naif]+))?(?:, full validation loss=(?P<full>[\d.naif]+))?",
        lambda step, total, loss, valid, full: (
            tr("Step {step}/{total}: training loss={loss}", step=step, total=total, loss=loss)
            + (tr(", validation loss={loss}", loss=valid) if valid else "")
            + (tr(", full validation loss={loss}", loss=full) if full else "")
        ),
    ),
    (
        r"Stopped early after step (?P<step>\d+): the validation loss was lowest at step (?P<best>\d+), "
        r"whose adapter is kept",
        lambda step, best: tr(
            "Stopped early after step {step}: the validation loss was lowest at step {best}, whose adapter is kept",
            step=step,
            best=best,
        ),
    ),
    (
        r"The adapters of the last (?P<n>\d+) epochs were averaged, LoRA's A and B each for itself",
        lambda n: tr("The adapters of the last {n} epochs were averaged, LoRA's A and B each for itself", n=n),
    ),
    (
        r"The saved state is damaged: the job begins again",
        lambda: tr("The saved state is damaged: the job begins again"),
    ),
    (
        r"The job continues after step (?P<step>\d+)",
        lambda step: tr("The job continues after step {step}", step=step),
    ),
    (r"Checkpoint created at step (?P<step>\d+)", lambda step: tr("Checkpoint created at step {step}", step=step)),
    (
        r"Checkpoint created at step (?P<step>\d+) with Snapshot ID: (?P<id>\S+)",
        lambda step, id: tr("Checkpoint created at step {step}: {id}", step=step, id=id),
    ),
    (
        r"New fine-tuned model created(?:: (?P<id>\S+))?",
        lambda id: tr("New fine-tuned model created: {id}", id=id or ""),
    ),
    (r"The job has successfully completed", lambda: tr("The job has successfully completed")),
)
_COMPILED = tuple((re.compile(pattern), text) for pattern, text in _KNOWN)


def describe_event(message: str) -> str:
    """An event's message in the language of the window; words that are not known stay as the server wrote them."""
    for pattern, text in _COMPILED:
        if found := pattern.fullmatch(message):
            return text(**found.groupdict())
    return message
