"""Japanese yes/no questions: a statement as it is, with a wrong value, and whether an act is allowed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from core.lazy_loading import lazy_pattern
from core.text.questions import japanese_nouns as nouns
from core.text.questions.japanese_page import ReadFact, ReadPage
from core.text.questions.japanese_plain import iterate_whether
from core.text.questions.japanese_quantities import Figure, find_figures
from core.text.questions.japanese_questions import (
    REFERENCE,
    ban_denied,
    find_condition,
    find_topic,
    is_act,
    is_anaphoric,
    is_condition,
    topic_of,
)
from core.text.questions.japanese_sentences import Clause, Phrase, Sentence
from core.text.questions.shared_altered_values import choose_altered_number, choose_other

_ACT = lazy_pattern("[うくぐすつぬぶむる]$|た$|だ$")  # the end of a verb
_KANJI = "〇一二三四五六七八九十"
_MOST = {"月": 12, "日": 31, "時": 24, "分": 59, "%": 100, "％": 100, "パーセント": 100, "割": 10}
_TRUE = (
    "{plain}って本当ですか。",
    "{polite}よね?",
    "{polite}か。",
    "{plain}って聞きましたが、合っていますか。",
    "確か、{polite}よね。",
)
_FALSE = (
    "{plain}って聞いたんですけど、合っていますか。", "{polite}よね?", "{plain}んですよね?", "{plain}って本当?", "{polite}か。", "友だちが{plain}と言っていました。本当ですか。",
)  # fmt: skip


def state(sentence: Sentence, text: str = "") -> tuple[str, str]:
    """A sentence in the plain and in the polite form; `text` is it with another value before the predicate."""
    predicate = sentence.clauses[-1].predicate
    if predicate.kind == "noun":
        lead = text or sentence.text[: sentence.clauses[-1].phrases[-1].end]
        ends = (
            ("ではない", "ではありません")
            if predicate.negative
            else ("だった", "でした")
            if predicate.past
            else ("", "です")
        )
        return lead + ends[0], lead + ends[1]
    lead = text or sentence.text[: predicate.start]
    return (
        (lead + predicate.plain(), lead + predicate.polite()) if predicate.plain() and predicate.polite() else ("", "")
    )


def ask_whether(plain: str, polite: str, frames: Sequence[str], dice: random.Random, is_noun: bool) -> str:
    """A statement as a question; a noun takes な before んです."""
    frame = dice.choice(frames)
    if is_noun and "{plain}ん" in frame:
        plain += "な"
    elif is_noun and "{plain}と" in frame:
        plain += "だ"
    return frame.format(plain=plain, polite=polite)


def _lead_end(sentence: Sentence) -> int:
    last = sentence.clauses[-1]
    return last.phrases[-1].end if last.predicate.kind == "noun" else last.predicate.start


def _strip_conjunction(text: str) -> str:
    return re.sub("^(?:ただし|また|なお|しかし|さらに|そして|例えば|たとえば|ですから|だから)、?", "", text)


def iterate_true(sentence: Sentence, dice: random.Random) -> Iterator[str]:
    """Yield the sentence as a question."""
    plain, polite = state(sentence)
    if plain and not starts_with_reference(sentence):
        is_noun = sentence.clauses[-1].predicate.kind == "noun"
        yield _strip_conjunction(ask_whether(plain, polite, _TRUE, dice, is_noun))


def starts_with_reference(sentence: Sentence) -> bool:
    """Whether a sentence begins with これ, その and the like, so that it is not clear alone."""
    return REFERENCE.match(_strip_conjunction(sentence.text)) is not None


def iterate_false(sentence: Sentence, page: ReadPage, dice: random.Random) -> Iterator[str]:
    """Yield the sentence with a figure or a name in the place of the right one, as a question."""
    end = _lead_end(sentence)
    is_noun = sentence.clauses[-1].predicate.kind == "noun"
    if starts_with_reference(sentence):
        return
    figures = [one for one in find_figures(sentence.text) if one.end <= end and not _is_fixed(sentence, one)]
    dice.shuffle(figures)
    for figure in figures:
        wrong = alter_figure(figure, page, dice)
        if wrong:
            text = sentence.text[: figure.start] + wrong + sentence.text[figure.end : end]
            plain, polite = state(sentence, text)
            if plain:
                yield _strip_conjunction(ask_whether(plain, polite, _FALSE, dice, is_noun))
    for clause in sentence.clauses:
        for phrase in clause.phrases:
            text = _alter_phrase(sentence, phrase, page, end, dice)
            plain, polite = state(sentence, text) if text else ("", "")
            if plain:
                yield _strip_conjunction(ask_whether(plain, polite, _FALSE, dice, is_noun))


def _is_fixed(sentence: Sentence, figure: Figure) -> bool:
    """Whether a figure names what the sentence is about, or follows もう: 1チームは5人で, もう1人が."""
    before = sentence.text[: figure.start]
    topics = [
        one for clause in sentence.clauses for one in clause.phrases if one.particle == "は" and one.relative is None
    ]
    is_rate = (
        figure.number in ("1", "一") and re.match("につき|に|あたり|ごと", sentence.text[figure.end :]) is not None
    )
    return is_rate or before.endswith("もう") or any(one.start <= figure.start < one.noun_end for one in topics)


def _alter_phrase(sentence: Sentence, phrase: Phrase, page: ReadPage, end: int, dice: random.Random) -> str:
    """The sentence up to `end` with another person, place or colour in one phrase; '' where none is known."""
    if (
        (phrase.relative is not None and phrase.relative.predicate.kind == "verb")
        or phrase.end > end
        or phrase.is_adverb
    ):
        return ""
    text = sentence.cut(phrase.start, phrase.noun_end)
    if colour := re.search("(?:赤|青|白|黒|黄色|緑|紫)(?=い|色|の|く|$)", text):
        other = dice.choice([one for one in ("赤", "青", "白", "黒", "黄色", "緑") if one != colour[0]])
        return sentence.text[: phrase.start] + text.replace(colour[0], other, 1) + sentence.text[phrase.noun_end : end]
    if phrase.particle not in ("は", "が", "に", "で", "へ", "から", "だけ", "だけは") or find_figures(text):
        return ""
    kind = (
        "person"
        if nouns.is_person(phrase)
        else "place"
        if nouns.is_place(phrase) and phrase.particle in ("に", "で", "へ")
        else ""
    )
    if not kind:
        return ""
    other = choose_other(text, [one for one in page.collect_phrases(kind) if one not in sentence.text], dice)
    return sentence.text[: phrase.start] + other + sentence.text[phrase.noun_end : end] if other else ""


def iterate_false_cells(read: ReadFact, page: ReadPage, dice: random.Random) -> Iterator[str]:
    """Yield the row of a table as a question, with another figure in one of its cells."""
    key = read.cells[0][1]
    for name, cell in read.cells[1:]:
        for figure in find_figures(cell):
            if not (wrong := alter_figure(figure, page, dice)):
                continue
            altered = cell[: figure.start] + wrong + cell[figure.end :]
            if _ACT.search(cell):
                yield f"{key}{'ときは' if _ACT.search(key) else 'の場合は'}、{altered.rstrip('。')}んですよね?"
            else:
                yield f"「{key}」の{name}は、{altered}{dice.choice(['ですか。', 'ですよね?', 'で合っていますか。'])}"


def iterate_false_plain(sentence: str, page: ReadPage, dice: random.Random) -> Iterator[str]:
    """Yield a sentence that was not read as a question, with another figure."""
    for figure in find_figures(sentence):
        before = sentence[: figure.start]
        if (wrong := alter_figure(figure, page, dice)) and not before.endswith("もう"):
            yield from iterate_whether(before + wrong + sentence[figure.end :], dice)


def alter_figure(figure: Figure, page: ReadPage, dice: random.Random) -> str:
    """Another figure with the same counter, as the page writes figures; '' where it can't be altered."""
    if figure.unit in ("date", "clock"):
        return _alter_last_number(figure.text, dice)
    value = figure.value
    if value is None or value > 10_000_000:
        return ""
    number = value
    others = set()
    for text in page.texts:
        for one in find_figures(text):
            if one.unit == figure.unit and one.value is not None and number / 4 <= one.value <= number * 4:
                others.add(one.value)
    most = Decimal(_MOST[figure.unit]) if figure.unit in _MOST else None
    wrong = choose_altered_number(number, others, dice, most)
    return write_number(wrong, figure.number) + figure.unit if wrong != number else ""


