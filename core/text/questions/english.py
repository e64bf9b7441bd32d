"""Makes question-answer rows from an English page, without a model: see `make_rows`."""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from core.text.clauses import stem
from core.text.questions import english_parser, english_plain_parser
from core.text.questions.english_applied import apply
from core.text.questions.english_asking import Ask
from core.text.questions.english_context import Told, tell
from core.text.questions.english_exceptions import ask_exceptions, ask_heading_lists, ask_lists
from core.text.questions.english_false import alter, ask_true, collect_pool, iterate_false
from core.text.questions.english_forms import ask_by_form, find_genera, shorten
from core.text.questions.english_frames import (
    NAMED_SHARE,
    ask_keywords,
    choose_keywords,
    frame,
    list_keywords,
    name_subject,
    put_name,
    reword,
)
from core.text.questions.english_other_attributes import ask_other_attributes
from core.text.questions.english_sentences import Reader
from core.text.questions.english_spans import ask_spans
from core.text.questions.english_topics import (
    add_plural,
    end_sentence,
    find_names,
    is_told_whole,
    lower_article,
    name_topic,
)
from core.text.questions.english_unstated import ANSWERS, ask_unstated
from core.text.questions.english_whole import ask_whole
from core.text.questions.rows import Page, QuestionRow, drop_ambiguous
from core.text.questions.shared_masking import draw_shares, mask, shuffle

ASKED, KEYWORDS, MASKED, FALSE, UNSTATED, SUMS, SPANS = (
    12,
    4,
    3,
    3,
    2,
    3,
    2,
)  # rows of a statement of each form, at most
EXCEPTIONS, LISTED = 3, 2
MAX_SHUFFLED = 3  # statements that one row recites
_STYLES = ("plain", "polite", "plain", "situation", "hurried", "plain", "request", "situation", "polite")
_STATE = (
    "State what you know about {n}.",
    "What does the text say about {n}?",
    "What should I know about {n}?",
    "Complete: {o} …",
)


def make_rows(page: Page, seed: int) -> list[QuestionRow]:
    """The rows of a page, the same ones for the same seed.

    With the extra `teach` the statements are parsed; without it, only sentences with a common verb have questions with
    question words, and the other forms are as many. Every answer is a statement, begins with one, or says that the text
    does not tell.
    """
    return _Maker(page, seed, english_parser if english_parser.is_installed() else english_plain_parser).make()


def make_plain_rows(page: Page, seed: int) -> list[QuestionRow]:
    """The rows as they are made without the extra `teach`."""
    return _Maker(page, seed, english_plain_parser).make()


def state_facts(page: Page) -> dict[str, str]:
    """By its name, each fact as a row states it: a sentence that stands alone."""
    reader: Reader = english_parser if english_parser.is_installed() else english_plain_parser
    return {name: told.answer for told in tell(page, reader, *find_names(page, reader)) for name in told.names[-1:]}


