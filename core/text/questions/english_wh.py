"""Makes the questions that a clause answers: for each of its parts, for its subject, for the condition and the reason."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.text.questions.english_clauses import Clause, Part, ask_for, is_money, third_person
from core.text.questions.english_words import NUMBER, TIME_UNITS

MAX_WORDS = 24  # of a question: nobody asks longer ones
_PRONOUNS = frozenset("we you it they he she i this that these those there one both".split())
_NEVER = ("not", "n't", "never")
_MODALS = ("can", "may", "must", "should", "will", "shall", "could", "would", "might")
_DO = ("do", "does", "did")
_GOES_TO = frozenset("move belong go send give bring turn lead listen talk speak apply write return pass hand refer limit".split())


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with a question mark and, to put behind “Can you tell me”, its order as a part of a sentence."""

    direct: str
    indirect: str
    form: str
    kind: str = "direct"


def ask_about(clause: Clause) -> list[Ask]:
    """All questions that the clause answers, the plainest first. A clause that denies is asked for what it denies."""
    speaker = _Speaker(clause)
    found: list[Ask] = []
    if clause.is_negative:
        found += speaker.ask_denied()
    else:
        found += [*speaker.ask_parts(), *speaker.ask_subject(), *speaker.ask_whole(), *speaker.ask_common_verbs()]
    found += speaker.ask_condition()
    unique = {one.direct.casefold(): one for one in reversed(found) if _is_sound(one.direct)}
    return list(reversed(unique.values()))


def to_asker(text: str) -> str:
    """The text as the one who asks says it: “you” is “I” or “me”, “we” is “you”."""
    text = re.sub(r"\b([Oo])ur\b", "\0our", re.sub(r"\b[Uu]s\b", "\0ou", re.sub(r"\b[Ww]e\b(?!-)", "\0ou", text)))
    text = re.sub(r"\b(?:you are|you're)\b", "I am", re.sub(r"\byou were\b", "I was", text))
    objective = r"(?<=\b)(lets?|to|for|with|of|gives?|gave|at|from|tells?|told|costs?|helps?|brings?|takes?|asks?|shows?|sends?|pays?) you\b"
    text = re.sub(objective, r"\1 me", text)
    text = re.sub(r"\byou(?=[.,;?]|$)", "me", text)
    text = re.sub(r"\byou\b", "I", text)
    text = re.sub(r"\bYou\b", "I", text)
    text = re.sub(r"\byourself\b", "myself", re.sub(r"\byours\b", "mine", re.sub(r"\byour\b", "my", text)))
    text = re.sub(r"\bYour\b", "My", text)
    return text.replace("\0our", "your").replace("\0ou", "you")


def _is_sound(question: str) -> bool:
    """Whether a question has a fair length and none of the traces of a misread sentence."""
    words = question.rstrip("?").split()
    if not 3 <= len(words) <= MAX_WORDS or question.count("(") != question.count(")"):
        return False
    if re.search(r"[;:]| ,|\b(\w+) \1\b|[“\"][^”\"]*$", question.replace("that that", "that")) and not re.search(r"\d:\d", question):
        return False
    return not re.search(r"\b(?:and|or|but|so|the|a|an|because|than|as)\?$", question)


