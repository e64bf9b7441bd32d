"""The verdict in words: what it says of learning, of the books, of honesty and of what to do next."""

import asyncio

import pytest

from core.dataset import examples
from core.exam import questions, runs, scores, verdict
from core.exam.runs import ExamPlan, ExamSubject
from core.progress import Reporter
from core.providers import Provider, Reply, model_identity
from core.providers.model_identity import ModelIdentityError
from core.spec import facts, spec
from core.text.questions.rows import SOURCE
from tests.support.projects import new_example

TUNED = "ft:gpt-4o-mini:org:game:1"
SUBJECTS = [ExamSubject("s", "gpt-4o-mini"), ExamSubject("s", "gpt-4o-mini", "open"), ExamSubject("s", TUNED)]


@pytest.fixture
def exam(project, monkeypatch):
    def fill(db):
        spec.store(db, spec.Spec("Game", "en", "", "Text."))
        for number in range(1, 11):
            facts.add(db, f"Fact {number}.", "")
        rows = [(f"Question {n} of {k}?", "reworded", f"f{n:02}") for n in range(1, 11) for k in range(4)]
        rows += [(f"General {n}?", "general", "") for n in range(5)]
        examples.add(db, (new_example(text, "3", split="test", kind=kind, facts=names, key_points="3")
                         for text, kind, names in rows))  # fmt: skip

    asyncio.run(project.write("fill", fill))
    monkeypatch.setattr(questions, "load_general", {"en": []}.__getitem__)  # those above are enough
    asyncio.run(runs.begin(project, ExamPlan(SUBJECTS, general=True), Reporter()))
    return project


def answer(project, right):
    """`right` says of a subject's position and a question's whether it is right."""
    run = runs.load_all(project.rows)[0]

    def fill(db):
        for at, subject in enumerate(run.subjects):
            for place, question in enumerate(runs.load_questions(db, run.id)):
                text = "3" if right(at, place) else "no"
                runs._store_answers(db, run, subject, question, Reply([text], subject.model, "", 1.0, 5, True, 20 + 400 * (at == 1)), "[]")  # fmt: skip

    asyncio.run(project.write("", fill))
    return scores.load_result(project.rows, run)


def test_a_tuned_model_that_learned_but_not_as_well_as_the_book(exam):
    result = answer(exam, lambda at, place: place >= 40 or (at == 1 and place < 38) or (at == 2 and place < 24))
    said = "\n".join(verdict.build_sentences(result))
    assert "gpt-4o-mini · game (Closed book) answered 60% (24/40) of the held-out questions right" in said
    assert "the base model alone 0% (0/40): clearly better (p < 0.001)" in said
    assert "It gained 6 facts (f01, f02, f03, f04, f05, f06), lost 0 facts." in said
    assert "is worse than gpt-4o-mini (Open book) (95% (38/40))" in said
    assert "A thousand questions cost $" in said
    assert "4 facts are not learned yet (f07, f08, f09, f10)" in said
    assert "Until then, gpt-4o-mini (Open book) is the better way" in said
    assert verdict.find_unlearned(result, 2) == ["f07", "f08", "f09", "f10"]


def test_what_was_forgotten_is_named(exam):
    result = answer(exam, lambda at, place: place < 40 if at == 2 else place >= 40)
    assert "forgot the answers to 5 general questions" in "\n".join(verdict.build_sentences(result))


def test_no_difference_is_called_none_and_nothing_asked_says_nothing(exam):
    assert verdict.build_sentences(scores.load_result(exam.rows, runs.load_all(exam.rows)[0])) == []
    said = "\n".join(verdict.build_sentences(answer(exam, lambda _at, place: place % 2)))
    assert "no clear difference (p = 1)" in said and "No clear difference between" in said


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("gpt-4o", "gpt-4o (Closed book)"),
        ("ft:base:org:study:abc", "base · study (Closed book)"),
        ("ft:base:org::abcdefgh", "base · abcdef (Closed book)"),
        ("ft:base:local:study:abc:ckpt-step-12", "base · study · step 12 (Closed book)"),
        ("ft:odd", "odd (Closed book)"),
    ],
)
def test_a_subject_is_called_briefly(model, told):
    assert verdict.subject_title(ExamSubject("s", model)) == told


