"""How people ask: plainly, politely, out of a situation, as a request, in a hurry, in keywords; and with the page's name."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.lazy_loading import lazy_pattern
from core.text.questions.english_asking import Ask
from core.text.questions.english_words import STOP, SYNONYMS

NAMED_SHARE = 0.4  # of the questions that name what the page is about, where the page has a name

_POLITE = (
    "Could you tell me {i}?", "Can you tell me {i}?", "Do you know {i}?", "I would like to know {i}.", "Excuse me, {d}",
    "Could you please tell me {i}?", "May I ask {i}?", "Sorry to ask, but {d}",
)  # fmt: skip
_SITUATIONS = (
    "I am new here. {D}", "A friend asked me {i}.", "I'm not sure {i}. Can you help?", "Somebody wants to know {i}.", "Quick question: {d}",
    "My colleague wants to know {i}.", "I forgot {i}.", "I'm planning ahead. {D}", "Hi! {D}", "Before I do anything wrong: {d}",
    "We were just wondering {i}.", "I need to know {i}.",
)  # fmt: skip
_REQUESTS = ("Tell me {i}.", "Please tell me {i}.", "Explain {i}.", "Remind me {i}.")
_KEYWORDS = (
    "{k}?", "{k}", "What about {k}?", "Tell me about {k}.", "What is said about {k}?", "{k} – what is the rule?",
    "I have a question about {k}.", "What do you know about {k}?", "Anything about {k}?",
)  # fmt: skip


_BEFORE_NOUN = lazy_pattern(rf" (?!(?:{'|'.join(STOP)})\b)[a-z]")  # “child” of “child ticket” stays
_NO_KEYWORDS = STOP | frozenset(
    [
        "except",
        "without",
        "during",
        "through",
        "over",
        "under",
        "away",
        "back",
        "out",
        "off",
        "always",
        "never",
        "just",
        "such",
        "about",
        "there",
        "here",
        "only",
        "other",
        "another",
        "again",
        "always",
        "usually",
        "often",
        "enough",
        "less",
        "more",
        "please",
        "least",
        "most",
        "above",
        "below",
        "between",
        "behind",
        "nobody",
        "somebody",
        "everybody",
        "someone",
        "anyone",
        "everyone",
        "nothing",
        "anything",
        "something",
        "whoever",
        "whatever",
        "yes",
        "whether",
        "even",
        "still",
        "already",
        "though",
        "although",
        "else",
    ]
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The names that people use for what a page is about, and the word before them: “at the weather house”."""

    names: tuple[str, ...] = ()
    preposition: str = "at"


def name_subject(title: str, texts: Sequence[str]) -> Subject:
    """The names in a page's title, with the shorter ones that people use; none where the title has no name."""
    head = re.split(r"[:–—(]", title)[0].strip()
    runs = re.findall(r"(?:[A-Z][\w’'-]*)(?: (?:of |the |and )?[A-Z][\w’'-]*)+", head) or re.findall(
        r"(?<=[a-z] )[A-Z][\w’'-]+", head
    )
    run = max(runs, key=len, default="").removeprefix("The ")
    run = re.sub(
        r"^(?:Working|Welcome|Rules|Visiting|Using|About|How|Guide|Handbook)\b(?: (?:to|at|of|for))? (?:the )?", "", run
    )
    if not run and re.fullmatch(r"[A-Z][\w’'-]+", head):
        run = head
    if not run:
        return Subject()
    whole = " ".join(texts)
    article = "the " if re.search(rf"\b[Tt]he {re.escape(run)}\b", f"{title} {whole}") else ""
    words = run.split()
    found = [f"{article}{run}"]
    if len(words) > 1:
        found += [f"the {words[-1].lower()}"]
    if len(words) > 2:
        found += [f"the {' '.join(words[-2:]).lower()}"]
    counts = {
        word: len(re.findall(rf"\b{word} {article}{re.escape(run)}\b", f"{title} {whole}"))
        for word in ("at", "in", "of", "on")
    }
    best = max(counts, key=lambda word: counts[word])
    place = re.search(r"\b(?:open|visitors?|guests?|tickets?|staff|members?|volunteers?)\b", whole, re.IGNORECASE)
    return Subject(tuple(found), best if counts[best] else "at" if place else "in")