class _Speaker:
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

    def _order(self, words: str, rest: list[Part], form: str, tail: str = "", kind: str = "direct") -> Ask:
        """The question with these question words and the parts that stay."""
        lead, behind = self._split_verb()
        keep = self._join(rest)
        end = self._front_text()
        direct = _tidy(f"{words} {lead} {self.subject} {self.clause.adverb} {behind} {keep} {tail} {end}")
        plain = self._plain_verb()
        lower = words[:1].lower() + words[1:]
        return Ask(_mark(direct), _tidy(f"{lower} {self.subject} {plain} {keep} {tail} {end}"), form, kind)

    def _split_verb(self) -> tuple[str, str]:
        """What stands before the subject in a question, and what behind it."""
        clause = self.clause
        if self.helpers:
            return self.helpers[0], " ".join([*self.helpers[1:], clause.lemma if self.helpers[0] in _DO else clause.verb])
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
        return _tidy(f"{' '.join(helpers)} {self.clause.adverb} {self.verb}")

    def _join(self, parts: list[Part]) -> str:
        return " ".join(part.text for part in parts if not _is_reason(part))

    def _front_text(self) -> str:
        return " ".join(part.text[0].lower() + part.text[1:] if not part.text[:2].istitle() or part.role == "clause" else part.text for part in self.front)

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
        if self.clause.lemma == "measure":
            yield self._order("What", [p for p in self.parts if not re.search(r"\d", p.text)], "how_much")
            return
        for at, part in enumerate(self.parts):
            for asking in ask_for(part):
                crowded = sum(p.role == "preposition" for p in self.parts) > 1
                if asking.rest in ("to", "of", "from") and (crowded or (asking.rest == "to" and self.clause.lemma not in _GOES_TO)):
                    continue
                for rest in self._rests(at):
                    left = asking.rest
                    is_stranded = part.role == "preposition"
                    if left and not is_stranded:
                        rest = [Part(left, "particle"), *rest]
                    yield self._order(asking.words, rest, asking.form, left if is_stranded else "")
        for part in self.front:
            for asking in ask_for(part):
                if asking.form in ("when", "where", "condition", "how_long", "why", "how_often") and not asking.rest:
                    bare = _Speaker(replace(self.clause, front=tuple(p for p in self.clause.front if to_asker(p.text) != part.text)))
                    yield bare._order(asking.words, bare.parts[:3], asking.form)

    def ask_subject(self) -> Iterator[Ask]:
        """Yield the questions for the subject, the reverse direction."""
        clause = self.clause
        low = clause.subject.lower()
        if self.is_request or low in (*_PRONOUNS, "everyone", "nobody") or low.split()[0] in ("it", "they", "we", "you", "whoever", "there", "this", "that") or len(low.split()) > 12:
            return
        verb = f"{clause.adverb} {self._singular_verb()}" if not self.helpers else self._singular_verb()
        rest = self._join([p for p in self.parts if p.role != "clause"][:4])
        ends = [f"{rest} {self._front_text()}"]
        core = self._join([p for p in self.parts if p.role in ("object", "attribute", "adjective", "particle", "infinitive")][:2])
        if core and core != rest:
            ends.append(core)
        counted = re.match(r"^(?:an? |the )?(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twelve) ([a-z]+s|people|children)$", low)
        for end in ends:
            if len(end.split()) < (3 if clause.lemma == "be" else 2) and not re.search(r"\d", end):
                continue
            plural = " ".join([*self.helpers, clause.verb])
            if counted:
                yield _same(f"How many {counted[1]} {clause.adverb if not self.helpers else ''} {plural} {end}", "how_many")
                continue
            yield _same(f"{'Who' if clause.is_person else 'What'} {verb} {end}", "who" if clause.is_person else "reverse", "reverse")
            if clause.noun and clause.modifiers:
                own = " ".join([*self.helpers, clause.verb]) if clause.is_plural else verb
                yield _same(f"Which {clause.noun} {own} {end}", "reverse", "reverse")

    def _singular_verb(self) -> str:
        """The verb as “who” and “what” take it."""
        clause = self.clause
        if self.helpers:
            first = {"are": "is", "were": "was", "have": "has", "do": "does", "am": "is"}.get(self.helpers[0], self.helpers[0])
            return " ".join([first, *self.helpers[1:], clause.verb])
        if clause.lemma == "be":
            return {"are": "is", "were": "was", "am": "is"}.get(clause.verb, clause.verb)
        return third_person(clause.lemma) if clause.is_plural and clause.verb == clause.lemma else clause.verb

    def ask_whole(self) -> Iterator[Ask]:
        """Yield the questions whether it is so, and what the subject does at all."""
        whole = [p for p in self.parts if p.role != "clause" or not _is_reason(p)][:4]
        kind = "reworded"
        yield replace(self._order("", whole, "yes_no", kind=kind), indirect="whether " + self._order("", whole, "yes_no").indirect)
        yield from self._ask_modal(whole)
        active = not self.clause.is_passive and self.clause.lemma not in ("be", "have", "cost", "last", "call", "need", "weigh", "measure", "get")
        if active and (self.is_request or self.clause.is_person) and self.clause.is_main:
            lead = self.helpers[0] if self.helpers else self._do()
            helper = self.helpers[0] if self.helpers and self.helpers[0] in _MODALS else ""
            plain = f"{helper} do" if helper else "do" if lead == "do" else "does" if lead == "does" else "did"
            ends = [self._front_text(), *[p.text for p in self.parts if p.role == "clause" and not _is_reason(p)][:1]]
            for end in [one for one in dict.fromkeys(ends) if one]:
                yield Ask(_mark(_tidy(f"What {lead} {self.subject} do {end}")), _tidy(f"what {self.subject} {plain} {end}"), "what_do")

    def _ask_modal(self, whole: list[Part]) -> Iterator[Ask]:
        """Yield what people say for may, can and must."""
        clause, rest = self.clause, self._join(whole)
        helper = self.helpers[0] if self.helpers else ""
        action = " ".join([*self.helpers[1:], clause.verb if helper else clause.lemma])
        to_do = next((p.text for p in clause.parts if p.role == "particle" and p.text.startswith("to ")), "")
        if helper in ("may", "can"):
            yield from self._allowed(f"to {action} {rest}")
        elif (helper in ("must", "should") or self.is_request) and not clause.is_passive:
            yield Ask(_mark(_tidy(f"{self._need()} {self.subject} have to {action} {rest}")), _tidy(f"whether {self.subject} {'have' if self._need() == 'Do' else 'has'} to {action} {rest}"), "must", "reworded")
            yield Ask(_mark(_tidy(f"{self._need()} {self.subject} need to {action} {rest}")), _tidy(f"whether {self.subject} need{'' if self._need() == 'Do' else 's'} to {action} {rest}"), "must", "reworded")
        elif clause.lemma == "have" and to_do and not self.helpers:
            yield Ask(_mark(_tidy(f"Must {self.subject} {to_do[3:]} {self._join(whole[1:])}")), _tidy(f"whether {self.subject} must {to_do[3:]} {self._join(whole[1:])}"), "must", "reworded")

    def _need(self) -> str:
        return "Do" if self.subject in ("I", "you") or self.clause.is_plural or self.is_request else "Does"

    def _allowed(self, action: str) -> Iterator[Ask]:
        be = "Am" if self.subject == "I" else "Are" if self.clause.is_plural or self.subject == "you" else "Is"
        other = {"they": "them", "he": "him", "she": "her"}.get(self.subject, self.subject)
        yield Ask(_mark(_tidy(f"{be} {self.subject} allowed {action}")), _tidy(f"whether {self.subject} {be.lower()} allowed {action}"), "allowed", "reworded")
        if self.clause.is_person and not self.clause.is_passive:
            yield Ask(_mark(_tidy(f"Is it all right {'' if self.subject == 'I' else f'for {other} '}{action}")), _tidy(f"whether it is all right {'' if self.subject == 'I' else f'for {other} '}{action}"), "allowed", "reworded")

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
            by = _Speaker(replace(clause, subject=any_subject))
            yield by._order("By whom", [p for p in by.parts if not p.text.startswith("by any")], "who")
        helpers = tuple(h for h in clause.helpers if h not in (*_NEVER, *_DO))
        verb = clause.verb if len(helpers) or clause.lemma == "be" or clause.adverb == "never" or any_subject != low else clause.lemma if clause.is_plural or self.is_request else third_person(clause.lemma)
        positive = replace(
            clause, subject=any_subject if any_subject != low else clause.subject, helpers=helpers, verb=verb,
            adverb="" if clause.adverb == "never" else clause.adverb, tense="past" if "did" in clause.helpers else clause.tense,
        )
        if helpers[:1] == ("must",):
            positive = replace(positive, helpers=("may", *helpers[1:]))
        if self.is_request:
            positive = replace(positive, helpers=("can",), subject="you", is_person=True)
        speaker = _Speaker(positive)
        rest = [p for p in speaker.parts if not _is_reason(p)][:4]
        asked = speaker._order("", rest, "yes_no")
        yield replace(asked, indirect=f"whether {asked.indirect}", kind="reworded")
        yield from speaker._ask_modal(rest)
        if any(_is_reason(p) for p in self.parts) and any_subject == low:
            yield replace(self._order("Why", rest, "why"), direct=_negate_question(self, rest), indirect=_tidy(f"why {self.subject} {' '.join(clause.helpers)} {clause.verb} {self._join(rest)}"))
        if any_subject == low and not any(p.role == "clause" for p in rest):
            for words in ("How", "When") if not any(p.role == "preposition" for p in rest) else ("How",):
                yield speaker._order(words, rest, "false_premise", kind="false_premise")

    def _ask_without(self) -> Iterator[Ask]:
        """Yield the question whether, of a clause with “no” before its object: “need no ticket”."""
        first, *others = self.clause.parts
        noun = first.text[3:]
        some = f"any {noun}" if noun.split()[0].endswith("s") else f"a{'n' if noun[0] in 'aeiou' else ''} {noun}"
        speaker = _Speaker(replace(self.clause, parts=(replace(first, text=some), *others)))
        asked = speaker._order("", speaker.parts[:4], "yes_no")
        yield replace(asked, indirect=f"whether {asked.indirect}", kind="reworded")
        yield from self.ask_subject()
        if " " not in noun:
            yield speaker._order("What kind of " + noun, speaker.parts[1:4], "false_premise", kind="false_premise")

    def ask_condition(self) -> Iterator[Ask]:
        """Yield questions that begin with the condition: “What happens if …?”, and the condition as one's own case."""
        clauses = [p for p in (*self.front, *self.parts) if p.role == "clause"]
        for part in clauses:
            match = re.match(r"^(?:only |even )?(if|when|once|in case)\s+(.*)$", part.text, re.IGNORECASE)
            if not match or len(match[2].split()) < 2 or re.search(r"\bit is\b|\bthat is\b", match[2]) and len(match[2].split()) < 4:
                continue
            case = match[2]
            yield Ask(f"What happens {match[1].lower()} {case}?", f"what happens {match[1].lower()} {case}", "what_if")
            yield Ask(f"What if {case}?", f"what to do if {case}" if self.is_request else f"what happens if {case}", "what_if")
            if self.is_request:
                yield Ask(f"{case[0].upper()}{case[1:]}. What now?", f"what to do if {case}", "situation", "reworded")
                yield Ask(f"What should I do {match[1].lower()} {case}?", f"what to do {match[1].lower()} {case}", "what_if")

    def ask_common_verbs(self) -> Iterator[Ask]:
        """Yield other wordings for what many pages tell: a price, a length, a weight, a place, a name."""
        clause = self.clause
        target = next((p for p in self.parts if p.role in ("object", "attribute", "adjective", "particle", "adverb")), None)
        text = target.text if target else ""
        subject = self.subject
        if self.is_request or subject in ("I", "you"):
            return
        be = "are" if clause.is_plural else "is"
        if is_money(text) and clause.lemma in ("cost", "be"):
            yield from _both(f"What {{be}} the price of {subject}", "is", "how_much")
            yield _same(f"How much do I pay for {subject}", "how_much", "reworded")
            yield from _both(f"How expensive {{be}} {subject}", be, "how_much")
        elif clause.lemma in ("last", "take") and re.search(rf"(?:{NUMBER}|an?|half) (?:{'|'.join(TIME_UNITS)})s?\b", text):
            yield from _both(f"How long {{be}} {subject}", be, "how_long")
            yield Ask(f"How much time does {subject} take?" if be == "is" else f"How much time do {subject} take?", f"how much time {subject} take{'s' if be == 'is' else ''}", "how_long", "reworded")
        elif clause.lemma == "weigh":
            yield from _both(f"How heavy {{be}} {subject}", be, "how_much")
            yield from _both(f"What {{be}} the weight of {subject}", "is", "how_much")
        elif clause.lemma == "measure" and re.search(r"\d", text):
            yield from _both(f"How big {{be}} {subject}", be, "how_much")
            yield from _both(f"What size {{be}} {subject}", be, "how_much")
        elif clause.lemma == "be" and any(next(iter([a.words for a in ask_for(p)]), "") == "Where" for p in self.parts[:1]):
            yield Ask(f"Where do I find {subject}?", f"where to find {subject}", "where", "reworded")
            yield Ask(f"Where can I find {subject}?", f"where I can find {subject}", "where", "reworded")


def _negate_question(speaker: _Speaker, rest: list[Part]) -> str:
    lead, behind = speaker._split_verb()
    return _mark(_tidy(f"Why {lead} {speaker.subject} {'never' if speaker.clause.adverb == 'never' else 'not'} {behind} {speaker._join(rest)}"))


def _both(pattern: str, be: str, form: str) -> Iterator[Ask]:
    """Yield a question with is or are in it, and its indirect order, where the verb stands at the end."""
    before, after = pattern.split(" {be} ")
    yield Ask(f"{before} {be} {after}?", f"{before[0].lower()}{before[1:]} {after} {be}", form, "reworded")


def _same(text: str, form: str, kind: str = "direct") -> Ask:
    """A question whose order doesn't change behind “Can you tell me”."""
    tidy = _tidy(text)
    return Ask(_mark(tidy), tidy[0].lower() + tidy[1:], form, kind)


def _is_reason(part: Part) -> bool:
    return part.role == "clause" and part.text.lower().startswith(("because", "since", "so ", "although", "though", "as "))


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\s+([,.?!%)])", r"\1", text)).replace("( ", "(").strip(" ,;")


def _mark(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}?"
