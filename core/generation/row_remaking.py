"""Remakes rows whose fact has changed: from the change or from the page, or by a chat model. The result is a draft."""

import re
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

from core import prompts, replies
from core.dataset import examples
from core.dataset.examples import Example
from core.dataset.filters import Filter
from core.exam import fact_points
from core.exam.fact_points import FactPoints
from core.generation import draft_rows, page_rows
from core.generation.llm_runs import LlmRequest, LlmTask
from core.generation.row_wordings import HELD_OUT_SPLITS
from core.language import tr, trn
from core.lazy_loading import lazy_pattern
from core.progress import Reporter
from core.providers import Message, Sampling
from core.review import dataset_check
from core.spec import facts, spec
from core.spec.facts import STALE_RULE, Fact
from core.spec.spec import Spec
from core.text.questions.rows import QuestionRow

REPLY_TOKENS = 800
EXPECTED_TOKENS = 90  # of a question with its answer
DRAWS = 2  # draws of the page's rows in which one of the same kind and form is looked for
_TOKEN = lazy_pattern(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+|\s+|.", re.DOTALL)
_YES_NO = lazy_pattern(r"\s*(?:yes|no|はい|ええ|いいえ|いや)(?![a-z])", re.IGNORECASE)
_KANJI_OR_KANA = lazy_pattern("[\u3041-\u30ff\u3400-\u9fff]")
_KANJI, _KATAKANA = "\u3005\u3400-\u9fff", "\u30a1-\u30fa\u30fc"
# Of Japanese: a figure with its unit, what is written in one script, single characters of hiragana.
_PIECE = lazy_pattern(rf"\d+(?:[.,:/]\d+)*[{_KANJI}]*|[{_KANJI}]+|[{_KATAKANA}]+|[A-Za-z]+|\s+|.", re.DOTALL)


def find_stale_rows(db: sqlite3.Connection, names: Collection[str] | None = None) -> list[int]:
    """The ids of the rows that were written before their facts changed: of the facts `names`, or of all (None)."""
    sql = "SELECT id, facts FROM example WHERE instr(' ' || problems || ' ', ?) AND status <> 'rejected' ORDER BY id"
    rows = db.execute(sql, (f" {STALE_RULE} ",))
    return [id for id, taught in rows if names is None or not set(names).isdisjoint(taught.split())]


def build_subjects(ids: Iterable[int]) -> list[dict[str, Any]]:
    """One request for each of these rows."""
    return [{"row": id} for id in ids]


def remake_without_model(db: sqlite3.Connection, ids: Sequence[int], reporter: Reporter) -> str:
    """Remake these rows from the changes of their facts; returns a sentence for the person.

    A row that was made without a model becomes one that the page gives now, of the same kind and form. Raises
    `Cancelled` when the reporter is cancelled.
    """
    state, known = spec.load(db), {fact.name: fact for fact in facts.load(db)}
    fresh, points, remade = _FreshRows(db), fact_points.load(db), 0
    for done, row in enumerate(examples.iterate(db, ids)):
        reporter.update(done, len(ids))
        if taught := [known[name] for name in row.facts.split() if name in known]:
            made = fresh.take(row) if row.source == page_rows.SOURCE else None
            texts = _choose_texts(made, row) if made else _rewrite_texts(row, taught, state)
            _rewrite_row(db, row, *texts, taught, state, points)
            remade += 1
    return _format_result(remade, len(ids) - remade)


def _choose_texts(made: QuestionRow, row: Example) -> tuple[str, str]:
    """The texts for `row`: an exam's answer says what is asked for, a training row's what its facts say."""
    says_more = row.split not in HELD_OUT_SPLITS and tuple(row.facts.split()) == made.trained_facts
    return made.question, made.trained_answer if says_more else made.answer


class _FreshRows:
    """The rows that the page gives now and that the project does not have; each is given away once."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._rows: list[QuestionRow] | None = None  # drawn when the first one is wanted

    def take(self, row: Example) -> QuestionRow | None:
        """One of the same facts, kind and form, in place of `row`. A row without a tag may get any form."""
        self._rows = self._draw() if self._rows is None else self._rows
        for found in self._rows:
            fits = found.kind == row.kind and (not row.tags or found.form in row.tags.split())
            if fits and tuple(row.facts.split()) in (found.facts, found.trained_facts):
                self._rows.remove(found)
                return found
        return None

    def _draw(self) -> list[QuestionRow]:
        page, language = page_rows.load_page_and_language(self._db)
        asked = {row.question for row in examples.iterate(self._db, Filter(source=page_rows.SOURCE))}
        drawn = (row for seed in range(1, DRAWS + 1) for row in page_rows.draw_rows(page, language, seed))
        return [row for row in dict.fromkeys(drawn) if row.question not in asked]


def _rewrite_texts(row: Example, taught: Sequence[Fact], state: Spec) -> tuple[str, str]:
    """Question and answer with the changed words of the passages replaced; where that is not enough, the facts become the answer."""
    changed = [change for fact in taught if fact.was for change in find_changes(fact.was, fact.quote)]
    question, answer = substitute(row.question, changed), substitute(row.answer, changed)
    # Yes may have become no; words that were put in do not tell.
    if (
        answer == row.answer
        or _YES_NO.match(answer)
        or dataset_check.find_doubt(question, answer, taught, state, "", row.kind)
    ):
        answer = " ".join(fact.text for fact in taught)
    return question, answer


def find_changes(before: str, after: str) -> list[tuple[str, str]]:
    """Pairs of old and new words: words and figures of a passage that were replaced or left out."""
    old, new = ((_PIECE if _KANJI_OR_KANA.search(text) else _TOKEN).findall(text) for text in (before, after))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        ("".join(old[start:end]), "".join(new[new_start:new_end]))
        for kind, start, end, new_start, new_end in matcher.get_opcodes()
        if kind in ("replace", "delete") and "".join(old[start:end]).strip()
    ]


def substitute(text: str, changed: Iterable[tuple[str, str]]) -> str:
    """`text` with all changes made at once: old words are replaced by new ones, figures and words only as a whole.

    The result of one change is not changed by the next; old words that became several others stay as they are.
    """
    became: dict[str, set[str]] = {}
    for old, new in changed:
        became.setdefault(old, set()).add(new)
    certain = {old: new.pop() for old, new in became.items() if len(new) == 1}
    if not certain:
        return text
    pattern = "|".join(map(_build_word_pattern, sorted(certain, key=len, reverse=True)))
    return re.sub(pattern, lambda found: certain[found[0]], text)


def _build_word_pattern(old: str) -> str:
    """A pattern for these words where no neighbouring character belongs to them."""
    before = r"(?<![0-9A-Za-z.,])" if old[0].isascii() and old[0].isalnum() else _build_edge_pattern(old[0], "<!")
    after = r"(?![0-9A-Za-z]|[.,]\d)" if old[-1].isascii() and old[-1].isalnum() else _build_edge_pattern(old[-1], "!")
    return f"{before}{re.escape(old)}{after}"


def _build_edge_pattern(sign: str, look: str) -> str:
    """A pattern: no character of the same script is beside it. 6 o'clock (6時) is not in six hours (6時間)."""
    script = next((one for one in (_KANJI, _KATAKANA) if re.match(f"[{one}]", sign)), "")
    return f"(?{look}[{script}])" if script else ""


def _rewrite_row(
    db: sqlite3.Connection,
    row: Example,
    question: str,
    answer: str,
    taught: Sequence[Fact],
    state: Spec,
    points: FactPoints,
) -> None:
    """Rewrite a row as a draft: it is not trained on before a person has compared it with its earlier texts."""
    examples.set_field(db, row.id, "notes", _add_earlier_texts(row, question, answer))
    if question != row.question:
        examples.set_field(db, row.id, "question", question)
    examples.set_field(db, row.id, "answer", answer)
    facts.confirm(db, [row.id])
    examples.set_field(db, row.id, "status", "draft")
    if len(taught) == 1 and row.quote:
        examples.set_field(db, row.id, "quote", taught[0].quote)
    if row.key_points:
        made = points.suggest(answer, (fact.name for fact in taught), question, row.kind)
        examples.set_field(db, row.id, "key_points", made)
    db.execute("DELETE FROM finding WHERE example = ?", (row.id,))
    (now,) = examples.fetch(db, [row.id]).values()
    draft_rows.note_doubts(db, now, taught, state)


def _add_earlier_texts(row: Example, question: str, answer: str) -> str:
    """The row's notes with its earlier texts; a person deletes them from there."""
    earlier = []
    if question != row.question:
        earlier.append(tr("Earlier question: {text}", text=row.question))
    if answer != row.answer:
        earlier.append(tr("Earlier answer: {text}", text=row.answer))
    return "\n".join(filter(None, (row.notes, *earlier)))


def _format_result(remade: int, left: int) -> str:
    text = trn("{n} row was remade as a draft.", "{n} rows were remade as drafts.", remade)
    if not left:
        return text
    return f"{text} {trn('{n} row was left unchanged.', '{n} rows were left unchanged.', left)}"


def _build_messages(db: sqlite3.Connection, request: LlmRequest) -> list[Message]:
    row = examples.fetch(db, [request.subject["row"]]).get(request.subject["row"])
    taught, state = facts.load_by_names(db, row.facts) if row else [], spec.load(db)
    text = prompts.fill(
        prompts.load("remake", spec.get_language(state)),
        before="\n".join(fact.was or fact.text for fact in taught),
        fact="\n".join(fact.text for fact in taught),
        question=row.question if row else "",
        answer=row.answer if row else "",
        system_prompt=state.system_prompt or "–",
    )
    return [{"role": "user", "content": text}]


def _apply_replies(db: sqlite3.Connection, answered: Sequence[LlmRequest]) -> str:
    state, known = spec.load(db), {fact.name: fact for fact in facts.load(db)}
    there, points, remade = set(find_stale_rows(db)), fact_points.load(db), 0
    for request in answered:
        id = request.subject["row"]
        row = examples.fetch(db, [id]).get(id) if id in there else None
        taught = [known[name] for name in row.facts.split() if name in known] if row else []
        written = replies.parse_pairs(request.replies[0]).pairs
        if row and taught and len(written) == 1:
            _rewrite_row(db, row, written[0].question, written[0].answer, taught, state, points)
            remade += 1
    return _format_result(remade, len(answered) - remade)


TASK = LlmTask(
    lambda: tr("Remake rows"),
    _build_messages,
    _apply_replies,
    lambda _request: Sampling(temperature=0.3, max_tokens=REPLY_TOKENS),
    lambda _request: EXPECTED_TOKENS,
    replies.REMADE_SCHEMA,
    makes="example",
)