@pytest.mark.parametrize(
    ("provider", "asked", "reported", "fingerprint", "is_right"),
    [
        ("openai", "gpt-4o", "gpt-4o-2024-08-06", "fp_1", True),
        ("openai", "gpt-4o", TUNED, "fp_1", False),
        ("openai", TUNED, "gpt-4o-mini", "fp_1", False),
        ("openai", TUNED, TUNED, "fp_1", True),
        ("openai", TUNED, f"{TUNED}2", "fp_1", False),
        ("openai", "gpt-4o", "", "", True),
        ("local", "small", "small", "small", True),
        ("local", "small", "small", "small+0123456789ab", False),
        ("local", "small", "small", "other", False),
        ("local", TUNED, TUNED, "small+0123456789ab", True),
        ("local", TUNED, TUNED, "small", False),
    ],
)
def test_who_has_answered_is_proved(provider, asked, reported, fingerprint, is_right):
    made = Provider(provider, provider, "http://127.0.0.1:1/v1", "k")
    reply = Reply(["3"], reported, fingerprint, 0.1, 1)
    if is_right:
        model_identity.check_identity(made, asked, reply)
    else:
        with pytest.raises(ModelIdentityError):
            model_identity.check_identity(made, asked, reply)


def test_a_model_cut_off_after_one_lucky_answer_is_not_the_best(exam):
    """Its job is gone, say; the other one has answered everything, and is set against the book."""
    cut = TUNED.replace(":1", ":2")
    run = asyncio.run(runs.begin(exam, ExamPlan([*SUBJECTS, ExamSubject("s", cut)], general=True), Reporter()))

    def fill(db):
        found = runs.load(db, run)
        for at, subject in enumerate(found.subjects):
            for place, question in enumerate(runs.load_questions(db, run)[: 1 if at == 3 else None]):
                text = "3" if at == 3 or place < 20 else "no"
                runs._store_answers(
                    db, found, subject, question, Reply([text], subject.model, "", 1.0, 5, True, 20), "[]"
                )
        runs._finish(db, run, "failed")

    asyncio.run(exam.write("", fill))
    result = scores.load_result(exam.rows, runs.load(exam.rows, run))
    assert [str(total.held) for total in result.totals[2:]] == ["20/40", "1/1"]
    (against,) = [line for line in verdict.build_sentences(result) if "(Open book) (" in line]
    assert "50% (20/40)" in against
    assert any("not learned yet" in line for line in verdict.build_sentences(result))


def test_questions_made_by_rules_are_said_to_be_easier(exam):
    result = answer(exam, lambda at, place: True)
    assert "made by rules" not in "\n".join(verdict.build_sentences(result))
    sql = "UPDATE example SET source = ? WHERE question LIKE 'Question 1 of %'"
    asyncio.run(exam.write("", lambda db: db.execute(sql, (SOURCE,))))
    said = verdict.build_sentences(scores.load_result(exam.rows, result.run))
    assert "4 held-out questions were made by rules from the text. Other people’s questions are harder." in said


def test_long_questions_are_compared_whole(exam):
    """The column of the grid has only how a question begins."""
    long = "Does anybody in this rather long question know its end?"
    row = new_example(long, "3", split="test", kind="reworded", facts="f01", key_points="3", source=SOURCE)
    added = []
    asyncio.run(exam.write("", lambda db: added.extend(examples.add(db, [row]))))
    id = asyncio.run(runs.begin(exam, ExamPlan(SUBJECTS), Reporter()))
    asyncio.run(exam.write("", lambda db: questions.mark_leaks(db, id, {added[0]: "17 96"})))
    (found,) = [one for one in runs.load_questions(exam.rows, id) if one.question == long]
    assert found.by_rules and found.leak == "17 96"


def test_a_search_puts_passages_into_the_prompt(exam, monkeypatch):
    monkeypatch.setattr(verdict, "LOCAL", "s")
    monkeypatch.setattr(verdict, "RETRIEVED", "open")
    said = "\n".join(verdict.build_sentences(answer(exam, lambda at, place: True)))
    assert "With passages in the prompt each question is 21.0 times as long." in said


def found_by_search(project, hits):
    """The search finds the answers to the first `hits` of the 40 held-out questions."""
    run = runs.load_all(project.rows)[0]
    ids = [(place < hits, question.id) for place, question in enumerate(runs.load_questions(project.rows, run.id)) if place < 40]  # fmt: skip
    asyncio.run(project.write("", lambda db: db.executemany("UPDATE eval_question SET found = ? WHERE id = ?", ids)))


@pytest.mark.parametrize(
    ("hits", "said"),
    [(4, "is better than this search"), (24, "No clear difference"), (40, "is worse than this search")],
)
def test_the_search_alone_is_beside_the_model(exam, hits, said):
    found_by_search(exam, hits)
    result = answer(exam, lambda at, place: place >= 40 or (at == 2 and place < 24))
    sentences = verdict.build_sentences(result)
    (start,) = [at for at, one in enumerate(sentences) if "Without any model" in one]
    assert f"({hits}/40)" in sentences[start] and said in sentences[start + 1]


def test_what_was_not_searched_is_not_spoken_of(exam):
    result = answer(exam, lambda at, place: at == 2)
    assert not any("Without any model" in one for one in verdict.build_sentences(result))
