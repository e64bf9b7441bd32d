"""What a question is: in its own order, and as a part of a sentence (“Can you tell me …”), as the one who asks says it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.text.questions.english_clauses import Part

MAX_WORDS = 24  # of a question: nobody asks longer ones


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with a question mark and, to put behind “Can you tell me”, its order as a part of a sentence."""

    direct: str
    indirect: str
    form: str
    kind: str = "direct"


def to_asker(text: str) -> str:
    """The text as the one who asks says it: “you” is “I” or “me”, “we” is “you”."""
    text = re.sub(r"\b([Oo])ur\b", "\0our", re.sub(r"\b[Uu]s\b", "\0ou", re.sub(r"\b[Ww]e\b(?!-)", "\0ou", text)))
    text = re.sub(r"\b(?:you are|you're)\b", "I am", re.sub(r"\byou were\b", "I was", text))
    objective = (
        r"\b(lets?|to|for|with|of|gives?|gave|at|from|tells?|told|costs?|helps?|brings?|takes?|asks?|shows?|sends?"
        r"|pays?) you\b"
    )
    text = re.sub(objective, r"\1 me", text)
    text = re.sub(r"\byou(?=[.,;?]|$)", "me", text)
    text = re.sub(r"\b[Yy]ou\b", "I", text)
    text = re.sub(r"\byourself\b", "myself", re.sub(r"\byours\b", "mine", re.sub(r"\byour\b", "my", text)))
    text = re.sub(r"\bYour\b", "My", text)
    return text.replace("\0our", "your").replace("\0ou", "you")


def is_sound(question: str) -> bool:
    """Whether a question has a fair length and none of the traces of a misread sentence."""
    words = question.rstrip("?").split()
    if not 3 <= len(words) <= MAX_WORDS or question.count("(") != question.count(")"):
        return False
    if question.count("at least") > 1 or question.count("at most") > 1:
        return False
    broken = re.search(r"[;:]| ,|\b(\w+) \1\b|[“\"][^”\"]*$", question.replace("that that", "that"))
    if broken and not re.search(r"\d:\d", question):
        return False
    return not re.search(r"\b(?:and|or|but|so|the|a|an|because|than|as)\?$", question)


def turn_around(pattern: str, be: str, form: str) -> Iterator[Ask]:
    """Yield a question with is or are in it, and its indirect order, where the verb stands at the end."""
    before, after = pattern.split(" {be} ")
    yield Ask(f"{before} {be} {after}?", f"{before[0].lower()}{before[1:]} {after} {be}", form, "reworded")


def keep_order(text: str, form: str, kind: str = "direct") -> Ask:
    """A question whose order doesn't change behind “Can you tell me”."""
    plain = tidy(text)
    return Ask(mark_question(plain), plain[0].lower() + plain[1:], form, kind)


def is_reason(part: Part) -> bool:
    """Whether a part tells why, or admits something: questions leave it out."""
    return part.role == "clause" and part.text.lower().startswith(
        ("because", "since", "so ", "although", "though", "as ")
    )


def tidy(text: str) -> str:
    """The text with single blanks, and none before a comma."""
    return re.sub(r"\s+", " ", re.sub(r"\s+([,.?!%)])", r"\1", text)).replace("( ", "(").strip(" ,;")


def mark_question(text: str) -> str:
    """The text with a capital letter and a question mark."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}?"
