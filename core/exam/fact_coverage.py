"""The coverage of facts: which rows and exam questions each fact has, and which it still lacks."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from core.dataset.examples import MEMORISED
from core.exam import runs
from core.exam.held_out_kinds import PAGE_KINDS
from core.exam.statistics import PassRate
from core.spec import asked_facts, facts, spec
from core.spec.facts import Fact

# A study plan for one fact (see 2309.14316, 2309.12288, 2402.12847): several wordings, both directions, one use of it,
# the plain statement, and a near miss whose right answer is that the spec does not say.
STUDY_PLAN = {"direct": 1, "reworded": 4, "reverse": 1, "applied": 1, "statement": 1, "not_stated": 1}
KNOWN_FACT_PLAN = {"direct": 1, "reworded": 1, "statement": 1}  # for a fact that the base model knows
HELD_OUT_WORDINGS = 1  # wordings that are kept for the exam and never trained on
KINDS = tuple(STUDY_PLAN)
EXTRA_KINDS = ("combined", "false_premise")  # counted where there are any, and never lacking: not every fact has them
EXAM = "exam"  # what a fact lacks that has no held-out wording
KNOWN_SHARE, UNKNOWN_SHARE = (
    0.8,
    0.2,
)  # shares of right answers from which the base model knows a fact, and up to which it does not


@dataclass(frozen=True)
class FactCoverage:
    """The coverage of one fact. Counts are of rows that are not rejected; `drafts` are among them.

    `trained` counts by kind; `held` are wordings for the exam that ask for this fact alone; `stale` rows were written before the fact changed;
    `recall` is the newest exam's, for the model that was examined last; `lacking` is how many rows of each kind the
    study plan still lacks, and under `EXAM` how many for the exam, drafts counted as rows. `drafted` and `held_drafts`
    are the drafts of `trained` and `held`; only approved rows are trained on and cover a fact. `also_stated` training
    rows state the fact in a passage that they recite, but ask for another: they cover nothing of it.
    """

    fact: Fact
    trained: Counter[str] = field(default_factory=Counter)
    held: int = 0
    drafts: int = 0
    stale: int = 0
    recall: PassRate | None = None
    drafted: Counter[str] = field(default_factory=Counter)
    held_drafts: int = 0
    also_stated: int = 0

    @property
    def approved(self) -> Counter[str]:
        """The rows that are trained on, by kind."""
        return self.trained - self.drafted

    @property
    def examined(self) -> int:
        """The wordings that an exam asks."""
        return self.held - self.held_drafts

    @property
    def rows(self) -> int:
        """The number of training rows, drafts included."""
        return self.trained.total()

    @cached_property
    def lacking(self) -> dict[str, int]:
        """What the study plan still lacks, drafts counted as rows."""
        return self._lacking(self.trained, self.held)

    @cached_property
    def uncovered(self) -> dict[str, int]:
        """What the approved rows alone still lack."""
        return self._lacking(self.approved, self.examined)

    def _lacking(self, rows: Counter[str], held: int) -> dict[str, int]:
        if self.fact.ignored:
            return {}
        wanted = KNOWN_FACT_PLAN if knowledge(self.fact.known) == "known" else STUDY_PLAN
        found = {kind: count - rows[kind] for kind, count in wanted.items() if rows[kind] < count}
        return found | ({EXAM: HELD_OUT_WORDINGS - held} if held < HELD_OUT_WORDINGS else {})

    @cached_property
    def state(self) -> str:
        """One of: ignored, stale, bare (no rows), unproved (no exam question), thin (something lacks), covered. Drafts do not count."""
        if self.fact.ignored:
            return "ignored"
        if self.stale:
            return "stale"
        if not self.approved:
            return "bare"
        if not self.examined:
            return "unproved"
        return "thin" if self.uncovered else "covered"


def knowledge(known: str) -> str:
    """What "3/5" right answers mean: known, sometimes, unknown; '' before anyone asked."""
    right, _, total = known.partition("/")
    if not (right.isdecimal() and total.isdecimal() and int(total)):
        return ""
    share = int(right) / int(total)
    return "known" if share >= KNOWN_SHARE else "unknown" if share <= UNKNOWN_SHARE else "sometimes"


def load(db: sqlite3.Connection) -> list[FactCoverage]:
    """The entries of all facts, in the order of the spec's text."""
    found = facts.sort_by_place(spec.load(db).text, facts.load(db))
    trained: dict[str, Counter[str]] = {fact.name: Counter() for fact in found}
    drafted: dict[str, Counter[str]] = {fact.name: Counter() for fact in found}
    held, held_drafts, drafts, stale = (Counter[str]() for _ in range(4))
    also_stated = Counter[str]()
    for names, recited_names, split, kind, count, new, outdated in db.execute(_COUNTS, (f" {facts.STALE_RULE} ",)):
        asked, also = asked_facts.split_facts(names, recited_names) if " " in names else ([names], [])
        for name in also:  # such a row can be out of date, but is no question of the fact
            also_stated[name] += count * (split == "train")
            stale[name] += outdated
        for name in asked:
            if name not in trained:
                continue
            if split == "train":
                trained[name][kind] += count
                drafted[name][kind] += new
            elif split == "test" and kind not in (MEMORISED, *PAGE_KINDS):
                held[name] += count
                held_drafts[name] += new
            drafts[name] += new
            stale[name] += outdated
    for name, kinds in trained.items():
        approved = kinds - drafted[name]
        for spread in (kinds, approved):
            _assign_kinds(spread)
        drafted[name] = kinds - approved
    recall = _load_recall(db)
    return [
        FactCoverage(
            fact,
            trained[name],
            held[name],
            drafts[name],
            stale[name],
            recall.get(name),
            drafted[name],
            held_drafts[name],
            also_stated[name],
        )
        for fact in found
        for name in (fact.name,)
    ]


