"""Makes the questions that a clause answers: for each of its parts, for its subject, for the condition and the reason."""

import re
from collections.abc import Iterator
from dataclasses import replace

from core.text.questions.english_asking import (
    Ask,
    is_reason,
    is_sound,
    keep_order,
    mark_question,
    tidy,
    to_asker,
    turn_around,
)
from core.text.questions.english_clauses import Asking, Clause, Part, ask_for, is_money, third_person
from core.text.questions.english_words import GOES_TO, GROUPS, NUMBER, TIME_UNITS

_PRONOUNS = frozenset(
    ["we", "you", "it", "they", "he", "she", "i", "this", "that", "these", "those", "there", "one", "both"]
)
_NEVER = ("not", "n't", "never")
_MODALS = ("can", "may", "must", "should", "will", "shall", "could", "would", "might")
_DO = ("do", "does", "did")


def ask_about(clause: Clause) -> list[Ask]:
    """All questions that the clause answers, the plainest first. A clause that denies is asked for what it denies."""
    speaker = Speaker(clause)
    found: list[Ask] = []
    if clause.is_negative:
        found += speaker.ask_denied()
    else:
        found += [*speaker.ask_parts(), *speaker.ask_subject(), *speaker.ask_whole(), *speaker.ask_common_verbs()]
    found += speaker.ask_condition()
    found += _ask_as_one_of_them(clause)
    unique = {one.direct.casefold(): one for one in reversed(found) if is_sound(one.direct)}
    return list(reversed(unique.values()))


def _ask_as_one_of_them(clause: Clause) -> Iterator[Ask]:
    """Yield the questions of somebody whom the clause is about: “I am a volunteer. Do I have to …?”"""
    group = re.fullmatch(r"(?:all |most |every |each |an? |the )?((?:[a-z-]+ )?[a-z]+?)(s?)", clause.subject)
    if (
        not (clause.is_person and clause.is_main and group and clause.noun)
        or clause.noun in GROUPS
        or clause.is_passive
    ):
        return
    one = group[1] + ("" if clause.is_plural else group[2])
    if clause.noun.endswith("men") or len(one.split()) > 2 or (clause.is_plural and not group[2]):
        return
    parts = tuple(replace(p, text=_make_mine(p.text)) for p in clause.parts)
    front = tuple(replace(p, text=_make_mine(p.text)) for p in clause.front)
    verb = clause.verb if clause.helpers or clause.tense == "past" else "are" if clause.lemma == "be" else clause.lemma
    helpers = tuple({"is": "are", "has": "have", "does": "do"}.get(h, h) for h in clause.helpers)
    own = replace(
        clause,
        subject="you",
        noun="",
        is_person=False,
        is_plural=True,
        verb=verb,
        helpers=helpers,
        parts=parts,
        front=front,
    )
    article = "an" if one[0] in "aeiou" else "a"
    for ask in ask_about(own):
        if (
            ask.form not in ("reverse", "what_if", "false_premise")
            and " I " in ask.direct
            and len(ask.direct.split()) > 4
        ):
            yield Ask(f"I am {article} {one}. {ask.direct}", ask.indirect, "own_case", "reworded")


def _make_mine(text: str) -> str:
    """What is said of them, said to one of them."""
    for pattern, word in (
        (r"\bthey are\b", "you are"),
        (r"\bthey\b", "you"),
        (r"\b(?:their|his or her|her|his)\b(?= [a-z])", "your"),
        (r"\bthem\b", "you"),
    ):
        text = re.sub(pattern, word, text)
    return text


