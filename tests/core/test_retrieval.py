"""Passages found for a question: in both languages, by letters and by meaning, within a budget."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from core import conditions, dataset, facts, retrieval, samples, spec
from core.conditions import Settings
from core.filters import Filter
from core.retrieval import Found, Index, Passage
from tests.fake_server import FakeServer


@pytest.fixture
def server():
    with FakeServer() as server:
        yield server


def found_right(project, k):
    """For how many exam questions about facts the right passage is among the first `k`."""
    index = Index(retrieval.passages(spec.load(project.rows).text))
    quotes = {fact.name: fact.quote for fact in facts.load(project.rows)}
    asked = [row for row in dataset.examples(project.rows, Filter(split="test")) if row.facts]
    hits = 0
    for row in asked:
        texts = [one.passage.text for one in index.search(row.question, k)]
        hits += any(quotes[name] in text for name in row.facts.split() for text in texts)
    index.close()
    return hits, len(asked)


@pytest.mark.parametrize(("name", "two", "four"), [("hobannu-en", 36, 47), ("hobannu-ja", 41, 44)])
def test_the_right_passage_is_found_as_often_as_said(project, name, two, four):
    asyncio.run(project.write("fill", samples.fill, name))
    assert (found_right(project, 2), found_right(project, 4)) == ((two, 51), (four, 51))


def test_passages_are_pieces_of_the_text_under_their_headings(project):
    asyncio.run(project.write("fill", samples.fill, "hobannu-en"))
    text = spec.load(project.rows).text
    found = retrieval.passages(text)
    assert all(text[one.start : one.end].strip() == one.text for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(len(one.text) <= retrieval.LONG for one in found)


@pytest.mark.parametrize("question", ["", "  ", "?", '"', "a", "AND OR NOT", 'x" OR text:"', "*", "か", "🙂"])
def test_any_question_is_only_a_question(question):
    index = Index([Passage("", "A team has three players.", 0, 25), Passage("", "球は二つある。", 26, 33)])
    index.search(question, 5)
    index.close()


def test_a_budget_cuts_what_is_found_but_never_the_best():
    passages = [Found(Passage("", "word " * 40, at, at + 1), 1.0) for at in range(5)]
    assert len(retrieval.within(passages, 120)) == 2
    assert len(retrieval.within(passages, 1)) == 1
    assert retrieval.within([], 10) == []


def test_vectors_are_asked_for_once_and_fused_with_the_letters(project, server):
    asyncio.run(project.write("fill", samples.fill, "hobannu-en"))
    asked = []
    server.weather = lambda _method, path: asked.append(path) if "embeddings" in path else None

    async def work():
        provider = server.provider()
        book = conditions.read(project.rows, Settings(k=3, embedding="embedder"))
        first = await book.find(project, "How many players are in a team?", provider)
        count = len(asked)
        again = await conditions.read(project.rows, Settings(k=3, embedding="embedder")).find(
            project, "How many players are in a team?", provider
        )
        await provider.close()
        book.close()
        return first, again, count

    first, again, count = asyncio.run(work())
    assert len(first) == 3 and [one.passage for one in first] == [one.passage for one in again]
    assert len(asked) == count == 2


def test_what_stands_high_in_both_rankings_comes_first():
    one, two, three = (Passage("", text, at, at + 1) for at, text in enumerate("abc"))
    ranked = retrieval.fused([Found(one, 9.0), Found(two, 8.0)], [Found(two, 0.9), Found(three, 0.8)])
    assert [found.passage for found in ranked] == [two, one, three]
    vectors = np.eye(3, dtype=np.float32)
    nearest = retrieval.nearest(np.array([0.1, 0.9, 0.3], np.float32), vectors, [one, two, three], 2)
    assert [found.passage for found in nearest] == [two, three]
