"""The sentence that a person reads for each doubt about a row."""

from core.language import tr
from core.text.grounding import Doubt


def format_doubt(doubt: Doubt) -> str:
    """A doubt as a translated sentence."""
    words = doubt.words
    match doubt.why:
        case "figure" if doubt.stated:
            return tr(
                "The text says {stated}, not {words}: “{passage}”",
                stated=doubt.stated,
                words=words,
                passage=doubt.passage,
            )
        case "figure":
            return tr("The figure {words} does not follow from the facts.", words=words)
        case "unit":
            return tr("The facts use another unit for this figure than “{words}”.", words=words)
        case "swapped":
            return tr("In the facts, {words} refers to something else.", words=words)
        case "negation":
            return tr("The facts contradict “{words}”: one is negated, the other is not.", words=words)
        case "opposite":
            return tr("The facts say the reverse of the answer: “{words}”.", words=words)
        case "only-lost":
            return tr("The facts allow only one thing; the answer adds “{words}”.", words=words)
        case "duty-as-foul":
            return tr("The answer says “{words}” is forbidden; in the spec it is required.", words=words)
    return _format_place(doubt.why, words)


def _format_place(why: str, words: str) -> str:
    """A doubt about where the words of a row are from."""
    match why:
        case "quote-missing":
            return tr("The quotation is not in the spec: “{words}”.", words=words)
        case "elsewhere":
            return tr("“{words}” is in the spec, but not in the facts that this row is based on.", words=words)
        case "answered":
            return tr("The answer does not say that this is not in the text: “{words}”.", words=words)
    return tr("“{words}” is neither in the facts nor in the question.", words=words)
