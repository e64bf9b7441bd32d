"""What the search alone answers: marked as an exam marks answers, once for each question about the text."""

import asyncio

from core.dataset import examples
from core.exam import prompt_conditions, runs, search_baseline
from core.exam.prompt_conditions import RetrievalSettings
from core.exam.runs import ExamPlan, ExamSubject
from core.progress import Reporter
from core.spec import facts, spec
from tests.support.projects import new_example

TEXT = "# The ferry\n\n## Prices\n\nA ticket costs 4 crowns.\n\n## Dogs\n\nDogs travel free on the upper deck.\n"
QUESTIONS = [
    ("What does a ticket cost?", "4 crowns.", "reworded", "4 crowns", True),
    ("Where may dogs be?", "On the lower deck.", "reworded", "lower deck", False),
    ("How deep is the harbour?", "The text does not say that.", "not_stated", "", False),
    ("What is the capital of France?", "Paris.", "general", "Paris", None),
]


def test_a_passage_is_marked_as_an_answer_and_each_question_once(project):
    def fill(db):
        spec.store(db, spec.Spec("The ferry", "en", "", TEXT))
        facts.accept_missing(db)
        examples.add(db, [new_example(asked, right, split="test", kind=kind, key_points=points)
                          for asked, right, kind, points, _found in QUESTIONS])  # fmt: skip

    async def measure():
        await project.write("fill", fill)
        plan = ExamPlan([ExamSubject("s", "m")], general=True, retrieval=RetrievalSettings(encoder=False))
        id = await runs.begin(project, plan, Reporter())
        builder = await project.read(lambda db: prompt_conditions.load_prompt_builder(db, plan.retrieval))
        known = await project.read(runs.load_questions, id)
        assert await search_baseline.measure(project, known, builder, Reporter()) is not None
        again = await project.read(runs.load_questions, id)
        assert await search_baseline.measure(project, again, builder, Reporter()) is None, "nothing is left"
        builder.close()
        return {question.question: question.found for question in again}

    found = asyncio.run(measure())
    wanted = {asked: found for asked, _right, _kind, _points, found in QUESTIONS}
    assert {question: found[question] for question in wanted} == wanted


def test_without_the_encoder_of_the_run_nothing_is_stored(project, monkeypatch):
    monkeypatch.setattr(search_baseline.sentence_encoder, "is_installed", lambda: False)
    state = spec.Spec("The ferry", "en", "", TEXT)
    builder = prompt_conditions.PromptBuilder(state, [], RetrievalSettings(encoder=True))
    question = runs.ExamQuestion(1, "What does a ticket cost?", "4 crowns.", "4 crowns", "reworded", "")
    assert asyncio.run(search_baseline.measure(project, [question], builder, Reporter())) is None
