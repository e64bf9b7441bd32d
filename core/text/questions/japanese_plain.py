"""Japanese rows without an analyser, or from a sentence that it does not understand: figures asked for in their place.

「控えの選手は3人までです。」 becomes 「控えの選手は何人までですか。」: the rest of the sentence stays as it is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from core.lazy_loading import lazy_pattern
from core.text.questions.japanese_quantities import ask_for, find_figures
from core.text.questions.japanese_questions import name_figure_form

MAX_SENTENCE = 60  # characters of a sentence that is repeated in a question
_SENTENCES = lazy_pattern("(?<=[。．!！])(?![」』）)])")
_POLITE = lazy_pattern("(?:です|ます|ません|でした|ました)$")
_PLAIN = lazy_pattern("(?:[うくぐすつぬぶむるい]|だ|た|である)$")
_TOPIC = lazy_pattern("^(?P<topic>[^はがをにで、。（(「]{2,16})は、?")
_BACK = lazy_pattern("^(?:これ|それ|その|この|ただし|また|なお|しかし|そこ|ここ)")
_TRUNK = lazy_pattern(
    "[0-9０-９][0-9０-９.,]*[\u3400-\u9fff\u30a1-\u30fa\u30fc]{0,4}|[\u3400-\u9fff\u30a1-\u30fa\u30fc]{2,}|[A-Za-z0-9.]+"
)


def split_plain(text: str) -> list[str]:
    """The sentences of a text without their marks; none that points back to another or is very long."""
    parts = (part.strip().rstrip("。．!！") for part in _SENTENCES.split(text))
    return [part for part in parts if 4 < len(part) <= MAX_SENTENCE and not _BACK.match(part) and "：" not in part]


def iterate_figure_questions(sentence: str, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield questions for the figures of a sentence, with their forms."""
    if not (_POLITE.search(sentence) or _PLAIN.search(sentence)):
        return
    for figure in find_figures(sentence):
        for asked in ask_for(sentence, figure):
            yield ask_plainly(asked, dice), name_figure_form(figure, asked)


def ask_plainly(text: str, dice: random.Random) -> str:
    """A statement with a word that asks, with the ending of a question."""
    if _POLITE.search(text):
        return text + dice.choice(["か。", "か?"])
    if text.endswith("である"):
        return f"{text[:-3]}ですか。"
    return text.removesuffix("だ") + dice.choice(["?", "か教えてください。"])


def iterate_whether(sentence: str, dice: random.Random) -> Iterator[str]:
    """Yield the sentence as a yes/no question."""
    if sentence.endswith("ください"):
        return
    if _POLITE.search(sentence):
        yield sentence + dice.choice(["か。", "よね?"])
    elif _PLAIN.search(sentence):
        yield sentence.removesuffix("である").removesuffix("だ") + "って本当ですか。"


def find_plain_topic(sentence: str) -> str:
    """What stands before the first は; '' where it is not plain what it is."""
    found = _TOPIC.match(sentence)
    return found["topic"] if found and not _BACK.match(sentence) else ""


def find_plain_words(text: str) -> list[str]:
    """Runs of kanji, katakana and figures: the words of a text, as well as they can be told without an analyser."""
    return list(dict.fromkeys(_TRUNK.findall(text)))
