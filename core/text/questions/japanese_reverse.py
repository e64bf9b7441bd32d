"""Japanese questions that turn a sentence round: what has this value, who does this, and figures by their names."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from core.lazy_loading import lazy_pattern
from core.text.questions import japanese_nouns as nouns
from core.text.questions.japanese_drafts import Draft
from core.text.questions.japanese_quantities import DURATIONS, find_figures
from core.text.questions.japanese_questions import (
    REFERENCE,
    ask_words,
    find_condition,
    find_owner,
    find_topic,
    is_act,
    is_anaphoric,
    is_condition,
    name_owner,
    topic_of,
)
from core.text.questions.japanese_sentences import Clause, Phrase, Sentence

MIN_BODY = 4  # characters that say enough to ask what does it
_NAMES = {
    "人": "人数", "名": "人数", "回": "回数", "度": "温度", "℃": "温度", "歳": "年齢", "才": "年齢", "点": "点数", "円": "金額",
}  # fmt: skip
_WISHES = ("んですけど、", "んですが、", "です。", "んだけど、")
_WISH_ENDS = ("ですか。", "ですか?", "?", "でいいですか。", "でしたっけ。")
_NEXT = (
    "あと、どうしますか。",
    "ら、次は何をしますか。",
    "あとは何をすればいいんですか。",
    "んですけど、次はどうするの?",
    "ら、そのあとは?",
)
_VAGUE = lazy_pattern("^(?:終わり|もの|こと|とき|場合|必要|禁止)")


def iterate_named_figures(sentence: Sentence, owner: str, dice: random.Random) -> Iterator[str]:
    """Yield requests for a figure by its name: 「糸を漬ける時間を教えてください。」, 「樽の高さは?」."""
    for clause in sentence.clauses:
        topic, particle = find_topic(sentence, clause)
        full = name_owner(topic, find_owner(sentence, clause, owner))
        if clause.predicate.kind == "noun":
            phrase = topic_of(sentence, clause)
            if phrase is None or phrase.head.tags[1] == "準体助詞":
                continue
            if not topic or particle != "は" or not find_figures(clause.predicate.base) or len(clause.phrases) > 2:
                continue
            unit = find_figures(clause.predicate.base)[0].unit
            if "の" in full or re.search(r"[さ量数額料代値格]$", full):
                yield from dice.sample(
                    [f"{full}は?", f"{full}を教えてください。", f"{full}が知りたいです。", f"{full}って?"], 2
                )
            elif unit in _NAMES:
                yield f"{full}の{_NAMES[unit]}{dice.choice(['は?', 'を教えてください。', 'が知りたいんですけど。'])}"
            continue
        for phrase in clause.phrases:
            yield from _name_figures(sentence, clause, phrase, full, dice)


def _name_figures(sentence: Sentence, clause: Clause, phrase: Phrase, topic: str, dice: random.Random) -> Iterator[str]:
    predicate = clause.predicate
    if phrase.particle not in ("", "まで") or predicate.negative or predicate.rule or not predicate.plain():
        return
    others = [one for one in clause.phrases if one is not phrase and not one.particle.endswith("は")]
    rest = "".join(sentence.cut(one.start, one.end) for one in others)
    for figure in find_figures(sentence.cut(phrase.start, phrase.end)):
        name = "時間" if figure.unit in DURATIONS else _NAMES.get(figure.unit, "")
        topical = topic_of(sentence, clause)
        is_thing = topical is not None and not nouns.is_person(topical) and topical.relative is None
        subject = f"{topic}を" if topic and is_thing and phrase.particle == "" and is_act_like(clause) else ""
        if name and (rest or subject):
            ending = dice.choice(["を教えてください。", "は?", "って?", "はどのくらいですか。"])
            yield f"{subject}{rest}{predicate.plain()}{name}{ending}"


def is_act_like(clause: Clause) -> bool:
    """Whether the topic of a clause may be what the act is done to: 糸は…漬ける."""
    return not any(one.particle in ("を", "が") for one in clause.phrases) and clause.predicate.kind == "verb"


def iterate_reverse_drafts(sentence: Sentence, owner: str, dice: random.Random) -> Iterator[Draft]:
    """Yield drafts that give the value and ask for the thing: 「青い帯を締めるのは誰ですか」."""
    for clause in sentence.clauses:
        if clause.link in ("until", "because", "if", "even") or clause.predicate.rule:
            continue
        topic = topic_of(sentence, clause)
        condition = find_condition(sentence, clause, dice)
        if topic is not None and topic.particle in ("は", "だけは") and not _has_figure(sentence, topic):
            yield from _ask_topic(sentence, clause, topic, condition, owner)
        for phrase in clause.phrases:
            if phrase is not topic and clause.predicate.kind != "noun":
                yield from _cleave(sentence, clause, phrase, owner)


def _has_figure(sentence: Sentence, phrase: Phrase) -> bool:
    return bool(find_figures(sentence.cut(phrase.start, phrase.noun_end)))


def _ask_topic(sentence: Sentence, clause: Clause, topic: Phrase, condition: str, owner: str) -> Iterator[Draft]:
    """The topic is asked for by what is said about it."""
    if topic.head.tags[1] == "準体助詞" or is_anaphoric(sentence, topic) or nouns.is_empty(topic):
        return
    word, form = ("誰", "who") if nouns.is_person(topic) else ("何", "what")
    if clause.predicate.kind == "noun":
        yield from _ask_topic_of_noun(sentence, clause, topic, owner, word)
        return
    others = [one for one in clause.phrases if one is not topic and not one.particle.endswith("は")]
    if any(is_anaphoric(sentence, one) for one in others):
        return
    body = condition + "".join(sentence.cut(one.start, one.end) for one in others)
    plain = clause.predicate.noun_like()
    if len(body) < MIN_BODY or not plain:
        return
    yield Draft(f"{body}{plain}の", word, None, form, "reverse")
    modifier, noun = nouns.find_modifier(topic)
    if modifier.endswith("の") and len(noun) > 1 and nouns.can_ask_which(topic):
        yield Draft(f"{body}{plain}の", f"{nouns.ask_which(modifier)}{noun}", None, "which", "reverse")


def _ask_topic_of_noun(sentence: Sentence, clause: Clause, topic: Phrase, owner: str, word: str) -> Iterator[Draft]:
    """高さが80センチなのはどれですか; 浜で遊ばれている球技は何ですか."""
    predicate, value = clause.predicate, clause.phrases[-1]
    if (
        REFERENCE.match(predicate.base)
        or nouns.is_empty(value)
        or _VAGUE.match(predicate.base)
        or predicate.negative
        or predicate.past
    ):
        return
    others = [one for one in clause.phrases[:-1] if one is not topic]
    rest = "".join(sentence.cut(one.start, one.end) for one in others)
    modifier, noun = nouns.find_modifier(topic)
    if find_figures(predicate.base):
        if modifier.endswith("の") and not value.particle:
            yield Draft(
                f"{noun}が{rest}{predicate.base}なの", "何" if noun.endswith("さ") else "どれ", None, "which", "reverse"
            )
        elif not owner and not value.particle:
            yield Draft(f"{rest}{predicate.base}なの", word, None, "what", "reverse")
    elif value.relative is not None and not others and noun not in predicate.base:
        yield Draft(predicate.base, word, None, "what", "reverse")
    elif not owner and others:
        yield Draft(f"{rest}{predicate.base}なの", word, None, "what", "reverse")


def _cleave(sentence: Sentence, clause: Clause, phrase: Phrase, owner: str) -> Iterator[Draft]:
    """One part is asked for at the end: 「黄色い缶に移すのは何ですか」."""
    usable = not (phrase.is_adverb or nouns.is_empty(phrase) or clause.predicate.negative)
    if not usable or phrase.particle not in ("を", "が", "に", "で", "") or _has_figure(sentence, phrase):
        return
    if phrase.particle == "に" and (clause.predicate.base in ("なる", "する") or nouns.is_person(phrase)):
        return
    others = [one for one in clause.phrases if one is not phrase and not one.particle.endswith("は")]
    if any(is_anaphoric(sentence, one) for one in others):
        return
    text, plain = "".join(sentence.cut(one.start, one.end) for one in others), clause.predicate.noun_like()
    word = _choose_word(phrase)
    topic, particle = find_topic(sentence, clause)
    topic = name_owner(topic, find_owner(sentence, clause, owner))
    if word and plain and len(topic + text) >= MIN_BODY:
        form = {"いつ": "when", "誰": "who", "どこ": "where"}.get(word, "what")
        topical = topic_of(sentence, clause)
        if topical is not None and particle == "は" and nouns.is_person(topical) and "が" not in text:
            particle = "が"
        yield Draft(topic, f"{text}{plain}のは{word}", None, form, "reverse", particle=particle)


def _choose_word(phrase: Phrase) -> str:
    if nouns.is_time(phrase):
        return "いつ"
    if nouns.is_person(phrase):
        return "誰"
    if phrase.particle in ("に", "で") and nouns.is_place(phrase):
        return "どこ"
    return "何" if phrase.particle in ("を", "が") else ""


def uncleave(sentence: Sentence) -> Iterator[Draft]:
    """Yield drafts for 「…のは…です」 in the plain order: 「いつ交代できますか」, 「まりを持って何歩まで歩けますか」."""
    clause = sentence.clauses[-1]
    topic = topic_of(sentence, clause)
    if topic is None or topic.head.tags[1] != "準体助詞" or topic.relative is None or clause.predicate.kind != "noun":
        return
    inner = topic.relative
    before = sentence.cut(topic.start, inner.predicate.start)
    for asked, form in ask_words(sentence, clause.phrases[-1], clause):
        text = re.sub(r"(?:だけ|のみ)$", "", asked)
        if form in ("what", "which"):
            continue
        text += {"who": "が", "where": "で"}.get(form, "")
        body = (text + before) if form in ("who", "when") else before + text
        yield Draft("", body, replace(inner.predicate), form)


def find_conditions(sentence: Sentence) -> Iterator[tuple[str, list[str]]]:
    """Yield the conditions of a sentence: as they stand, and as something that has happened, in ways to say it.

    「わざと樽を動かしたら」, 「わざと樽を動かした」, 「わざと樽を動かしちゃった」.
    """
    for number, clause in enumerate(sentence.clauses):
        for phrase in clause.phrases:
            if (clause.predicate.kind == "noun" and phrase is clause.phrases[-1]) or clause.predicate.rule in (
                "ban",
                "permit",
            ):
                continue
            if phrase.particle not in ("", "は", "に", "には", "なら"):
                continue
            if is_condition(phrase) and phrase.relative is not None and not is_anaphoric(sentence, phrase):
                inner = phrase.relative
                lead = sentence.cut(phrase.start, inner.predicate.start)
                is_moment = phrase.head.text in ("とき", "時", "場合", "際")
                happened = [lead + one for one in inner.predicate.happened()] if is_moment else []
                yield sentence.cut(phrase.start, phrase.end), happened
        start = REFERENCE.match(sentence.text[clause.start :])
        if clause.link == "if" and number + 1 < len(sentence.clauses) and not start:
            lead = sentence.cut(clause.start, clause.predicate.start)
            yield sentence.cut(clause.start, clause.end), [lead + one for one in clause.predicate.happened()]


def iterate_wishes(sentence: Sentence, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Yield questions of someone who wants to do it, with their forms: 「糸を漬けたいんですけど、何分ですか」."""
    for clause in sentence.clauses:
        if clause.link in ("if", "even", "because", "until") or not is_act(clause) or not clause.predicate.stem:
            continue
        topic, particle = find_topic(sentence, clause)
        lead = f"{topic}{particle}" if topic else ""
        for phrase in clause.phrases:
            if phrase is topic_of(sentence, clause) or phrase.is_adverb:
                continue
            others = [one for one in clause.phrases if one is not phrase and one is not topic_of(sentence, clause)]
            rest = "".join(sentence.cut(one.start, one.end) for one in others if not one.is_adverb)
            for asked, form in ask_words(sentence, phrase, clause):
                vague = form == "which" or (form == "when" and is_condition(phrase))
                if len(lead + rest) < MIN_BODY or vague or phrase.particle == "を":
                    continue
                word = re.sub("(?:を|が|に|で)$", "", asked)
                yield (
                    f"{lead}{rest}{clause.predicate.stem}たい{dice.choice(_WISHES)}{word}{dice.choice(_WISH_ENDS)}",
                    form,
                )


def iterate_next_steps(sentence: Sentence, dice: random.Random) -> Iterator[str]:
    """Yield questions for what comes after an act in the same sentence: 「火を止めたあと、どうしますか」."""
    for clause, after in pairwise(sentence.clauses):
        if clause.link not in ("and", "after") or clause.predicate.kind != "verb" or clause.predicate.negative:
            continue
        if not (is_act(after) or is_act(clause)) or after.predicate.negative:
            continue
        topic = topic_of(sentence, clause)
        text = "".join(sentence.cut(one.start, one.end) for one in clause.phrases if one is not topic)
        name, particle = find_topic(sentence, clause)
        done = clause.predicate.past_form()
        lead = f"{name}{particle}" if name else ""
        if done and len(lead + text) >= MIN_BODY - 1:
            yield f"{lead}{text}{done}{dice.choice(_NEXT)}"


def tells_what_to_do(sentence: Sentence) -> bool:
    """Whether the end of a sentence is an act, so that its condition asks 「どうすればいいですか」."""
    last = sentence.clauses[-1]
    return is_act(last) or any(is_act(one) for one in sentence.clauses[-2:] if one.link in ("and", "after"))
