"""The data of a run that the exam tab shows, read and computed off the window's thread."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from core.exam import answers as exam_answers
from core.exam import calibration, calibration_texts, judges, runs, scores, verdict
from core.exam.judges import JUDGE
from core.exam.runs import ExamQuestion, ExamRun
from core.exam.scores import ExamResult, PairedComparison
from core.language import tr
from ui.exam import exam_texts, heat_map_model
from ui.exam.heat_map_model import FACT_LEVEL, KIND_LEVEL, QUESTION_LEVEL, HeatMapColumn, HeatMapRow

RUN_GRADER = ""  # the run's own grader


@dataclass(frozen=True, slots=True)
class ExamOutcome:
    """A run's result by `by`, and what else is known of the run. `entries` are the lines of the heat map by level.

    `answers` are given by each subject, `marked` by whom besides the grader.
    """

    result: ExamResult
    by: str
    columns: list[HeatMapColumn]
    servers: list[str]
    entries: dict[str, list[HeatMapRow]]
    answers: list[int]
    marked: dict[str, int]

    @property
    def run(self) -> ExamRun:
        """The run whose result it is."""
        return self.result.run

    def place(self, question: int) -> int:
        """The row of a question in the result's tables."""
        return next(place for place, one in enumerate(self.result.questions) if one.id == question)


@dataclass(frozen=True, slots=True)
class SubjectComparison:
    """All subjects compared with one: the differences, what is not learned, and the verdict; None for that one itself.

    `questions` are those it was computed over, by place. Before a run may be judged there is only `waiting`, in words.
    """

    against: int
    questions: list[ExamQuestion]
    comparisons: list[PairedComparison | None]
    unlearned: list[list[str]]
    verdict: list[str]
    waiting: str


def load_outcome(db: sqlite3.Connection, id: int, by: str, titles: Mapping[str, str]) -> ExamOutcome:
    """Read a run. `titles` names the servers."""
    run = runs.load(db, id)
    result = scores.load_result(db, run, by)
    servers = exam_texts.servers_of(run.subjects, titles)
    columns = [
        HeatMapColumn(
            exam_texts.subject_heading(subject, server),
            exam_texts.describe_subject(subject, titles.get(subject.provider, subject.provider)),
        )
        for subject, server in zip(run.subjects, servers, strict=True)
    ]
    given = exam_answers.count_by_subject(db, id)
    return ExamOutcome(
        result,
        by,
        columns,
        servers,
        {level: heat_map_model.entries(result, level) for level in (KIND_LEVEL, FACT_LEVEL, QUESTION_LEVEL)},
        [given.get(subject.id, 0) for subject in run.subjects],
        exam_answers.count_marked(db, id),
    )


def compare_subjects(result: ExamResult, against: int) -> SubjectComparison:
    """The differences between each subject and the one at place `against`, once the run may be judged."""
    everyone = range(len(result.run.subjects))
    judged = result.is_settled
    return SubjectComparison(
        against,
        result.questions,
        [result.compare(subject, against) if judged and subject != against else None for subject in everyone],
        [verdict.find_unlearned(result, subject) if judged else [] for subject in everyone],
        verdict.build_sentences(result),
        verdict.waiting_reason(result),
    )


def format_checks(db: sqlite3.Connection, outcome: ExamOutcome) -> list[str]:
    """How far the graders whose marks are not shown agree with the person, and grader and judge with each other, in words."""
    run = outcome.run
    found = []
    for checked in calibration.load_checks(db, run.id):
        if checked.by != outcome.by:
            title = judges.grader_title(checked.by, run.grader)
            texts = (calibration_texts.describe_check(checked, title), calibration_texts.describe_errors(checked))
            found.append(" ".join(filter(None, texts)))
    if outcome.marked.get(JUDGE):
        pair = {"one": judges.grader_title(RUN_GRADER, run.grader), "other": judges.grader_title(JUDGE, run.grader)}
        found.append(exam_texts.format_kappa(tr("{one} and {other}", **pair), judges.compute_agreement(db, run.id)))
    return found