class Speaker:
    """Puts the words of one clause into the order of questions."""

    def __init__(self, clause: Clause) -> None:
        self.clause = clause
        self.is_request = not clause.subject
        self.subject = "I" if self.is_request or clause.subject.lower() == "you" else to_asker(clause.subject)
        helpers = [word for word in clause.helpers if word not in _NEVER]
        self.helpers = ["should", *[w for w in helpers if w not in _DO]] if self.is_request else helpers
        self.parts = [replace(part, text=to_asker(part.text)) for part in clause.parts]
        self.front = [replace(part, text=to_asker(part.text)) for part in clause.front]
        if self.subject == "I":
            self.helpers = [{"are": "am", "were": "was"}.get(w, w) for w in self.helpers]
        self.verb = {"are": "am", "were": "was"}.get(clause.verb, clause.verb) if self.subject == "I" else clause.verb

    def order(self, words: str, rest: list[Part], form: str, tail: str = "", kind: str = "direct") -> Ask:
        """The question with these question words and the parts that stay."""
        lead, behind = self._split_verb()
        keep = self._join(rest)
        end = self._front_text()
        direct = tidy(f"{words} {lead} {self.subject} {self.clause.adverb} {behind} {keep} {tail} {end}")
        plain = self._plain_verb()
        lower = words[:1].lower() + words[1:]
        return Ask(mark_question(direct), tidy(f"{lower} {self.subject} {plain} {keep} {tail} {end}"), form, kind)

    def _split_verb(self) -> tuple[str, str]:
        """What stands before the subject in a question, and what behind it."""
        clause = self.clause
        if self.helpers:
            return self.helpers[0], " ".join(
                [*self.helpers[1:], clause.lemma if self.helpers[0] in _DO else clause.verb]
            )
        if clause.lemma == "be":
            return self.verb, ""
        return self._do(), clause.lemma

    def _do(self) -> str:
        clause = self.clause
        if clause.tense == "past" and clause.verb != clause.lemma:
            return "did"
        if self.subject in ("I", "you") or clause.is_plural:
            return "do"
        return "does" if clause.verb != clause.lemma or not clause.is_plural else "do"

    def _plain_verb(self) -> str:
        helpers = [] if self.is_request and self.helpers == ["should"] else self.helpers
        if self.is_request:
            helpers = ["should", *[h for h in helpers if h != "should"]]
        return tidy(f"{' '.join(helpers)} {self.clause.adverb} {self.verb}")

    def _join(self, parts: list[Part]) -> str:
        return " ".join(part.text for part in parts if not is_reason(part))

    def _front_text(self) -> str:
        return " ".join(
            part.text[0].lower() + part.text[1:] if not part.text[:2].istitle() or part.role == "clause" else part.text
            for part in self.front
        )

    def _rests(self, index: int) -> Iterator[list[Part]]:
        """The other parts: all of them, and only those that the verb needs."""
        has_object = any(part.role in ("object", "attribute") for part in self.parts)
        others = [
            part for at, part in enumerate(self.parts) if at != index and not (part.role == "adjective" and has_object)
        ]
        core = [part for part in others if part.role in ("particle", "object", "attribute", "adjective", "infinitive")]
        short = [part for part in core if len(part.text.split()) <= 7]
        yield short if len(others) > len(short) and len(others) > 2 else others
        if len(others) <= 2 and core != others:
            yield core

    def ask_parts(self) -> Iterator[Ask]:
        """Yield the questions for what stands behind the verb, and before the subject."""
        if self.clause.lemma == "weigh" and not self.is_request:
            yield self.order("How much", [], "how_much")
            return
        if self.clause.lemma == "measure":
            yield self.order("What", [p for p in self.parts if not re.search(r"\d", p.text)], "how_much")
            return
        for at, part in enumerate(self.parts):
            for asking in ask_for(part):
                yield from self._ask_part(at, asking)
        yield from self._ask_front()

    def _ask_part(self, at: int, asking: Asking) -> Iterator[Ask]:
        is_stranded = self.parts[at].role == "preposition"
        crowded = sum(p.role == "preposition" for p in self.parts) > 1
        if asking.rest in ("to", "of", "from") and (
            crowded or (asking.rest == "to" and self.clause.lemma not in GOES_TO)
        ):
            return
        for rest in self._rests(at):
            behind = [Part(asking.rest, "particle"), *rest] if asking.rest and not is_stranded else rest
            yield self.order(asking.words, behind, asking.form, asking.rest if is_stranded else "")

    def _ask_front(self) -> Iterator[Ask]:
        for part in self.front:
            for asking in ask_for(part):
                if asking.form in ("when", "where", "condition", "how_long", "why", "how_often") and not asking.rest:
                    others = tuple(p for p in self.clause.front if to_asker(p.text) != part.text)
                    bare = Speaker(replace(self.clause, front=others))
                    yield bare.order(asking.words, bare.parts[:3], asking.form)

    def ask_subject(self) -> Iterator[Ask]:
        """Yield the questions for the subject, the reverse direction."""
        clause = self.clause
        low = clause.subject.lower()
        if (
            self.is_request
            or low in (*_PRONOUNS, "everyone", "nobody")
            or low.split()[0] in ("it", "they", "we", "you", "whoever", "there", "this", "that")
            or len(low.split()) > 12
        ):
            return
        verb = f"{clause.adverb} {self._singular_verb()}" if not self.helpers else self._singular_verb()
        rest = self._join([p for p in self.parts if p.role != "clause"][:4])
        ends = [f"{rest} {self._front_text()}"]
        core = self._join(
            [p for p in self.parts if p.role in ("object", "attribute", "adjective", "particle", "infinitive")][:2]
        )
        if core and core != rest:
            ends.append(core)
        counted = re.match(
            r"^(?:an? |the )?(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twelve) ([a-z]+s|people|children)$",
            low,
        )
        for end in ends:
            if "the ones" in end or (
                len(end.split()) < (3 if clause.lemma == "be" else 2) and not re.search(r"\d", end)
            ):
                continue
            plural = " ".join([*self.helpers, clause.verb])
            if counted:
                yield keep_order(
                    f"How many {counted[1]} {clause.adverb if not self.helpers else ''} {plural} {end}", "how_many"
                )
                continue
            yield keep_order(
                f"{'Who' if clause.is_person else 'What'} {verb} {end}",
                "who" if clause.is_person else "reverse",
                "reverse",
            )
            if clause.noun and clause.modifiers:
                own = " ".join([*self.helpers, clause.verb]) if clause.is_plural else verb
                yield keep_order(f"Which {clause.noun} {own} {end}", "reverse", "reverse")

    def _singular_verb(self) -> str:
        """The verb as “who” and “what” take it."""
        clause = self.clause
        if self.helpers:
            first = {"are": "is", "were": "was", "have": "has", "do": "does", "am": "is"}.get(
                self.helpers[0], self.helpers[0]
            )
            return " ".join([first, *self.helpers[1:], clause.verb])
        if clause.lemma == "be":
            return {"are": "is", "were": "was", "am": "is"}.get(clause.verb, clause.verb)
        return third_person(clause.lemma) if clause.is_plural and clause.verb == clause.lemma else clause.verb

    def ask_whole(self) -> Iterator[Ask]:
        """Yield the questions whether it is so, and what the subject does at all."""
        whole = [p for p in self.parts if p.role != "clause" or not is_reason(p)][:4]
        kind = "reworded"
        yield replace(
            self.order("", whole, "yes_no", kind=kind), indirect="whether " + self.order("", whole, "yes_no").indirect
        )
        yield from self._ask_modal(whole)
        if re.search(r" (?:that|who|which) (?:is|are|has|have|\w+s)\b", self.subject):
            yield Ask(f"What happens to {self.subject}?", f"what happens to {self.subject}", "what_if")
        active = not self.clause.is_passive and self.clause.lemma not in (
            "be",
            "have",
            "cost",
            "last",
            "call",
            "need",
            "weigh",
            "measure",
            "get",
        )
        if active and (self.is_request or self.clause.is_person) and self.clause.is_main:
            lead = self.helpers[0] if self.helpers else self._do()
            helper = self.helpers[0] if self.helpers and self.helpers[0] in _MODALS else ""
            plain = f"{helper} do" if helper else "do" if lead == "do" else "does" if lead == "does" else "did"
            ends = [
                self._front_text(),
                *[
                    p.text
                    for p in self.parts
                    if p.role == "clause" and helper not in ("may", "can") and not is_reason(p)
                ][:1],
            ]
            for end in [one for one in dict.fromkeys(ends) if one]:
                yield Ask(
                    mark_question(tidy(f"What {lead} {self.subject} do {end}")),
                    tidy(f"what {self.subject} {plain} {end}"),
                    "what_do",
                )

    def _ask_modal(self, whole: list[Part]) -> Iterator[Ask]:
        """Yield what people say for may, can and must."""
        clause, rest = self.clause, self._join(whole)
        helper = self.helpers[0] if self.helpers else ""
        action = " ".join([*self.helpers[1:], clause.verb if helper else clause.lemma])
        to_do = next((p.text for p in clause.parts if p.role == "particle" and p.text.startswith("to ")), "")
        if helper in ("may", "can"):
            yield from self._allowed(f"to {action} {rest}")
        elif (helper in ("must", "should") or self.is_request) and not clause.is_passive:
            yield Ask(
                mark_question(tidy(f"{self._need()} {self.subject} have to {action} {rest}")),
                tidy(f"whether {self.subject} {'have' if self._need() == 'Do' else 'has'} to {action} {rest}"),
                "must",
                "reworded",
            )
            yield Ask(
                mark_question(tidy(f"{self._need()} {self.subject} need to {action} {rest}")),
                tidy(f"whether {self.subject} need{'' if self._need() == 'Do' else 's'} to {action} {rest}"),
                "must",
                "reworded",
            )
        elif clause.lemma == "have" and to_do and not self.helpers:
            yield Ask(
                mark_question(tidy(f"Must {self.subject} {to_do[3:]} {self._join(whole[1:])}")),
                tidy(f"whether {self.subject} must {to_do[3:]} {self._join(whole[1:])}"),
                "must",
                "reworded",
            )

    def _need(self) -> str:
        return "Do" if self.subject in ("I", "you") or self.clause.is_plural or self.is_request else "Does"

    def _allowed(self, action: str) -> Iterator[Ask]:
        be = "Am" if self.subject == "I" else "Are" if self.clause.is_plural or self.subject == "you" else "Is"
        other = {"they": "them", "he": "him", "she": "her"}.get(self.subject, self.subject)
        yield Ask(
            mark_question(tidy(f"{be} {self.subject} allowed {action}")),
            tidy(f"whether {self.subject} {be.lower()} allowed {action}"),
            "allowed",
            "reworded",
        )
        if self.clause.is_person and not self.clause.is_passive:
            yield Ask(
                mark_question(tidy(f"Is it all right {'' if self.subject == 'I' else f'for {other} '}{action}")),
                tidy(f"whether it is all right {'' if self.subject == 'I' else f'for {other} '}{action}"),
                "allowed",
                "reworded",
            )

    def ask_denied(self) -> Iterator[Ask]:
        """Yield questions whether it is so, for what the clause denies, and ones that take it for so."""
        clause = self.clause
        low = clause.subject.lower()
        if any(part.text.lower().startswith("no ") for part in clause.parts[:1]):
            yield from self._ask_without()
            return
        any_subject = re.sub(r"^(?:nobody|no one)\b", "anybody", re.sub(r"^nothing\b", "anything", low))
        if low.startswith(("no ", "only ", "neither", "none")):
            return
        if any(part.text.lower().startswith(("by anyone", "by anybody")) for part in clause.parts):
            by = Speaker(replace(clause, subject=any_subject))
            yield by.order("By whom", [p for p in by.parts if not p.text.startswith("by any")], "who")
        helpers = tuple(h for h in clause.helpers if h not in (*_NEVER, *_DO))
        verb = (
            clause.verb
            if len(helpers) or clause.lemma == "be" or clause.adverb == "never" or any_subject != low
            else clause.lemma
            if clause.is_plural or self.is_request
            else third_person(clause.lemma)
        )
        positive = replace(
            clause,
            subject=any_subject if any_subject != low else clause.subject,
            helpers=helpers,
            verb=verb,
            adverb="" if clause.adverb == "never" else clause.adverb,
            tense="past" if "did" in clause.helpers else clause.tense,
        )
        if helpers[:1] == ("must",):
            positive = replace(positive, helpers=("may", *helpers[1:]))
        if self.is_request:
            positive = replace(positive, helpers=("can",), subject="you", is_person=True)
        speaker = Speaker(positive)
        rest = [p for p in speaker.parts if not is_reason(p)][:4]
        asked = speaker.order("", rest, "yes_no")
        yield replace(asked, indirect=f"whether {asked.indirect}", kind="reworded")
        yield from speaker._ask_modal(rest)
        if any(is_reason(p) for p in self.parts) and any_subject == low:
            yield replace(
                self.order("Why", rest, "why"),
                direct=_negate_question(self, rest),
                indirect=tidy(f"why {self.subject} {' '.join(clause.helpers)} {clause.verb} {self._join(rest)}"),
            )
        if any_subject == low and not any(p.role == "clause" for p in rest):
            for words in ("How", "When") if not any(p.role == "preposition" for p in rest) else ("How",):
                yield speaker.order(words, rest, "false_premise", kind="false_premise")

    def _ask_without(self) -> Iterator[Ask]:
        """Yield the question whether, of a clause with “no” before its object: “need no ticket”."""
        first, *others = self.clause.parts
        noun = first.text[3:]
        some = f"any {noun}" if noun.split()[0].endswith("s") else f"a{'n' if noun[0] in 'aeiou' else ''} {noun}"
        speaker = Speaker(replace(self.clause, parts=(replace(first, text=some), *others)))
        asked = speaker.order("", speaker.parts[:4], "yes_no")
        yield replace(asked, indirect=f"whether {asked.indirect}", kind="reworded")
        yield from self.ask_subject()
        if " " not in noun:
            yield speaker.order("What kind of " + noun, speaker.parts[1:4], "false_premise", kind="false_premise")

    def ask_condition(self) -> Iterator[Ask]:
        """Yield questions that begin with the condition: “What happens if …?”, and the condition as one's own case."""
        limits = self.helpers[:1] in (["may"], ["can"], ["could"])  # “may go in if …” tells when, not what happens
        clauses = [p for p in (*self.front, *(() if limits else self.parts)) if p.role == "clause"]
        for part in clauses:
            match = re.match(r"^(?:only |even )?(if|when|once|in case)\s+(.*)$", part.text, re.IGNORECASE)
            if (
                not match
                or len(match[2].split()) < 2
                or (re.search(r"\bit is\b|\bthat is\b", match[2]) and len(match[2].split()) < 4)
            ):
                continue
            case = match[2]
            yield Ask(f"What happens {match[1].lower()} {case}?", f"what happens {match[1].lower()} {case}", "what_if")
            yield Ask(
                f"What if {case}?", f"what to do if {case}" if self.is_request else f"what happens if {case}", "what_if"
            )
            if self.is_request:
                yield Ask(f"{case[0].upper()}{case[1:]}. What now?", f"what to do if {case}", "situation", "reworded")
                yield Ask(
                    f"What should I do {match[1].lower()} {case}?", f"what to do {match[1].lower()} {case}", "what_if"
                )

    def ask_common_verbs(self) -> Iterator[Ask]:
        """Yield other wordings for what many pages tell: a price, a length, a weight, a place, a name."""
        clause = self.clause
        target = next(
            (p for p in self.parts if p.role in ("object", "attribute", "adjective", "particle", "adverb")), None
        )
        text = target.text if target else ""
        subject = self.subject
        if self.is_request or subject in ("I", "you"):
            return
        be = "are" if clause.is_plural else "is"
        if is_money(text) and clause.lemma in ("cost", "be"):
            yield from turn_around(f"What {{be}} the price of {subject}", "is", "how_much")
            yield Ask(f"How much do I pay for {subject}?", f"how much I pay for {subject}", "how_much", "reworded")
            yield from turn_around(f"How expensive {{be}} {subject}", be, "how_much")
        elif clause.lemma in ("last", "take") and re.search(
            rf"(?:{NUMBER}|an?|half) (?:{'|'.join(TIME_UNITS)})s?\b", text
        ):
            yield from turn_around(f"How long {{be}} {subject}", be, "how_long")
            yield Ask(
                f"How much time does {subject} take?" if be == "is" else f"How much time do {subject} take?",
                f"how much time {subject} take{'s' if be == 'is' else ''}",
                "how_long",
                "reworded",
            )
        elif clause.lemma == "weigh":
            yield from turn_around(f"How heavy {{be}} {subject}", be, "how_much")
            yield from turn_around(f"What {{be}} the weight of {subject}", "is", "how_much")
        elif clause.lemma == "measure" and re.search(r"\d", text):
            yield from turn_around(f"How big {{be}} {subject}", be, "how_much")
            yield from turn_around(f"What size {{be}} {subject}", be, "how_much")
        elif clause.lemma == "be" and any(
            next(iter([a.words for a in ask_for(p)]), "") == "Where" for p in self.parts[:1]
        ):
            yield Ask(f"Where do I find {subject}?", f"where to find {subject}", "where", "reworded")
            yield Ask(f"Where can I find {subject}?", f"where I can find {subject}", "where", "reworded")


def _negate_question(speaker: Speaker, rest: list[Part]) -> str:
    lead, behind = speaker._split_verb()
    return mark_question(
        tidy(
            f"Why {lead} {speaker.subject} {'never' if speaker.clause.adverb == 'never' else 'not'} {behind} {speaker._join(rest)}"
        )
    )