def _assign_kinds(kinds: Counter[str]) -> None:
    """Count imported rows, which have no kind, as direct questions, and direct and reworded ones beyond the plan as the
    other kind as far as it lacks: both ask for the fact, and only their words differ."""
    direct, reworded = kinds.pop("", 0) + kinds["direct"], kinds["reworded"]
    wanted = min(direct, STUDY_PLAN["direct"])
    if reworded > STUDY_PLAN["reworded"]:
        wanted = min(STUDY_PLAN["direct"], direct + reworded - STUDY_PLAN["reworded"])
    kinds.update({"direct": wanted - kinds["direct"], "reworded": direct - wanted})


_COUNTS = """SELECT facts, recited, split, kind, count(*), sum(status = 'draft'), sum(instr(' ' || problems || ' ', ?) > 0)
FROM example WHERE facts <> '' AND status <> 'rejected' GROUP BY 1, 2, 3, 4"""


def _load_recall(db: sqlite3.Connection) -> dict[str, PassRate]:
    """The rates of the newest exam that gave answers about facts, for the last of its subjects; what proves nothing is out."""
    for run in runs.load_all(db):
        found: dict[str, list[tuple[int, int]]] = {}
        for names, *counts in db.execute(_RECALL, (run.id, run.subjects[-1].id if run.subjects else 0, MEMORISED)):
            for name in dict.fromkeys(names.split()):
                found.setdefault(name, []).append((counts[0], counts[1]))
        if found:
            return {name: PassRate.of(*zip(*counts, strict=True)) for name, counts in found.items()}
    return {}


_RECALL = """SELECT q.facts, total(a.passed), count(a.passed) AS marked FROM eval_question q
JOIN eval_answer a ON a.question = q.id WHERE q.run = ? AND a.subject = ? AND q.facts <> '' AND q.kind NOT IN (?, 'not_stated')
AND q.leak = ''
GROUP BY q.id HAVING marked > 0"""