def frame(ask: Ask, style: str, dice: random.Random) -> str:
    """A question in a style: plain, polite, situation, request or hurried."""
    patterns = {"polite": _POLITE, "situation": _SITUATIONS, "request": _REQUESTS}.get(style)
    if patterns is None:
        return ask.direct if style != "hurried" else hurry(ask.direct)
    if re.search(r"[:.] ", ask.direct):
        return ask.direct
    usable = list(patterns)
    if ask.form == "yes_no" or ask.indirect.startswith("whether"):
        usable = [p for p in usable if not p.startswith(("Explain", "Say", "Remind", "I forgot"))]
    if not usable:
        return ask.direct
    lower = ask.direct if re.match(r"I\b", ask.direct) else ask.direct[:1].lower() + ask.direct[1:]
    return dice.choice(usable).format(i=ask.indirect, d=lower, D=ask.direct)


def hurry(question: str) -> str:
    """A question as it is typed in a hurry: small, without its question mark."""
    return question[:1].lower() + question[1:].rstrip("?") if not re.match(r"I\b", question) else question.rstrip("?")


def put_name(ask: Ask, subject: Subject, dice: random.Random) -> Ask:
    """The question with a name of what the page is about, if it has none yet and is short enough to take one."""
    low = ask.direct.lower()
    known = any(name.removeprefix("the ").lower() in low for name in subject.names)
    if not subject.names or known or re.search(r"[:.] ", ask.direct) or not ask.direct.endswith("?"):
        return ask
    name = dice.choice(subject.names)
    if (
        re.search(rf"\b(?:{subject.preposition}|from|until|when|if|where|once|because)\b[^?]*$", low)
        or len(low.split()) > 13
    ):
        small = ask.direct if re.match("I ", ask.direct) else ask.direct[0].lower() + ask.direct[1:]
        bare = re.sub("^the ", "The ", name)
        return replace(ask, direct=f"{bare}: {small}") if dice.random() < 0.5 else ask
    end = f"{subject.preposition} {name}"
    return replace(ask, direct=f"{ask.direct[:-1]} {end}?", indirect=f"{ask.indirect} {end}")


def reword(text: str, dice: random.Random, most: int = 2) -> str:
    """The text with up to two everyday words changed for ones that mean about the same."""
    places = [
        m
        for m in re.finditer(r"[A-Za-z-]+", text)
        if m.start()
        and _find_synonyms(m[0])
        and not (m[0] in ("child", "adult") and _BEFORE_NOUN.match(text[m.end() :]))
    ]
    dice.shuffle(places)
    for match in sorted(places[:most], key=lambda m: -m.start()):
        options = _find_synonyms(match[0])
        text = text[: match.start()] + dice.choice(options) + text[match.end() :]
    return (
        re.sub(r"\b([Aa])n? (?=([a-z]))", lambda m: f"{m[1]}{'n' if m[2] in 'aeiou' else ''} ", text)
        if places
        else text
    )


def _find_synonyms(word: str) -> list[str]:
    """Other words in the same form: its base form, or with an s."""
    if word in SYNONYMS:
        return list(SYNONYMS[word])
    base = word[:-1] if word.endswith("s") and not word.endswith("ss") else ""
    if base in SYNONYMS:
        return [_add_s(one) for one in SYNONYMS[base]]
    return []


def _add_s(words: str) -> str:
    first, _, rest = words.partition(" ")
    ending = "es" if first.endswith(("s", "x", "z", "ch", "sh")) else "s"
    return f"{first}{ending} {rest}".strip()


def list_keywords(text: str) -> list[str]:
    """The words that a statement is about, names and numbers too, in their order."""
    words = re.findall(r"[€$£¥]?\d[\d.,:]*\d|[€$£¥]?\d|[A-Za-z][A-Za-z’'-]+", text)
    return list(
        dict.fromkeys(word for word in words if (word.lower() not in _NO_KEYWORDS and len(word) > 1) or word.isdigit())
    )


def choose_keywords(texts: Sequence[str], at: int, count: int, dice: random.Random) -> list[list[str]]:
    """Sets of one to four words of a statement that no other statement holds all of."""
    own = list_keywords(texts[at])
    others = [{word.lower() for word in list_keywords(text)} for number, text in enumerate(texts) if number != at]
    found: list[list[str]] = []
    for _ in range(count * 8):
        if not own or len(found) == count:
            break
        keys = dice.sample(own, min(len(own), dice.choice((1, 2, 2, 3, 3, 4))))
        if dice.random() < 0.6:
            keys.sort(key=own.index)
        alone = not any({key.lower() for key in keys} <= other for other in others)
        if alone and sorted(keys) not in [sorted(one) for one in found]:
            found.append(keys)
    return found


def ask_keywords(keys: Sequence[str], dice: random.Random) -> str:
    """Keywords as a question."""
    text = " ".join(keys) if dice.random() < 0.6 else ", ".join(keys)
    pattern = dice.choice(_KEYWORDS)
    return pattern.format(k=text if pattern.startswith("{k}") or any(k[0].isupper() for k in keys) else text.lower())