def write_number(value: Decimal, like: str) -> str:
    """The number written as the page writes `like`: in kanji, with commas or in plain digits."""
    whole = value == value.to_integral_value()
    if like[0] in _KANJI and whole and value <= 10:
        return _KANJI[int(value)]
    if whole:
        return f"{int(value):,}" if "," in like or "，" in like else str(int(value))
    return str(value.normalize())


def _alter_last_number(text: str, dice: random.Random) -> str:
    found = list(re.finditer("[0-9]+", text))
    if not found:
        return ""
    one = dice.choice(found[:2])
    value = int(one[0])
    after = text[one.end() : one.end() + 1]
    step = dice.choice([-2, -1, 1, 2, 3]) * (10 if value > 1000 and dice.random() < 0.3 else 1)
    wrong = value + step
    if after in ("分", "") and one is found[-1] and len(found) > 1:
        wrong = (value + 30) % 60
    limit = {"月": 12, "日": 28, "時": 24, "：": 23, ":": 23}.get(after, 9999)
    if not 0 < wrong <= limit:
        wrong = max(1, value - 1)
    if wrong == value:
        return ""
    return f"{text[: one.start()]}{wrong:0{len(one[0]) if one[0].startswith('0') else 1}d}{text[one.end() :]}"


def iterate_permission(sentence: Sentence, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield questions whether an act is allowed or needed, with their kinds: 「まりをけってもいいですか」."""
    for clause in sentence.clauses if not starts_with_reference(sentence) else ():
        predicate = ban_denied(clause)
        if any((is_anaphoric(sentence, one) and not one.is_adverb) or "しか" in one.particle for one in clause.phrases):
            continue
        if clause.link in ("if", "even", "until", "because") or predicate.kind != "verb" or predicate.past:
            continue
        body = _body(sentence, clause, dice)
        if len(body) < 3:
            continue
        if predicate.rule in ("ban", "permit") and (te := predicate.te()):
            kind = "direct" if predicate.rule == "permit" else "false_premise"
            yield (
                f"{body}{te}{dice.choice(['もいいですか。', 'も大丈夫ですか。', 'もいい?', 'も平気?', 'もかまいませんか。'])}",
                kind,
            )
            if predicate.rule == "ban":
                yield (
                    f"{body}{te}{dice.choice(['はだめですか。', 'はいけないんですか。', 'もいいんですよね?'])}",
                    "false_premise",
                )
        elif predicate.negative and predicate.is_potential:
            positive = predicate.positive()
            yield (
                f"{body}{dice.choice([f'{positive.polite()}か。', f'{positive.plain()}んですか?', f'{positive.plain()}の?'])}",
                "false_premise",
            )
        elif is_act(clause) and predicate.nai():
            yield (
                f"{body}{predicate.nai()[:-1]}{dice.choice(['くてもいいですか。', 'くても大丈夫?', 'くてもかまいませんか。', 'いといけませんか。'])}",
                "direct",
            )


def _body(sentence: Sentence, clause: Clause, dice: random.Random) -> str:
    topic, particle = find_topic(sentence, clause)
    lead = f"{topic}{particle}" if topic else ""
    rest = "".join(
        re.sub("(?<=[でに])は$", "", sentence.cut(one.start, one.end)) + ("、" if is_condition(one) else "")
        for one in clause.phrases
        if one is not topic_of(sentence, clause) and not is_anaphoric(sentence, one)
    )
    return lead + find_condition(sentence, clause, dice) + rest


def iterate_limits(sentence: Sentence, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield questions with a value within or beyond a limit, and the conclusion: 「まりを持って5歩歩けますか」."""
    for clause in sentence.clauses:
        for phrase in clause.phrases:
            text = sentence.cut(phrase.start, phrase.end)
            for figure in find_figures(text):
                bound = re.match("まで|以内|以下|未満|以上", text[figure.end :])
                if bound is None or figure.value is None or figure.unit in ("番", "号", "つ目"):
                    continue
                question, conclusion = _apply_limit(sentence, clause, phrase, figure, bound[0], dice)
                if question:
                    yield question, conclusion


def _apply_limit(
    sentence: Sentence, clause: Clause, phrase: Phrase, figure: Figure, bound: str, dice: random.Random
) -> tuple[str, str]:
    assert figure.value is not None
    limit = figure.value
    step = Decimal(1) if limit < 20 else Decimal(10) ** (len(str(int(limit))) - 1) / 2
    value = limit + step * dice.choice([-2, -1, 1, 2, 3])
    if value <= 0 or (figure.unit in _MOST and value > _MOST[figure.unit]):
        value = limit + step
    written = write_number(value, figure.number) + figure.unit
    said = f"{figure.text}{bound}"
    if bound == "以上":
        fits = value >= limit
        conclusion = f"{written}は{said}です。" if fits else f"{written}では{figure.text}に足りません。"
    else:
        fits = value < limit if bound == "未満" else value <= limit
        conclusion = f"{written}は{said}です。" if fits else f"{written}は{said}を超えています。"
        if bound == "まで":
            conclusion = (
                f"{written}は{figure.text}までに入ります。" if fits else f"{written}は{figure.text}を超えています。"
            )
    return _ask_limit(sentence, clause, phrase, written, dice), conclusion


def _ask_limit(sentence: Sentence, clause: Clause, phrase: Phrase, written: str, dice: random.Random) -> str:
    topic = topic_of(sentence, clause)
    name, particle = find_topic(sentence, clause)
    if clause.predicate.kind == "noun":
        if topic is None or phrase is not clause.phrases[-1]:
            return ""
        if topic.head.tags[1] == "準体助詞" and topic.relative is not None:
            inner = replace(topic.relative.predicate)
            before = sentence.cut(topic.start, inner.start)
            ends = [f"{inner.polite()}か。", f"{inner.plain()}の?", f"{inner.plain()}んですか?"]
            return f"{before}{written}{dice.choice(ends)}" if inner.plain() and not inner.negative else ""
        return (
            f"{name}{particle}{written}{dice.choice(['でもいいですか。', 'でも大丈夫?', 'なんですけど、いいですか。'])}"
            if name
            else ""
        )
    predicate = clause.predicate
    others = [one for one in clause.phrases if one is not phrase and one is not topic and not one.is_adverb]
    rest = "".join(sentence.cut(one.start, one.end) for one in others)
    if (
        phrase.relative is not None
        or predicate.negative
        or predicate.rule
        or not predicate.polite()
        or len(name + rest) < 2
    ):
        return ""
    lead = f"{name}{particle}" if name else ""
    if is_act(clause) and predicate.te():
        return f"{lead}{rest}{written}だけ{predicate.te()}もいいですか。"
    if predicate.is_potential:
        return f"{lead}{rest}{written}{predicate.polite()}か。"
    return ""
