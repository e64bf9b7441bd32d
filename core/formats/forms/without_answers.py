"""Forms that hold nothing a chat model can be trained on as it is: rankings, ratings, labels, spans, plain texts."""

from typing import Any

from core.formats.forms.form import Json

_RANKS = ("ranking", "rankings", "ranks", "rank", "scores", "ratings")
_SPANS = ("entities", "spans", "labels", "label", "ner_tags", "tokens")


def is_ranking(value: Json) -> bool:
    """Several answers with ranks or scores."""
    answers = next((value[key] for key in ("responses", "completions", "answers", "outputs") if key in value), None)
    rated = (
        isinstance(answers, list)
        and len(answers) > 1
        and all(isinstance(one, dict) and not _RATED.isdisjoint(one) for one in answers)
    )
    return rated or (isinstance(answers, list) and len(answers) > 1 and any(key in value for key in _RANKS))


_RATED = frozenset((*_RANKS, "score", "rating", "overall_score"))


def is_unpaired(value: Json) -> bool:
    """One answer that was liked or not, without another to compare with (KTO)."""
    return isinstance(value.get("label", value.get("kto_tag")), bool) and any(
        key in value for key in ("completion", "messages", "conversations", "output", "response")
    )


def are_spans(value: Json) -> bool:
    """A text or its words, with marked places or classes."""
    text = value.get("text", value.get("tokens"))
    return isinstance(text, str | list) and any(_are_labels(value.get(key)) for key in _SPANS if key != "tokens")


def _are_labels(value: Any) -> bool:
    return isinstance(value, list | int) or (isinstance(value, str) and len(value) < 60)


def is_plain_text(value: Json) -> bool:
    """A text and nothing that asks or answers."""
    return isinstance(value.get("text"), str) and not any(key in value for key in ("messages", *_SPANS))