class _Maker:
    """Makes the rows of one page."""

    def __init__(self, page: Page, seed: int, reader: Reader) -> None:
        texts = [fact.text for fact in page.facts]
        self.dice = random.Random(seed)  # noqa: S311 - rows, no secrets
        self._elsewhere = page.elsewhere
        self.names, self.people = find_names(page, reader)
        self.subject = name_subject(page.subject, texts)
        self.told = tell(page, reader, self.names, self.people)
        self.texts = [told.answer for told in self.told]
        self.genera = find_genera(self.told)
        self.pool = collect_pool(self.texts, self.people)
        self.asks = [ask_by_form(told, self.told, reader, self.names) for told in self.told]
        self._stems = [{stem(word.lower()) for word in list_keywords(text)} for text in self.texts]
        self._rows: list[QuestionRow] = []

    def make(self) -> list[QuestionRow]:
        """All rows, without those whose question stands twice with different answers."""
        for at, told in enumerate(self.told):
            asks = [ask for ask in self.asks[at] if self._is_clear(ask, at)] or self._ask_whole(told, at)
            self._add_asked(told, asks)
            self._add_applied(told, asks)
            self._add_exceptions(told)
            self._add_keywords(
                told, at
            )  # of rows that are alike only the first is kept, and keywords are the poorer ones
            self._add_statement(told)
            self._add_false(told, asks)
        self._add_combined()
        self._add_shuffled()
        for question, answer, group, form in ask_heading_lists(self.told, self.dice):
            self._add(question, answer, "reworded", [name for told in group for name in told.names], form)
        self._add_unstated()
        return self._without_conflicts()

    def _add_applied(self, told: Told, asks: Sequence[Ask]) -> None:
        """Add questions for cases of one's own: sums, and values within or beyond a span."""
        sums, spans = apply(told, asks, self.dice), ask_spans(told, self.names, self.dice)
        for pool, most in ((sums, SUMS), (spans, SPANS)):
            found = list(dict.fromkeys(pool))
            for question, end, form in self.dice.sample(found, min(most, len(found))):
                self._add(question, f"{end_sentence(told.answer)} {end}", "applied", told.names, form)

    def _add_exceptions(self, told: Told) -> None:
        """Add questions for exceptions of a rule, and for what it lists."""
        exceptions, lists = (ask(told, self.names, self.dice) for ask in (ask_exceptions, ask_lists))
        for pool, most in ((exceptions, EXCEPTIONS), (lists, LISTED)):
            found = list(dict.fromkeys(pool))
            for question, end, form in self.dice.sample(found, min(most, len(found))):
                answer = f"{end_sentence(told.answer)} {end}" if end else told.answer
                self._add(question, answer, "applied" if end else "reworded", told.names, form)

    def _add_unstated(self) -> None:
        """Add questions that the page leaves open: first for what it says of other things, then for what it says of none."""
        added: Counter[int] = Counter()
        for told, question in ask_other_attributes(self.told, self._elsewhere, self.names, self.dice):
            added[id(told)] += 1
            self._add(question, self.dice.choice(ANSWERS), "not_stated", told.names[-1:], "other_attribute")
        names = sorted(self.names)
        for told, question, answer in ask_unstated(
            self.told, UNSTATED, self.subject, names, self.dice, elsewhere=self._elsewhere
        ):
            if added[id(told)]:  # as many in all as of a statement without other attributes
                added[id(told)] -= 1
                continue
            self._add(question, answer, "not_stated", told.names[-1:], "not_stated")

    def _ask_whole(self, told: Told, at: int) -> list[Ask]:
        """What can be asked of a statement that is not understood otherwise."""
        if told.cells or told.label or len(told.names) != 1:
            return []
        return list(ask_whole(told.answer, [text for number, text in enumerate(self.texts) if number != at]))

    def _is_clear(self, ask: Ask, at: int) -> bool:
        """Whether a question has words that tell which statement it asks for."""
        stems = {stem(word.lower()) for word in list_keywords(ask.direct)} - _VAGUE
        if not stems or re.match(
            r"(?:what|who|when|how) (?:is|are|do|does|should|can) (?:it|they|this|that|he|she|I|you)\b[^?]{0,12}\?",
            ask.direct,
            re.IGNORECASE,
        ):
            return False
        if re.search(r"\b(?:it|them|they|he|she|this|these)\b", ask.direct) and len(stems) < 3:
            return False
        rivals = [other for number, other in enumerate(self._stems) if number != at and stems <= other]
        return not rivals or (len(stems) >= 2 and len(rivals) <= 1)

    def _add(self, question: str, answer: str, kind: str, names: Sequence[str], form: str) -> None:
        tidy = re.sub(r"\s+", " ", re.sub(r"\s+([,.?!])", r"\1", question)).strip()
        if form not in ("masked", "keywords", "hurried"):
            tidy = tidy[:1].upper() + tidy[1:]
        self._rows.append(QuestionRow(tidy, answer, kind, tuple(names), form))

    def _named(self, ask: Ask) -> Ask:
        """The question, in a share of the cases with the name of what the page is about."""
        return put_name(ask, self.subject, self.dice) if self.dice.random() < NAMED_SHARE else ask

    def _add_asked(self, told: Told, asks: Sequence[Ask]) -> None:
        """Add questions of all forms in turn, each in another style, some with other words."""
        wanted = [ask for ask in asks if ask.form != "false_premise"]
        chosen = self._take_in_turn(wanted, ASKED)
        styles = list(_STYLES)
        for number in range(ASKED if len(chosen) >= ASKED // 2 else 2 * len(chosen)):
            ask = chosen[number % len(chosen)]
            style = styles[(number + number // len(chosen)) % len(styles)]
            kind = ask.kind
            asked = self._with_genus(ask) if self.dice.random() < 0.5 else ask
            if self.dice.random() < 0.35:
                changed = Ask(reword(asked.direct, self.dice), reword(asked.indirect, self.dice), ask.form, ask.kind)
                kind = "reworded" if changed.direct != ask.direct and kind == "direct" else kind
                asked = changed
            if style != "plain" and kind == "direct":
                kind = "reworded"
            self._add(
                frame(self._named(asked), style, self.dice),
                told.answer,
                kind,
                told.names,
                "hurried" if style == "hurried" else ask.form,
            )

    def _take_in_turn(self, asks: Sequence[Ask], count: int) -> list[Ask]:
        """Up to `count` questions, forms in turn, so that each part of a statement is asked for."""
        by_form: dict[str, list[Ask]] = defaultdict(list)
        for ask in asks:
            by_form[ask.form].append(ask)
        for form, group in by_form.items():
            first, rest = group[:1], group[1:]
            self.dice.shuffle(rest)
            by_form[form] = [*first, *rest]
        found: list[Ask] = []
        while len(found) < count and any(by_form.values()):
            for group in by_form.values():
                if group and len(found) < count:
                    found.append(group.pop(0))
        return found

    def _with_genus(self, ask: Ask) -> Ask:
        """The question with a term of the page replaced by what kind of thing it is."""
        for term, genus in self.genera.items():
            pattern = rf"\b(?:(?:an?|the|each|every) )?{re.escape(term)}(?P<plural>s?)\b(?!’|')"
            match = re.search(pattern, ask.direct, re.IGNORECASE)
            if match and ask.form != "definition" and not re.search(rf"\b{re.escape(genus)}\b", ask.direct):
                thing = f"the {add_plural(genus) if match['plural'] else genus}"
                texts = [
                    re.sub(pattern, thing, text, count=1, flags=re.IGNORECASE) for text in (ask.direct, ask.indirect)
                ]
                return Ask(texts[0], texts[1], ask.form, "reworded")
        return ask

    def _add_keywords(self, told: Told, at: int) -> None:
        for keys in choose_keywords(self.texts, at, KEYWORDS, self.dice):
            if self.dice.random() < 0.3:
                keys = [reword(f" {key}", self.dice).strip() for key in keys]
            question = ask_keywords(keys, self.dice)
            if self.subject.names and self.dice.random() < NAMED_SHARE:
                question = (
                    f"{self.dice.choice(self.subject.names).removeprefix('the ')} {question}"
                    if question[:1].islower()
                    else self._named(Ask(question, "", "")).direct
                )
            self._add(question, told.answer, "reworded", told.names, "keywords")

    def _add_statement(self, told: Told) -> None:
        words = told.answer.split()
        topic = name_topic(told)
        opening = " ".join(words[: max(2, len(words) // 3)])
        for pattern in ([self.dice.choice(_STATE[:3])] if topic else []) + [_STATE[3]]:
            self._add(pattern.format(n=topic, o=opening), told.answer, "statement", told.names, "statement")
        for share in draw_shares(self.dice, MASKED):
            self._add(
                f"Restore the sentence: {mask(told.answer, share, self.dice, 'en')}",
                told.answer,
                "statement",
                told.names,
                "masked",
            )

    def _add_false(self, told: Told, asks: Sequence[Ask]) -> None:
        """Add questions whether it is so, with the right and with wrong values, and ones that take the wrong for right."""
        sentence = told.rest if not told.cells and not told.label and is_told_whole(told) else ""
        if sentence and (asked := ask_true(sentence, self.dice, self.names)):
            self._add(asked, told.answer, "reworded", told.names, "yes_no")
        questions = [ask.direct for ask in asks if ask.form == "false_premise"][:2]
        questions += [
            wrong
            for ask in asks
            if ask.form == "yes_no" and (wrong := alter(ask.direct, self.pool, self.dice)) and " a not " not in wrong
        ][:2]
        if told.term and (
            others := [one for one in self.told if one.term and one is not told and not one.term.startswith("To ")]
        ):
            other = self.dice.choice(others)
            if not told.term.startswith("To ") and not other.meaning.startswith("what"):
                questions.append(f"Is {lower_article(told.answer.split(' is ')[0])} {shorten(other.meaning)}?")
        if sentence:
            questions += list(iterate_false(sentence, self.pool, self.dice, self.names))[:2]
        unique = list(dict.fromkeys(questions))
        true = {row.question for row in self._rows}
        for question in self.dice.sample(unique, min(FALSE, len(unique))):
            if question not in true:
                self._add(
                    self._named(Ask(question, "", "")).direct, told.answer, "false_premise", told.names, "false_premise"
                )

    def _add_combined(self) -> None:
        """Add questions for two statements under one heading, which the answer recites one after the other."""
        for first, second, at, next_at in self._pairs():
            one, two = (self._short_ask(number) for number in (at, next_at))
            answer = f"{first.answer} {second.answer}"
            names = tuple(dict.fromkeys((*first.names, *second.names)))
            if one and two:
                lower = two if re.match(r"I\b", two) else two[0].lower() + two[1:]
                pattern = self.dice.choice(("{a}, and {b}", "{A}? And {b}", "Two questions: {c}, and {b}"))
                plain = one.rstrip("?")
                small = plain if re.match(r"I\b", plain) else plain[0].lower() + plain[1:]
                self._add(
                    pattern.format(a=plain, A=plain, b=lower, c=small), answer, "combined", names, "two_questions"
                )
            topics = (name_topic(first), name_topic(second))
            if all(topics) and topics[0] != topics[1] and self.dice.random() < 0.5:
                self._add(f"Tell me about {topics[0]} and {topics[1]}.", answer, "combined", names, "two_topics")

    def _pairs(self) -> Iterator[tuple[Told, Told, int, int]]:
        """Yield each statement with another one of its heading."""
        for at, told in enumerate(self.told):
            others = [
                n
                for n, one in enumerate(self.told)
                if n != at and one.fact.headings == told.fact.headings and not set(one.names) & set(told.names)
            ]
            if others and len(told.answer.split()) < 45:
                other = self.dice.choice(others)
                yield told, self.told[other], at, other

    def _short_ask(self, at: int) -> str:
        fitting = [
            a.direct
            for a in self.asks[at]
            if self._is_clear(a, at)
            and len(a.direct.split()) <= 10
            and a.form not in ("yes_no", "false_premise", "situation", "must", "allowed")
            and ": " not in a.direct
            and ". " not in a.direct
        ]
        return self.dice.choice(fitting) if fitting else ""

    def _add_shuffled(self) -> None:
        """Add rows that recite statements of a heading in another order."""
        groups: dict[tuple[str, ...], list[Told]] = defaultdict(list)
        for told in self.told:
            groups[told.fact.headings].append(told)
        for headings, group in groups.items():
            heading = headings[-1].split(":")[0] if headings else self.subject.names[0] if self.subject.names else ""
            if len(group) < 2 or not heading:
                continue
            for pattern in ("What do you know about “{h}”?", "Tell me some of the things under “{h}”."):
                by_answer = {told.answer: told for told in group}
                chosen = [by_answer[answer] for answer in shuffle(list(by_answer), self.dice)[:MAX_SHUFFLED]]
                names = tuple(dict.fromkeys(name for told in chosen for name in told.names))
                self._add(
                    pattern.format(h=heading), " ".join(told.answer for told in chosen), "statement", names, "shuffled"
                )

    def _without_conflicts(self) -> list[QuestionRow]:
        """The rows without repeats, and without questions that have several answers."""
        return list({row.question.casefold(): row for row in drop_ambiguous(self._rows, str.casefold)}.values())


_VAGUE = {
    stem(word)
    for word in [
        "much",
        "many",
        "long",
        "often",
        "thing",
        "kind",
        "tell",
        "know",
        "please",
        "happen",
        "friend",
        "new",
        "say",
        "text",
        "mean",
        "word",
        "call",
        "find",
        "price",
        "cost",
        "sort",
        "true",
        "right",
    ]
}
