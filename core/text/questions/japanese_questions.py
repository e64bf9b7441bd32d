"""Questions for each part of a Japanese sentence: the word that asks stands where the part stood."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace

from core.lazy_loading import lazy_pattern
from core.text.questions import japanese_nouns as nouns
from core.text.questions.japanese_drafts import Draft
from core.text.questions.japanese_predicates import Predicate
from core.text.questions.japanese_quantities import DURATIONS, MONEY, SIZES, Figure, ask_for, find_figures
from core.text.questions.japanese_sentences import Clause, Phrase, Sentence

_TOPICS = ("は", "も", "では", "には", "だけは", "とは", "からは", "までは")
REFERENCE = lazy_pattern("^(?:そのうち|これ|それ|あれ|その|この|あの|ここ|そこ|こうして|そう)")
_ATTRIBUTE = lazy_pattern(
    "[^の]{0,3}(?:さ|縦|横|幅|奥行き|直径|半径|定員|料金|値段|価格|代金|費用|期間|時間|時刻|対象|対象年齢|面積|人数|温度|速度|速さ|色|素材|材料|名前|場所|量|数|容量|寿命|保証期間|住所|電話番号|開始|終了|締め切り|期限|賞金|費用|持ち物|目的|形)"
)
_NOW = lazy_pattern("(?:今|現在|昔|当時|以前|最近|最初|はじめ|初め)(?:は|も|では)")
_CONDITIONS = ("if", "even", "until")
_STATES = lazy_pattern("^(?:終わり|禁止|必要|不要|可能|不可|自由|中止|休み|無料|有料|別|同じ|確か)")
_MOTION = ("なる", "する")  # with に they say what becomes of something
_KEPT_IN_ACTS = ("いる", "ある", "できる", "なる", "わかる", "かかる")


def iterate_part_questions(sentence: Sentence, owner: str, dice: random.Random) -> Iterator[Draft]:
    """Yield a draft for each part of the sentence that can be asked for.

    `owner` is what the sentence is about where it does not name it itself ("コート" of 「縦は20メートルです」), else ''.
    """
    for clause in sentence.clauses:
        if clause.link in _CONDITIONS:
            yield from _ask_in_condition(sentence, clause)
        elif clause.link != "because":
            for phrase in clause.phrases:
                if phrase is not topic_of(sentence, clause):
                    yield from _ask_phrase(sentence, clause, phrase, owner, dice)


def topic_of(sentence: Sentence, clause: Clause) -> Phrase | None:
    """What a clause is about: its own topic, or that of the clauses before it where it has no subject of its own."""
    topic = None
    for one in sentence.clauses:
        has_subject = one is clause and any(phrase.particle == "が" for phrase in one.phrases)
        if has_subject and any(other.predicate.kind == "noun" for other in sentence.clauses[:-1]):
            topic = None
        for phrase in one.phrases:
            if (
                phrase.particle in _TOPICS
                and not is_condition(phrase)
                and not _NOW.match(sentence.text[phrase.start :])
            ):
                topic = phrase
                break
        if one is clause:
            break
    return topic


def is_condition(phrase: Phrase) -> bool:
    """Whether a phrase says under what condition: もっと濃くしたいときは."""
    return nouns.is_time(phrase) and phrase.relative is not None


def find_topic(sentence: Sentence, clause: Clause) -> tuple[str, str]:
    """The topic of a clause and its particle; '' where it has none."""
    topic = topic_of(sentence, clause)
    if topic is None or topic.particle == "も" or is_anaphoric(sentence, topic):
        return "", "は"
    return sentence.cut(topic.start, topic.noun_end), topic.particle


def is_anaphoric(sentence: Sentence, phrase: Phrase) -> bool:
    """Whether a phrase points back to another sentence, so that it says nothing alone: それより, この中に."""
    return REFERENCE.match(sentence.text[phrase.start :]) is not None


def is_attribute(topic: str) -> bool:
    """Whether a topic is a measure or another property of something that it does not name: 縦, 重さ."""
    return _ATTRIBUTE.fullmatch(topic) is not None


def find_owner(sentence: Sentence, clause: Clause, owner: str) -> str:
    """What the topic of a clause belongs to: the topic of an earlier clause, else the `owner` of the sentence."""
    for one in sentence.clauses:
        if one is clause:
            break
        topic, particle = find_topic(sentence, one)
        if topic and particle == "は" and not is_attribute(topic):
            return topic
    return owner


def name_owner(topic: str, owner: str) -> str:
    """The topic with what it belongs to, where it is a property: コートの縦."""
    return f"{owner}の{topic}" if owner and is_attribute(topic) and owner not in topic else topic


def _ask_phrase(sentence: Sentence, clause: Clause, phrase: Phrase, owner: str, dice: random.Random) -> Iterator[Draft]:
    topic, particle = find_topic(sentence, clause)
    is_end = clause.predicate.kind == "noun" and phrase is clause.phrases[-1]
    predicate = None if is_end else ban_denied(clause)
    if clause.predicate.kind == "noun" and (clause.predicate.negative or not topic or particle != "は"):
        return
    owner = find_owner(sentence, clause, owner)
    if is_end:
        yield from _ask_inside(sentence, clause, topic)
    for asked, form in ask_words(sentence, phrase, clause):
        if clause.predicate.kind == "noun" and not is_end and form in ("what", "who", "which"):
            continue
        if predicate is not None and predicate.negative and form in ("how", "what_happens"):
            continue
        before, after = _surround(sentence, clause, phrase, dice)
        if is_end:
            asked = re.sub(r"(?:だけ|のみ)$", "", asked)
        body = before + asked + after
        yield Draft(name_owner(topic, owner), body, predicate, form, is_act=is_act(clause), particle=particle)


def _ask_inside(sentence: Sentence, clause: Clause, topic: str) -> Iterator[Draft]:
    """The parts of the clause that describes a noun predicate: 「樽まりは、どこで遊ばれている球技ですか」."""
    value = clause.phrases[-1]
    if value.relative is None or clause.predicate.kind != "noun" or not topic or _STATES.match(clause.predicate.base):
        return
    for inner in value.relative.phrases:
        if inner.start < value.start or inner.particle in _TOPICS:
            continue
        for asked, form in ask_words(sentence, inner, value.relative):
            body = sentence.text[value.start : inner.start] + asked + sentence.text[inner.end : value.noun_end]
            yield Draft(topic, body, None, form)


def ban_denied(clause: Clause) -> Predicate:
    """The predicate; an act that the sentence denies as an instruction is banned: 流しに捨てない."""
    predicate = clause.predicate
    subject = any(one.particle == "が" for one in clause.phrases)
    is_state = predicate.is_potential or predicate.base in _KEPT_IN_ACTS or predicate.base.endswith("れる")
    if predicate.kind == "verb" and predicate.negative and not predicate.past and not subject and not is_state:
        return replace(predicate, rule="ban")
    return predicate


def _surround(sentence: Sentence, clause: Clause, phrase: Phrase, dice: random.Random) -> tuple[str, str]:
    """What stands before and after a phrase in its clause: all of it, or at times less; never the topic itself."""
    topic = topic_of(sentence, clause)
    before = after = ""
    for other in clause.phrases:
        if other is phrase or other is topic or (clause.predicate.kind == "noun" and other is clause.phrases[-1]):
            continue
        becomes = other.particle == "に" and clause.predicate.base in _MOTION
        needed = becomes or other.particle in ("を", "が") or clause.predicate.negative or is_condition(other)
        if is_anaphoric(sentence, other) and not needed:
            continue
        if not needed and (other.is_adverb or dice.random() < 0.35):
            continue
        text = sentence.cut(other.start, other.end)
        if other.start < phrase.start:
            before += text + ("、" if is_condition(other) else "")
        else:
            after += text
    return find_condition(sentence, clause, dice) + before, after


def find_condition(sentence: Sentence, clause: Clause, dice: random.Random) -> str:
    """The clauses right before this one that say under what condition it holds; at times the act before it, too."""
    place = sentence.clauses.index(clause)
    kept = place
    while kept > 0 and sentence.clauses[kept - 1].link in (*_CONDITIONS, "while"):
        kept -= 1
    if kept == place and place > 0 and sentence.clauses[place - 1].link in ("and", "after") and dice.random() < 0.5:
        kept -= sentence.clauses[place - 1].predicate.kind != "noun"
    if kept == place:
        return ""
    first, topic = sentence.clauses[kept], topic_of(sentence, clause)
    start = topic.end if topic in first.phrases and topic is not None else first.start
    text = sentence.cut(start, sentence.clauses[place - 1].end)
    return f"{text}、" if text and not REFERENCE.match(text) else ""


def _ask_in_condition(sentence: Sentence, clause: Clause) -> Iterator[Draft]:
    """A part of the condition is asked for with all that follows: 「何を動かしたら、相手に2点が入りますか」."""
    last = sentence.clauses[-1]
    for phrase in clause.phrases:
        if phrase.particle in _TOPICS or phrase.is_adverb:
            continue
        for asked, form in ask_words(sentence, phrase, clause):
            if form in ("how", "which", "what_happens", "when") or (
                clause.link == "even" and not form.startswith("how")
            ):
                continue
            before = sentence.cut(clause.start, phrase.start)
            if last.predicate.kind == "noun":
                after, predicate = sentence.text[phrase.end : last.phrases[-1].end], None
            else:
                after, predicate = sentence.text[phrase.end : last.predicate.start], last.predicate
            yield Draft("", before + asked + after, predicate, form, "reverse")


def is_act(clause: Clause) -> bool:
    """Whether a clause tells people what to do, rather than what is or happens."""
    predicate = clause.predicate
    if predicate.kind != "verb" or predicate.past or predicate.negative or predicate.rule in ("ban", "permit"):
        return False
    has_object = any(one.particle == "を" for one in clause.phrases)
    has_subject = any(one.particle == "が" for one in clause.phrases)
    is_state = (
        predicate.is_potential
        or predicate.base in _KEPT_IN_ACTS
        or predicate.base.endswith(("れる", "られる"))
        or "て" in predicate.prefix
    )
    return predicate.rule in ("must", "request") or (has_object and not has_subject and not is_state)


def ask_words(sentence: Sentence, phrase: Phrase, clause: Clause) -> Iterator[tuple[str, str]]:
    """Yield what a phrase becomes when it is asked for, with the form of the question."""
    text = sentence.cut(phrase.start, phrase.end)
    figures = [one for one in find_figures(sentence.text) if phrase.start <= one.start and one.end <= phrase.end]
    for figure in figures:
        if "や" in (sentence.text[figure.end : figure.end + 1], sentence.text[figure.start - 1 : figure.start]):
            continue  # one of several that belong together
        if figure.number in ("1", "１", "一") and re.match("につき|に|あたり|ごと", sentence.text[figure.end :]):
            continue  # 1日に: a rate
        for asked in ask_for(text, figure, phrase.start):
            yield _move_counter(REFERENCE.sub("", asked)), name_figure_form(figure, asked)
    if figures and (phrase.relative is None or phrase.particle in ("", "まで", "だけ")):
        if nouns.is_place(phrase) and phrase.particle in ("に", "で"):
            yield f"どこ{phrase.particle}", "where"
        return
    if (
        phrase.is_adverb
        or nouns.is_empty(phrase)
        or text[0].isdigit()
        or text.startswith(("各", "毎"))
        or _NOW.match(text)
    ):
        return
    if clause.predicate.kind == "noun" and phrase is clause.phrases[-1]:
        yield from _ask_noun_predicate(phrase, alone=len(clause.phrases) <= 2)
        return
    yield from _ask_by_particle(phrase, clause.predicate)
    modifier, noun = nouns.find_modifier(phrase)
    if phrase.particle in ("を", "に", "で", "が") and nouns.can_ask_which(phrase):
        yield f"{nouns.ask_which(modifier)}{noun}{phrase.particle}", "which"


def _move_counter(text: str) -> str:
    """井戸水何リットルを → 井戸水を何リットル: where the figure is asked for, the thing comes first."""
    found = re.fullmatch(r"(?P<noun>.*[^のを、])(?P<asked>何[^をはがにの]{1,6}|どのくらい|どれくらい|いくつ)を", text)
    return f"{found['noun']}を{found['asked']}" if found else text


def name_figure_form(figure: Figure, asked: str = "") -> str:
    """The form of a question for a figure: how_much, how_long, when, how_often, how_many."""
    if "ごと" in asked or "おき" in asked:
        return "how_often"
    if figure.unit in MONEY or figure.unit in SIZES:
        return "how_much"
    if figure.unit in DURATIONS:
        return "how_long"
    return "when" if figure.unit in ("date", "clock") else "how_many"


def _ask_noun_predicate(phrase: Phrase, alone: bool) -> Iterator[tuple[str, str]]:
    """What a noun predicate becomes; `alone` says that nothing but the topic stands before it."""
    particle = "" if phrase.particle in ("だけ", "のみ") else phrase.particle
    if _STATES.match(phrase.words[0].text) or particle not in ("", "から", "まで", "より"):
        return
    if nouns.is_person(phrase):
        yield f"誰{particle}", "who"
    elif nouns.is_time(phrase):
        yield f"いつ{particle}", "when"
    elif nouns.is_place(phrase):
        yield f"どこ{particle}", "where"
    elif not particle and alone and not {"サ変可能", "形状詞可能"} & set(phrase.head.tags):
        yield "何", "what"
    modifier, noun = nouns.find_modifier(phrase)
    if not particle and nouns.can_ask_which(phrase):
        yield f"{nouns.ask_which(modifier)}{noun}", "which"


def _ask_by_particle(phrase: Phrase, predicate: Predicate) -> Iterator[tuple[str, str]]:
    person, place, particle = nouns.is_person(phrase), nouns.is_place(phrase), phrase.particle
    if phrase.head.text == "ため":
        yield "何のために", "why"
    elif phrase.head.text.endswith("色") and particle in ("に", "を", "が"):
        yield from ((f"{word}{particle}", "which") for word in ("何色", "どんな色"))
    elif nouns.is_time(phrase) and particle in ("に", "", "は", "には", "で", "から", "まで", "までに", "なら"):
        rest = particle if particle in ("から", "まで", "までに") else ""
        if phrase.head.text in ("初め", "はじめ", "最初", "最後"):
            return
        yield f"いつ{rest}", "when"
        if phrase.relative is not None and not rest:
            yield "どんなときに", "when"
    elif particle == "に" and predicate.base in _MOTION and not predicate.prefix:
        yield "どう", "what_happens"
    else:
        yield from _ask_what(person, place, particle)


def _ask_what(person: bool, place: bool, particle: str) -> Iterator[tuple[str, str]]:
    """The word for a person, a place or a thing with its particle."""
    if particle in ("を", "が", "に", "と"):
        word = "誰" if person else "どこ" if place and particle == "に" else "何"
        yield word + particle, {"誰": "who", "どこ": "where"}.get(word, "what")
    elif particle in ("で", "から", "まで", "へ", "には", "では"):
        is_where = place or particle in ("へ", "まで") or (particle == "から" and not person)
        word = "誰" if person and particle == "から" else "どこ" if is_where else "何"
        yield word + particle.removesuffix("は"), "where" if word == "どこ" else "what"
        if word == "何" and particle == "で":
            yield "どうやって", "how"
    elif particle in ("によって", "を通して", "として"):
        yield ("何として", "what") if particle == "として" else ("どうやって", "how")
