"""Passages found for a question: in both languages, by letters and by meaning, within a budget."""

import asyncio
import json
from itertools import pairwise

import numpy as np
import pytest

from core.dataset import examples, sample_projects
from core.dataset.filters import Filter
from core.errors import JukuError, ProviderError
from core.exam import prompt_conditions, retrieval, sentence_encoder
from core.exam.prompt_conditions import RetrievalSettings
from core.exam.retrieval import FoundPassage, Passage, PassageIndex
from core.spec import spec
from core.training import row_selection
from tests.support.fake_server import Fault
from tests.support.serving import run
from tools import measure_retrieval

needs_encoder = pytest.mark.skipif(not sentence_encoder.is_installed(), reason="the extra “retrieval” is not installed")


@pytest.mark.parametrize(
    ("name", "encoder", "two", "four"),
    [
        ("hobannu-en", False, 36, 47),
        ("hobannu-ja", False, 41, 44),
        pytest.param("hobannu-en", True, 46, 50, marks=needs_encoder),
        pytest.param("hobannu-ja", True, 45, 51, marks=needs_encoder),
    ],
)
def test_the_right_passage_is_found_as_often_as_said(project, name, encoder, two, four):
    asyncio.run(project.write("fill", sample_projects.fill, name))
    asked = measure_retrieval.sample_questions(project)
    found = [asyncio.run(measure_retrieval.count_found(project, asked, k, encoder)) for k in (2, 4)]
    assert (found, len(asked)) == ([two, four], 51)


def test_an_exam_that_began_with_the_encoder_does_not_go_on_without(project, monkeypatch):
    asyncio.run(project.write("fill", sample_projects.fill, "hobannu-en"))
    builder = prompt_conditions.load_prompt_builder(project.rows, RetrievalSettings(encoder=True))
    monkeypatch.setattr(sentence_encoder, "is_installed", lambda: False)
    assert not RetrievalSettings().encoder
    with pytest.raises(JukuError, match="not installed"):
        asyncio.run(builder.find(project, "How many?"))
    builder.close()


@needs_encoder
def test_a_page_without_text_has_no_passages_to_encode(project):
    builder = prompt_conditions.load_prompt_builder(project.rows, RetrievalSettings(encoder=True))
    assert asyncio.run(builder.find(project, "How many?")) == []
    builder.close()


