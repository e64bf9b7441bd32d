"""Makes Japanese rows from the facts of a page: from any question to the one right sentence.

With Sudachi (the extra `teach`) sentences are read into their parts; without it, rows come from figures, tables and
words alone. What is not understood is not asked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from core.text.questions import japanese_exceptions, japanese_polar, japanese_reverse, japanese_words
from core.text.questions.japanese_drafts import STYLES, Draft
from core.text.questions.japanese_frames import ask_for_statement, ask_keywords, finish_question, place_name
from core.text.questions.japanese_other_attributes import iterate_other_attributes
from core.text.questions.japanese_page import ReadFact, ReadPage
from core.text.questions.japanese_plain import iterate_figure_questions, iterate_whether, split_plain
from core.text.questions.japanese_questions import find_topic, is_attribute, iterate_part_questions
from core.text.questions.japanese_sentences import Sentence
from core.text.questions.japanese_spans import iterate_spans
from core.text.questions.japanese_sums import iterate_sums
from core.text.questions.japanese_tables import iterate_table_questions
from core.text.questions.japanese_unstated import ANSWERS, iterate_reasons, iterate_unstated
from core.text.questions.rows import Page, QuestionRow
from core.text.questions.shared_masking import draw_shares, mask, shuffle

NAMED = 0.4  # of the questions name the subject, so that its words do not pull them to the facts that hold them
# Rows of one fact, at most.
PARTS, REVERSE, CONDITIONS, KEYWORDS, NAMED_FIGURES, TABLE, MASKED = 8, 4, 4, 3, 2, 12, 3
TRUE, FALSE, PERMISSIONS, LIMITS, SUMS, SPANS, UNSTATED, COMBINED = 1, 2, 2, 1, 2, 2, 2, 1
EXCEPTIONS, LISTED = 3, 2
MAX_SHUFFLED = 4  # facts that are told together
WHY = 0.2  # of the facts without a reason are asked for it


def make_rows(page: Page, seed: int) -> list[QuestionRow]:
    """The rows of a page, the same for the same seed. A question that fits two facts is left out."""
    maker = _Maker(page, seed)
    for read in maker.page.facts:
        maker.make_fact_rows(read)
    maker.make_shuffled()
    maker.make_lists()
    return maker.collect()


def state_facts(page: Page) -> dict[str, str]:
    """By its name, each fact as a row states it."""
    return {read.fact.name: tell(read) for read in ReadPage(page).facts}


class _Maker:
    def __init__(self, page: Page, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - the same rows for the same seed
        self.page = ReadPage(page)
        self.unstated = iterate_unstated(self.page, self.dice)
        self._other_attributes: dict[str, list[str]] = {}
        for read, question in iterate_other_attributes(self.page, self.dice):
            self._other_attributes.setdefault(read.fact.name, []).append(question)
        self._before = japanese_exceptions.pair_with_previous(self.page.facts)
        self._rows: dict[str, QuestionRow] = {}
        self._ambiguous: set[str] = set()
        self._drafts: dict[str, list[Draft]] = {}

    def collect(self) -> list[QuestionRow]:
        """The rows made, without questions that fit two facts."""
        return [row for key, row in self._rows.items() if key not in self._ambiguous]

    def _add(
        self, read: ReadFact, question: str, kind: str, form: str, answer: str = "", facts: tuple[str, ...] = ()
    ) -> bool:
        if kind != "statement":
            question = finish_question(question, self.dice)
        key = re.sub("[？?。、 ]", "", question)
        row = QuestionRow(question, answer or tell(read), kind, facts or (read.fact.name,), form)
        known = self._rows.get(key)
        if known is not None:
            if known.answer != row.answer and kind != "not_stated":
                self._ambiguous.add(key)
            return False
        self._rows[key] = row
        return True

    def _add_some(self, read: ReadFact, found: Iterable[tuple[str, str, str]], most: int) -> None:
        """Add up to `most` of the questions with their kinds and forms, chosen by chance, other forms first."""
        pool = [one for one in found if one[0]]
        self.dice.shuffle(pool)
        seen: dict[str, int] = {}
        ranked = []
        for one in pool:
            seen[one[2]] = seen.get(one[2], -1) + 1
            ranked.append((seen[one[2]], one))
        ranked.sort(key=lambda pair: pair[0])
        left = most
        for _, (question, kind, form) in ranked:
            if left <= 0:
                break
            left -= self._add(read, place_name(question, self.page, read, self.dice, NAMED), kind, form)

    def make_fact_rows(self, read: ReadFact) -> None:
        """All rows of one fact."""
        self._add_statement_rows(read)
        self._add_some(read, self._ask_parts(read), PARTS)
        self._add_some(read, self._ask_reverse(read), REVERSE)
        self._add_some(read, self._ask_conditions(read), CONDITIONS)
        self._add_some(read, self._name_figures(read), NAMED_FIGURES)
        if read.cells:
            self._add_some(read, iterate_table_questions(read, self.page, self.dice), TABLE)
        self._add_some(read, self._ask_true(read), TRUE)
        self._add_some(read, self._ask_false(read), FALSE)
        self._add_some(read, self._ask_permission(read), PERMISSIONS)
        self._add_applied(read)
        self._add_exceptions(read)
        left = KEYWORDS  # of rows that are alike only the first is kept, and keywords are the poorer ones
        for question in ask_keywords(read, self.page, self.dice):
            if left > 0:
                left -= self._add(read, question, "direct", "keywords")
        self._add_combined(read)
        self._add_unstated(read)

    def _add_statement_rows(self, read: ReadFact) -> None:
        text = read.fact.text
        for question in ask_for_statement(read, self.page, self.dice):
            self._add(read, question, "statement", "statement")
        words = [word.text for word in japanese_words.find_words(text)] if japanese_words.is_available() else []
        for share in draw_shares(self.dice, MASKED):
            masked = mask(text, share, self.dice, "ja", words)
            self._add(read, f"次の文の空いているところを補って、全文を書いてください。{masked}", "statement", "masked")
        chunks = split_chunks(text.rstrip("。"))
        if 3 <= len(chunks) <= 8:
            mixed = " / ".join(shuffle(chunks, self.dice))
            self._add(read, f"次の語句を並べかえて、正しい文にしてください。{mixed}", "statement", "shuffled")

    def _finish(self, drafts: Iterable[Draft]) -> Iterator[tuple[str, str, str]]:
        for draft in drafts:
            yield draft.finish(self.dice.choice(STYLES), self.dice), draft.kind, draft.form

    def _sentences(self, read: ReadFact) -> Iterator[Sentence]:
        return (one for one in read.sentences if one is not None)

    def _ask_parts(self, read: ReadFact) -> Iterator[tuple[str, str, str]]:
        for sentence in self._sentences(read):
            drafts = [*iterate_part_questions(sentence, read.owner, self.dice), *japanese_reverse.uncleave(sentence)]
            self._drafts.setdefault(read.fact.name, []).extend(one for one in drafts if one.kind == "direct")
            yield from self._finish(drafts)
            for question, form in japanese_reverse.iterate_wishes(sentence, self.dice):
                yield question, "direct", form
        if not any(read.sentences) and not read.cells:
            for text in split_plain(read.fact.text):
                for question, form in iterate_figure_questions(text, self.dice):
                    yield question, "direct", form

    def _ask_reverse(self, read: ReadFact) -> Iterator[tuple[str, str, str]]:
        for sentence in self._sentences(read):
            yield from self._finish(japanese_reverse.iterate_reverse_drafts(sentence, read.owner, self.dice))
            for condition, _ in japanese_reverse.find_conditions(sentence):
                yield from _ask_when(sentence, condition, self.dice)

    def _ask_conditions(self, read: ReadFact) -> Iterator[tuple[str, str, str]]:
        for sentence in self._sentences(read):
            ends = ["どうなりますか。", "どうなるの?", "どうなるんですか。", "どうなるか教えてください。"]
            if japanese_reverse.tells_what_to_do(sentence):
                ends = [
                    "どうすればいいですか。",
                    "どうしますか。",
                    "どうしたらいい?",
                    "何をすればいいんですか。",
                    "どうするんでしたっけ。",
                ]
            for condition, happened in japanese_reverse.find_conditions(sentence):
                yield f"{condition}、{self.dice.choice(ends)}", "direct", "what_happens"
                for one in happened:
                    said = self.dice.choice(["んですけど、", "んですが、", "。"])
                    yield f"{one}{said}{self.dice.choice(ends)}", "direct", "what_happened"
            yield from _ask_about_people(sentence, self.dice)
            for question in japanese_reverse.iterate_next_steps(sentence, self.dice):
                yield question, "direct", "what_next"

    def _name_figures(self, read: ReadFact) -> Iterator[tuple[str, str, str]]:
        for sentence in self._sentences(read):
            for question in japanese_reverse.iterate_named_figures(sentence, read.owner, self.dice):
                yield question, "direct", "named_figure"

    def _ask_true(self, read: ReadFact) -> Iterator[tuple[str, str, str]]:
        for sentence in self._sentences(read):
            for one in japanese_polar.iterate_true(sentence, self.dice):
                yield _name_owner(read, one), "direct", "yes_no"
        if not any(read.sentences) and not read.cells:
            for text in split_plain(read.fact.text):
                yield from ((one, "direct", "yes_no") for one in iterate_whether(text, self.dice))

    def _ask_false(self, read: ReadFact) -> Iterator[tuple[str, str, str]]:
        for sentence in self._sentences(read):
            for one in japanese_polar.iterate_false(sentence, self.page, self.dice):
                yield _name_owner(read, one), "false_premise", "yes_no_altered"
        if not any(read.sentences) and not read.cells:
            for text in split_plain(read.fact.text):
                for one in japanese_polar.iterate_false_plain(text, self.page, self.dice):
                    yield one, "false_premise", "yes_no_altered"
        if read.cells:
            for one in japanese_polar.iterate_false_cells(read, self.page, self.dice):
                yield one, "false_premise", "yes_no_altered"

    def _ask_permission(self, read: ReadFact) -> Iterator[tuple[str, str, str]]:
        for sentence in self._sentences(read):
            for question, kind in japanese_polar.iterate_permission(sentence, self.dice):
                yield question, kind, "may_i"

    def _add_applied(self, read: ReadFact) -> None:
        sums = list(iterate_sums(read, self.dice))
        limits = [
            one for sentence in self._sentences(read) for one in japanese_polar.iterate_limits(sentence, self.dice)
        ]
        spans = list(iterate_spans(read, self.dice))
        for pool, most, form in ((sums, SUMS, "sum"), (limits, LIMITS, "limit"), (spans, SPANS, "span")):
            for question, conclusion in self.dice.sample(pool, min(most, len(pool))):
                if form == "span":
                    question = self._name_before(read, question)
                question = place_name(question, self.page, read, self.dice, NAMED)
                self._add(read, question, "applied", form, end_sentence(tell(read)) + conclusion)

    def _name_before(self, read: ReadFact, question: str) -> str:
        """The question with what the sentence before it in its paragraph is about, where its own one has no topic."""
        before = self._before.get(read.fact.name)
        if before is None or read.topic or not before.topic or not 0 < read.fact.block == before.fact.block:
            return question
        return question if before.topic in question else f"{before.topic}についてですが、{question}"

    def _add_exceptions(self, read: ReadFact) -> None:
        """Questions for a rule with its exception, and for what a sentence lists."""
        before = self._before.get(read.fact.name)
        asked = list(japanese_exceptions.iterate_exceptions(read, before))
        for question, end, with_before in self.dice.sample(asked, min(EXCEPTIONS, len(asked))):
            said = [before, read] if with_before and before else [read]
            answer = "".join(end_sentence(tell(one)) for one in said) + end if end or len(said) > 1 else tell(read)
            names = (read.fact.name, *(one.fact.name for one in said if one is not read))
            kind, form = ("applied", "exception_case") if end else ("direct", "exception")
            self._add(read, question, kind, form, answer, names)
        listed = list(japanese_exceptions.iterate_lists(read, self.dice))
        for question, form in self.dice.sample(listed, min(LISTED, len(listed))):
            self._add(read, place_name(question, self.page, read, self.dice, NAMED), "direct", form)

    def make_lists(self) -> None:
        """For each heading under which things are only named, the whole list and each thing of it."""
        for heading, group in japanese_exceptions.find_heading_lists(self.page.facts):
            for question, reads, form in japanese_exceptions.iterate_heading_questions(heading, group, self.dice):
                answer = "、".join(tell(one).rstrip("。") for one in reads)
                self._add(reads[0], question, "direct", form, answer, tuple(one.fact.name for one in reads))

    def _add_combined(self, read: ReadFact) -> None:
        """A question for this fact and for the one before it under the same heading."""
        place = self.page.facts.index(read)
        before = self.page.facts[place - 1] if place else None
        if before is None or before.fact.headings != read.fact.headings:
            return
        pools = [self._drafts.get(one.fact.name, []) for one in (before, read)]
        if not all(pools):
            return
        first, second = (self.dice.choice(pool) for pool in pools)
        if first.topic == second.topic:
            second = replace(second, topic="")
        one, other = first.embed(), second.embed()
        if not one or not other or len(one + other) > 80:
            return
        question = self.dice.choice(
            [
                f"{one}、{other}、教えてください。",
                f"{one}と、{other}が知りたいです。",
                f"{one}、それから{other}を教えて。",
            ]
        )
        facts = (before.fact.name, read.fact.name)
        answer = end_sentence(tell(before)) + end_sentence(tell(read))
        self._add(read, place_name(question, self.page, read, self.dice, NAMED), "combined", "two_facts", answer, facts)

    def _add_unstated(self, read: ReadFact) -> None:
        left = UNSTATED - (self.dice.random() < 0.5)
        for question in self._other_attributes.get(read.fact.name, []):
            left -= self._add(read, question, "not_stated", "other_attribute", self.dice.choice(ANSWERS))
        for question, form in self.unstated if left > 0 else ():
            named = place_name(question, self.page, read, self.dice, NAMED / 2)
            left -= self._add(read, named, "not_stated", form, self.dice.choice(ANSWERS))
            if left <= 0:
                break
        for question in iterate_reasons(read, self.page):
            if self.dice.random() < WHY:
                self._add(read, question, "not_stated", "why", self.dice.choice(ANSWERS))

    def make_shuffled(self) -> None:
        """For each heading, its facts in an order by chance."""
        groups: dict[tuple[str, ...], list[ReadFact]] = {}
        for read in self.page.facts:
            groups.setdefault(read.fact.headings, []).append(read)
        for headings, group in groups.items():
            if len(group) < 2 or not headings:
                continue
            chosen = self.dice.sample(group, min(MAX_SHUFFLED, len(group)))
            answer = "".join(end_sentence(tell(one)) for one in chosen)
            question = f"「{headings[-1]}」について書かれていることを{len(chosen)}つ教えてください。"
            self._add(chosen[0], question, "statement", "several", answer, tuple(one.fact.name for one in chosen))


def _name_owner(read: ReadFact, question: str) -> str:
    """The question with what a property belongs to before it."""
    return f"{read.owner}の{question}" if read.owner and question.startswith(read.topic) else question


def tell(read: ReadFact) -> str:
    """The fact word for word; before a property that it starts with stands what it belongs to."""
    first = read.sentences[0] if read.sentences else None
    topic = find_topic(first, first.clauses[0])[0] if first else ""
    if read.owner and topic and is_attribute(topic) and read.fact.text.startswith(topic):
        return f"{read.owner}の{read.fact.text}"
    return read.fact.text


def split_chunks(text: str) -> list[str]:
    """A sentence cut after its particles; nothing without an analyser."""
    chunks: list[str] = [""]
    for word in japanese_words.find_words(text) if japanese_words.is_available() else []:
        if word.text in ("、", "，") or word.kind in ("particle", "auxiliary"):
            chunks[-1] += word.text
        elif chunks[-1] and chunks[-1][-1] in "はがをにでと、も" and word.text not in ("し", "つい", "よっ", "つき"):
            chunks.append(word.text)
        else:
            chunks[-1] += word.text
    return [one for one in chunks if one]


def end_sentence(text: str) -> str:
    """The text with a mark at its end."""
    return text if text.endswith(("。", "！", "!", "？", "?")) else f"{text}。"


def _ask_when(sentence: Sentence, condition: str, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """What follows is given and the condition asked for: 「相手に2点が入るのはどんなときですか」."""
    last = sentence.clauses[-1]
    if last.predicate.kind == "noun" or not last.predicate.noun_like():
        return
    inner = [one for one in last.phrases if sentence.cut(one.start, one.end) != condition]
    has_object = any(one.particle == "を" for one in inner)
    text = "".join(
        sentence.cut(one.start, one.noun_end)
        + ("が" if one.particle == "は" and has_object else sentence.text[one.noun_end : one.end])
        for one in inner
    )
    if len(text) < japanese_reverse.MIN_BODY:
        return
    ends = ["のはどんなときですか。", "のはどういう場合ですか。", "のって、どんなとき?", "のはいつですか。"]
    yield text + last.predicate.noun_like() + dice.choice(ends), "reverse", "when"


def _ask_about_people(sentence: Sentence, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Those who do something: 「相手を押した選手はどうなりますか」."""
    clause = sentence.clauses[0]
    topic = next((one for one in clause.phrases if one.particle == "は" and one.relative is not None), None)
    if topic is None or topic.relative is None or sentence.clauses[-1].predicate.kind == "noun":
        return
    inner = topic.relative.predicate
    if not inner.past or topic.head.tags[1] == "準体助詞" or inner.kind != "verb":
        return
    name = sentence.cut(topic.start, topic.noun_end)
    ends = ["どうなりますか。", "どうなるの?", "どうなるんですか。"]
    if japanese_reverse.tells_what_to_do(sentence):
        ends = ["どうしますか。", "どうすればいいですか。", "どうするんですか。"]
    yield f"{name}は{dice.choice(ends)}", "direct", "what_happens"
    lead = sentence.cut(topic.start, inner.start)
    for one in inner.happened():
        yield f"{lead}{one}んですけど、{dice.choice(ends)}", "direct", "what_happened"
