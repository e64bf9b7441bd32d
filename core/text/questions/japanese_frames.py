"""What people put around a Japanese question: the name of the subject, a few words before it; and keywords alone."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from core.lazy_loading import lazy_pattern
from core.text.questions import japanese_words
from core.text.questions.japanese_page import NAMELESS, ReadFact, ReadPage
from core.text.questions.japanese_plain import find_plain_words
from core.text.questions.japanese_questions import REFERENCE, name_owner
from core.text.questions.japanese_rewording import reword

_OPENERS = (
    "すみません、", "ちょっと聞きたいんですが、", "はじめてなので教えてください。", "友だちに聞かれたんですけど、", "確認したいんですけど、",
    "質問です。", "急いでいます。", "念のため聞きますが、", "あの、", "えっと、", "今やっているところなんですが、", "母に聞かれました。",
)  # fmt: skip
_NAMED = (
    "{s}では、{q}",
    "{s}で、{q}",
    "{s}のことなんですけど、{q}",
    "{s}について質問です。{q}",
    "{s}なんですけど、{q}",
    "{s}の話で、{q}",
)
_HEADED = ("{h}のことですが、{q}", "「{h}」のところで、{q}", "{h}について。{q}")
_KEYWORDS = (
    "{k}?",
    "{k}は?",
    "{k}について教えてください。",
    "{k}のことを知りたいです。",
    "{k}って?",
    "{k}を説明して。",
    "{k} 教えて",
)
_BARE_KEYWORDS = ("{k}", "{k}?", "{k} 教えて", "{k} どうだっけ?")
NAMED_KEYWORDS = 0.3  # of the keywords have a name of the subject before them
_STATE = ("{t}について説明してください。", "{t}について知っていることを教えて。", "{t}の説明をお願いします。")
_BARE_TOPIC = lazy_pattern("[^0-9るただのす、]{1,8}(?:の[^0-9るたの、]{1,6})?")
OPENED = 0.15  # of the questions have a few words before them
FULL_WIDTH = 0.6  # of the question marks, as a Japanese keyboard types them
MIN_ALONE = 14  # characters of a question that needs no name of what it is about
_TRIVIAL = lazy_pattern("[ぁ-ん]{1,2}$|^[0-9]$")
_EMPTY_WORDS = {
    "こと",
    "もの",
    "とき",
    "ため",
    "よう",
    "ところ",
    "場合",
    "これ",
    "それ",
    "ここ",
    "する",
    "なる",
    "ある",
    "いる",
    "できる",
    "使う",
    "れる",
    "せる",
    "自分",
}


def finish_question(question: str, dice: random.Random) -> str:
    """The question with the marks that people type."""
    question = reword(re.sub("、{2,}", "、", question).replace("。、", "。"), dice)
    return question.replace("?", "？") if dice.random() < FULL_WIDTH else question


def place_name(question: str, page: ReadPage, read: ReadFact, dice: random.Random, share: float) -> str:
    """The question, in some cases with a name of the subject or the heading, or with a few words before it.

    One that says too little alone always gets a name.
    """
    if any(name in question for name in page.names):
        return _open(question, dice)
    heading = read.heading if len(read.heading) <= 14 and not re.search("[0-9「」]", read.heading) else ""
    is_bare = len(question) < MIN_ALONE and not read.topic
    if heading and heading not in question and dice.random() < (0.7 if is_bare else 0.12):
        frames = _HEADED[1:2] if re.search("[うくぐすつぬぶむるき]$", heading) else _HEADED
        return dice.choice(frames).format(h=heading, q=question)
    if is_bare or dice.random() < share:
        name = dice.choice(page.names)
        bare = _BARE_TOPIC.fullmatch(read.topic) is not None
        if bare and question.startswith(read.topic) and dice.random() < 0.35:
            return f"{name}の{question}"
        return dice.choice(_NAMED).format(s=name, q=question)
    return _open(question, dice)


def _open(question: str, dice: random.Random) -> str:
    return dice.choice(_OPENERS) + question if dice.random() < OPENED else question


def ask_for_statement(read: ReadFact, page: ReadPage, dice: random.Random) -> Iterator[str]:
    """Yield requests for the whole statement: by its topic, where no other fact has it, and by how it begins."""
    text = read.fact.text
    topic = name_owner(read.topic, read.owner)
    if topic and sum(one.topic == read.topic for one in page.facts) == 1 and not re.search("の$", topic):
        yield dice.choice(_STATE).format(t=topic)
    if REFERENCE.match(text):
        return
    for length in range(max(4, len(text) // 3), len(text) - 3):
        opening = text[:length]
        if re.search("[はがをにで、]$", opening) and sum(other.startswith(opening) for other in page.texts) == 1:
            yield f"「{opening}…」の続きを教えてください。"
            break


def ask_keywords(read: ReadFact, page: ReadPage, dice: random.Random) -> Iterator[str]:
    """Yield questions of two or three of the fact's words that no other fact has together."""
    own = find_content_words("。".join(cell for _, cell in read.cells) or read.fact.text)
    if read.owner:
        own.append(read.owner)
    others = [one.fact.text for one in page.facts if one is not read]
    tried = 0
    while len(own) > 1 and tried < 20:
        tried += 1
        chosen = set(dice.sample(own, min(len(own), dice.choice([2, 2, 3]))))
        words = (
            [one for one in own if one in chosen]
            if dice.random() < 0.7
            else list(dict.fromkeys(dice.sample(sorted(chosen), len(chosen))))
        )
        if not any(all(word in other for word in words) for other in others):
            is_named = NAMELESS in page.names or any(name in "".join(words) for name in page.names)
            if dice.random() < NAMED_KEYWORDS and not is_named:
                words.insert(0, dice.choice(page.names))
            is_verb = words[-1] not in read.fact.text or re.search("[るいすうくむぶ]$", words[-1]) is not None
            frames = _BARE_KEYWORDS if is_verb else _KEYWORDS
            yield dice.choice(frames).format(k=dice.choice([" ", " ", "、"]).join(words))


def find_content_words(text: str) -> list[str]:
    """The words that a text is about, verbs in the form of the dictionary."""
    if not japanese_words.is_available():
        return find_plain_words(text)
    words = japanese_words.find_words(text)
    found: list[str] = []
    run, end = "", -1
    for word in [*words, None]:
        is_noun = word is not None and word.kind in ("noun", "stem") and word.tags[0] != "代名詞"
        if is_noun and word is not None and (word.start == end or not run):
            run, end = run + word.text, word.end
            continue
        if run:
            found.append(run)
            run = ""
        if is_noun and word is not None:
            run, end = word.text, word.end
        elif word is not None and word.kind in ("verb", "adjective") and "非自立可能" not in word.tags:
            found.append(word.base)
    return [
        one for one in dict.fromkeys(found) if len(one) > 1 and one not in _EMPTY_WORDS and not _TRIVIAL.fullmatch(one)
    ]