def test_passages_are_pieces_of_the_text_under_their_headings(project):
    asyncio.run(project.write("fill", sample_projects.fill, "hobannu-en"))
    text = spec.load(project.rows).text
    found = retrieval.split_passages(text)
    assert all(text[one.start : one.end].strip() == one.text for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(len(one.text) <= retrieval.FULL_PASSAGE_CHARACTERS for one in found)


@pytest.mark.parametrize("question", ["", "  ", "?", '"', "a", "AND OR NOT", 'x" OR text:"', "*", "か", "🙂"])
def test_any_question_is_only_a_question(question):
    """Characters that are operators in SQLite's search language raise no error."""
    index = PassageIndex([Passage("", "A team has three players.", 0, 25), Passage("", "球は二つある。", 26, 33)])
    index.search(question, 5)
    index.close()


def test_a_budget_cuts_what_is_found_but_never_the_best():
    passages = [FoundPassage(Passage("", "word " * 40, at, at + 1), 1.0) for at in range(5)]
    assert len(retrieval.limit_tokens(passages, 120)) == 2
    assert len(retrieval.limit_tokens(passages, 1)) == 1
    assert retrieval.limit_tokens([], 10) == []


def test_vectors_are_asked_for_once_and_fused_with_the_letters(project, server):
    asyncio.run(project.write("fill", sample_projects.fill, "hobannu-en"))
    asked = []
    server.weather = lambda _method, path: asked.append(path) if "embeddings" in path else None

    async def work():
        provider = server.provider()
        builder = prompt_conditions.load_prompt_builder(project.rows, RetrievalSettings(k=3, embedding="embedder"))
        first = await builder.find(project, "How many players are in a team?", provider)
        count = len(asked)
        again = await prompt_conditions.load_prompt_builder(
            project.rows, RetrievalSettings(k=3, embedding="embedder")
        ).find(project, "How many players are in a team?", provider)
        await provider.close()
        builder.close()
        return first, again, count

    first, again, count = asyncio.run(work())
    assert len(first) == 3 and [one.passage for one in first] == [one.passage for one in again]
    assert len(asked) == count == 2


def embedded(server):
    """The texts of each request for vectors, in the order in which they came."""
    return [json.loads(body)["input"] for _method, path, body in server.requests if path.endswith("embeddings")]


def vectors(server, project, texts):
    return run(server, lambda provider: retrieval.embed(project, provider, "m", texts))


TEXTS = [f"{'a' * number} {number}" for number in range(30)]


@pytest.mark.parametrize(("most", "status", "sizes"), [(30, 400, [30]), (8, 400, [7, 7, 7, 7, 2]), (1, 413, [1] * 30)])
def test_many_texts_go_out_together_as_far_as_the_server_takes_them(project, server, most, status, sizes):
    def weather(_method, _path):
        return Fault(status=status) if len(embedded(server)[-1]) > most else None

    server.weather = weather
    made = vectors(server, project, TEXTS)
    assert made[:, 1].tolist() == [text.count("a") for text in TEXTS]  # each text has its own
    taken = [texts for texts in embedded(server) if len(texts) <= most]
    assert [len(texts) for texts in taken] == sizes
    assert [text for texts in taken for text in texts] == TEXTS


def test_one_request_holds_no_more_text_than_a_server_reads(project, server, monkeypatch):
    monkeypatch.setattr(retrieval, "MAX_EMBEDDED_TOKENS", 20)
    long = "word " * 100
    vectors(server, project, [*TEXTS[:4], long, *TEXTS[4:8]])
    assert [len(texts) for texts in embedded(server)] == [4, 1, 4]


@pytest.mark.parametrize("status", [401, 404, 400])
def test_a_server_that_makes_no_vectors_at_all_is_not_asked_for_ever(project, server, status):
    server.weather = lambda _method, _path: Fault(status=status)
    with pytest.raises(ProviderError):
        vectors(server, project, TEXTS)
    assert len(embedded(server)) == (5 if status == 400 else 1)  # 30, 15, 7, 3, 1


def test_what_a_cut_left_is_asked_for_alone(project, server, monkeypatch):
    monkeypatch.setattr(retrieval, "MAX_EMBEDDED_TEXTS", 10)
    server.weather = lambda _method, _path: Fault("lose") if len(embedded(server)) > 2 else None
    with pytest.raises(ProviderError):
        vectors(server, project, TEXTS)
    server.requests.clear()
    server.weather = lambda _method, _path: None
    assert vectors(server, project, TEXTS)[:, 1].tolist() == [text.count("a") for text in TEXTS]
    assert embedded(server) == [TEXTS[20:]]


def test_two_servers_models_of_one_name_are_not_mixed(project, server):
    """The passages' vectors of the first were held against the question's of the second."""
    asyncio.run(project.write("fill", sample_projects.fill, "hobannu-en"))
    builder = prompt_conditions.load_prompt_builder(project.rows, RetrievalSettings(embedding="embedder"))
    for id in ("one", "two"):
        run(server, lambda provider: builder.find(project, "How many?", provider), id=id)
    builder.close()
    assert [len(texts) for texts in embedded(server)] == 2 * [len(retrieval.split_passages(builder.text)), 1]


def test_what_stands_high_in_both_rankings_comes_first():
    one, two, three = (Passage("", text, at, at + 1) for at, text in enumerate("abc"))
    ranked = retrieval.fuse_rankings(
        [FoundPassage(one, 9.0), FoundPassage(two, 8.0)], [FoundPassage(two, 0.9), FoundPassage(three, 0.8)]
    )
    assert [found.passage for found in ranked] == [two, one, three]
    vectors = np.eye(3, dtype=np.float32)
    nearest = retrieval.rank_by_vector(np.array([0.1, 0.9, 0.3], np.float32), vectors, [one, two, three], 2)
    assert [found.passage for found in nearest] == [two, three]


@pytest.mark.parametrize("tag", ["", prompt_conditions.FEW_SHOT_TAG])
def test_the_examples_of_few_shot_are_rows_that_a_job_trains_on(project, monkeypatch, tag):
    """Which rows these are is stated once, in core/training/row_selection.py."""
    asyncio.run(project.write("fill", sample_projects.fill, "hobannu-en"))
    asyncio.run(project.write("", lambda db: db.execute("UPDATE example SET tags = ? WHERE id < 9", (tag,)) and None))
    trained = {row.question for row in examples.iterate(project.rows, row_selection.row_filter(tag))}
    shots = prompt_conditions.load_prompt_builder(project.rows).shots
    assert len(shots) == 5 and {one.question for one in shots} <= trained
    monkeypatch.setattr(row_selection, "row_filter", lambda tag: Filter(split="test", status="approved"))
    held_out = {row.question for row in examples.iterate(project.rows, Filter(split="test"))}
    assert {one.question for one in prompt_conditions.load_prompt_builder(project.rows).shots} <= held_out
