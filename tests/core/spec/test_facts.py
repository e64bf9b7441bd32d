"""Facts are kept through every edit of the spec, and their rows become stale where they changed."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from functools import cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.dataset import examples, filters, sample_projects
from core.dataset.examples import Filter
from core.spec import facts, spec
from core.spec.facts import STALE_RULE
from core.spec.spec import Spec
from core.storage import migrations
from core.text import statements
from tests.support.projects import new_example, write

EXAMPLES = 30
SAMPLES = ("hobannu-en", "hobannu-ja")


@cache
def file_of(name):
    """A project with the sample's spec and facts, without its rows."""
    with closing(sqlite3.connect(":memory:")) as db:
        migrations.migrate(db)
        sample_projects.fill(db, name)
        db.execute("DELETE FROM example")
        db.commit()
        return db.serialize()


def filled(name):
    db = sqlite3.connect(":memory:")
    db.deserialize(file_of(name))
    return closing(db)


def save(project, text):
    return write(project, facts.save, Spec("Game", "", "", text))


def one(project, name="f01"):
    return next(fact for fact in facts.load(project.rows) if fact.name == name)


def row(taught, question="Why?"):
    return new_example(question, "So.", facts=taught)


def stale(project):
    return list(filters.find(project.rows, Filter(rule=STALE_RULE)))


PIECES = st.sampled_from(
    ["x", "も", "7", " ", ".", "。", ". ", "\n", "\n\n", "- ", "# ", "|", "| a | b |\n|---|---|\n", "**", "```\n", "<b>", "\r\n", "」"]
) | st.text(max_size=8)  # fmt: skip


@st.composite
def edits(draw):
    """A function that edits a text as people do."""
    kind = draw(st.sampled_from(["insert", "delete", "replace", "move", "join", "split", "copy", "cut"]))
    at, to = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    written = draw(PIECES)

    def apply(text):
        start, end = sorted((round(at * len(text)), round(to * len(text))))
        short = min(end, start + 30)
        parts = text.split("\n\n") if kind == "move" and written else text.split("\n")
        if kind in ("move", "copy", "cut") and len(parts) > 1:
            part = parts[min(len(parts) - 1, int(at * len(parts)))]
            if kind != "copy":
                parts.remove(part)
            if kind != "cut":
                parts.insert(int(to * len(parts)), part)
            return ("\n\n" if "\n\n" in text and len(parts) < text.count("\n") / 2 else "\n").join(parts)
        if kind == "join":
            stop = max(text.find(mark, start) for mark in (". ", ".\n", "。"))
            return text[:stop] + text[stop + 1 :] if stop >= 0 else text
        if kind == "split":
            return f"{text[:start]}. {text[start:]}"
        return text[:start] + ("" if kind == "delete" else written) + text[start if kind == "insert" else short :]

    return apply


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=EXAMPLES)
@given(st.lists(edits(), min_size=1, max_size=4))
def test_a_sentence_that_stands_still_keeps_its_fact(name, made):
    with filled(name) as db:
        text = spec.load(db).text
        for edit in made:
            before, copies = facts.load(db), Counter(one.quote for one in statements.split_statements(text))
            text = edit(text).replace("\0", "")
            facts.save(db, Spec("", "", "", text))
            after = facts.load(db)
            assert [fact.name for fact in after] == [fact.name for fact in before]
            there = Counter(one.quote for one in statements.split_statements(text))
            wanted = copies | Counter(fact.quote for fact in before)
            for old, new in zip(before, after, strict=True):
                assert new.quote == old.quote or (there[old.quote] < wanted[old.quote] and new.quote in text), text
                assert new.quote and new.text


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=EXAMPLES)
@given(st.data())
def test_an_edited_sentence_keeps_its_fact(name, data):
    with filled(name) as db:
        db.execute("DELETE FROM fact")
        text = spec.load(db).text
        facts.accept(db, statements.split_statements(text))
        known = facts.load(db)
        fact = data.draw(st.sampled_from(known))
        start, end = facts.find_places(text, known)[fact.id]
        at = data.draw(st.integers(start + 1, end - 2))
        gone = data.draw(st.integers(0, end - 1 - at))
        new = text[:at] + data.draw(st.sampled_from(["x", "も", "very ", "新しく"])) + text[at + gone :]
        edited = new[start : end + len(new) - len(text)].strip()
        assume(edited in {one.quote for one in statements.split_statements(new)})
        facts.save(db, Spec("", "", "", new))
        now = {one.id: one.quote for one in facts.load(db)}
        assert now == {one.id: one.quote for one in known} | {fact.id: edited}
        facts.save(db, Spec("", "", "", text))
        assert facts.load(db) == known


@pytest.mark.parametrize("name", SAMPLES)
def test_undo_gives_everything_back(project, name):
    write(project, sample_projects.fill, name)
    before = facts.load(project.rows), list(examples.iterate(project.rows)), spec.load(project.rows)
    text = before[2].text
    for edited in (text.replace("2", "5").replace("two", "five"), text[: len(text) // 2], "", text[::-1], "\n".join(sorted(text.split("\n")))):  # fmt: skip
        write(project, facts.save, Spec("Other", "", "", edited))
    assert stale(project)
    for _step in range(5):
        asyncio.run(project.undo())
    assert (facts.load(project.rows), list(examples.iterate(project.rows)), spec.load(project.rows)) == before


@pytest.mark.parametrize("name", SAMPLES)
def test_the_statements_of_the_sample_become_facts_on_their_passages(project, name):
    write(project, sample_projects.fill, name)
    text = spec.load(project.rows).text
    here = facts.load(project.rows)
    assert len(facts.find_places(text, here)) == len(here) == 22
    missing = facts.find_missing(text, here)
    write(project, facts.accept, missing)
    everything = facts.load(project.rows)
    assert [fact.name for fact in everything] == [f"f{number:02}" for number in range(1, 23 + len(missing))]
    assert not facts.find_missing(text, everything)
    write(project, lambda db: db.execute("DELETE FROM fact"))
    write(project, facts.accept_missing)
    found = facts.load(project.rows)
    assert [fact.quote for fact in found] == [one.quote for one in statements.split_statements(text)]
    assert facts.sort_by_place(text, found) == found


def test_names_are_given_once(project):
    for name in ("f01", "f03"):
        write(project, facts.add, "A.", "A.", name)
    write(project, examples.add, [row("f02 f05")])
    for text in ("B.", "C."):
        write(project, facts.add, text, text)
    assert [fact.name for fact in facts.load(project.rows)] == ["f01", "f03", "f04", "f06"]
    assert [fact.name for fact in facts.load_by_names(project.rows, "f06 f01 f99")] == ["f01", "f06"]


def test_missing_leaves_out_what_a_fact_stands_on_in_part(project):
    text = "A is red. B is blue. C is green.\n\n- one thing\n- two things\n"
    save(project, text)
    write(project, facts.add, "All.", "A is red. B is blue.")
    write(project, facts.add, "Some.", "two")
    assert [one.quote for one in facts.find_missing(text, facts.load(project.rows))] == ["C is green.", "one thing"]


TEXTS = {
    "en": ("A team has three players. A goal is one point.\n", "three", "four", "A team has four players."),
    "ja": ("各チームは3人です。ゴールは1点です。\n", "3人", "4人", "各チームは4人です。"),
}


@pytest.fixture(params=TEXTS)
def taught(request, project):
    """A project with two facts and rows: of the first, of both, of none, of the second."""
    text, *edit = TEXTS[request.param]
    save(project, text)
    write(project, facts.accept_missing)
    write(project, examples.add, [row("f01"), row("f01 f02"), row(""), row("f02")])
    return project, text, edit


def test_rows_of_an_edited_fact_are_stale_and_it_tells_before_and_after(taught):
    project, text, (old, new, edited) = taught
    before = one(project)
    save(project, text.replace(old, new))
    after = one(project)
    assert (after.id, after.was, after.quote, after.text) == (before.id, before.quote, edited, edited)
    assert stale(project) == [1, 2]
    save(project, text.replace(old, f"{new}9"))
    assert one(project).was == before.quote
    save(project, text)
    assert one(project) == before
    assert stale(project) == []


def test_a_row_of_two_changed_facts_is_right_when_both_are_changed_back(taught):
    project, text, (old, new, _edited) = taught
    second = one(project, "f02").quote
    save(project, text.replace(old, new))
    save(project, text.replace(old, new).replace("one", "two").replace("1", "2"))
    assert one(project, "f02").was == second
    save(project, text.replace("one", "two").replace("1", "2"))
    assert stale(project) == [2, 4]
    save(project, text)
    assert stale(project) == []


def test_stale_rows_are_confirmed_or_written_anew(taught):
    project, text, (old, new, _edited) = taught
    save(project, text.replace(old, new))
    write(project, examples.set_field, 1, "answer", "Four.")
    assert stale(project) == [2]
    write(project, facts.confirm, [2])
    assert stale(project) == []
    save(project, text.replace(old, f"{new}5"))
    write(project, facts.confirm_rows, ["f01"])
    assert stale(project) == []
    asyncio.run(project.undo())
    assert stale(project) == [1, 2]


def test_a_passage_that_is_cut_and_pasted_elsewhere_is_the_same(taught):
    project, text, _edit = taught
    before = one(project)
    rest = text.replace(before.quote, "").lstrip()
    save(project, rest)
    assert (one(project).quote, one(project).text, stale(project)) == (before.quote, before.text, [1, 2])
    assert not facts.find_places(rest, [one(project)])
    save(project, f"{rest}\n\n## More\n\n{before.quote}\n")
    assert (one(project), stale(project)) == (before, [])


def test_a_fact_without_rows_is_never_called_changed(project):
    save(project, "A team has three players.\n")
    write(project, facts.accept_missing)
    save(project, "A team has four players.\n")
    assert (one(project).was, one(project).text) == ("", "A team has four players.")


def test_words_that_a_person_gave_a_fact_stay(project):
    save(project, "A team has three players.\n")
    write(project, facts.accept_missing)
    write(project, facts.edit, 1, "In Hobannu, a team has 3 players.")
    save(project, "A team has four players.\n")
    assert (one(project).text, one(project).quote) == ("In Hobannu, a team has 3 players.", "A team has four players.")


def test_the_words_around_a_passage_stay_in_its_fact(project):
    """An item says what its lead-in says too, and the row of a table what its head says."""
    text = "There are two fouls:\n\n- pushing an opponent\n- biting\n\n| Ball | Size |\n|---|---|\n| small | 18 cm |\n"
    save(project, text)
    write(project, facts.accept_missing)
    save(project, text.replace("pushing an", "pushing any").replace("18", "20"))
    said = {fact.quote: fact.text for fact in facts.load(project.rows)}
    assert said["pushing any opponent"] == "There are two fouls: pushing any opponent"
    assert said["| small | 20 cm |"] == "Ball: small; Size: 20 cm"


@pytest.mark.parametrize("name", SAMPLES)
def test_facts_are_merged_with_their_rows(project, name):
    write(project, sample_projects.fill, name)
    first, second = facts.load(project.rows)[:2]
    rows = {*filters.find(project.rows, Filter(fact="f01")), *filters.find(project.rows, Filter(fact="f02"))}
    write(project, facts.merge, [second.id, first.id])
    merged = one(project)
    assert merged.text == f"{first.text} {second.text}"
    assert merged.quote.startswith(first.quote) and merged.quote.endswith(second.quote)
    assert merged.quote in spec.load(project.rows).text
    assert set(filters.find(project.rows, Filter(fact="f01"))) == rows
    assert not filters.find(project.rows, Filter(fact="f02"))
    asyncio.run(project.undo())
    assert facts.load(project.rows)[:2] == [first, second]


def test_a_row_of_both_merged_facts_names_the_one_once(project):
    save(project, "A is red. B is blue.\n")
    write(project, facts.accept_missing)
    write(project, examples.add, [row("f02 f01"), row("f01 f09 f02")])
    write(project, facts.merge, [1])
    write(project, facts.merge, [1, 2, 77])
    assert [one.facts for one in examples.iterate(project.rows)] == ["f01", "f01 f09"]


def test_a_fact_is_split_and_each_part_stands_on_its_words(project):
    save(project, "The court is 20 m long and 10 m wide.\n")
    write(project, facts.accept_missing)
    write(project, examples.add, [row("f01")])
    write(project, facts.split, 1, ["The court is 20 m long", " The court is 10 m wide. ", " "])
    found = facts.load(project.rows)
    assert [(fact.name, fact.text) for fact in found] == [
        ("f01", "The court is 20 m long"),
        ("f02", "The court is 10 m wide."),
    ]
    assert [fact.quote for fact in found] == ["The court is 20 m long", "The court is 20 m long and 10 m wide."]
    save(project, "The court is 25 m long and 10 m wide.\n")
    assert [fact.quote for fact in facts.load(project.rows)] == [
        "The court is 25 m long",
        "The court is 25 m long and 10 m wide.",
    ]
    assert stale(project) == [1]
    write(project, facts.split, 1, [])
    write(project, facts.split, 99, ["A"])
    assert len(facts.load(project.rows)) == 2


def test_facts_are_ignored_edited_and_deleted_and_their_rows_stay(project):
    write(project, sample_projects.fill, "hobannu-en")
    count = len(filters.find(project.rows))
    write(project, facts.ignore, [1, 2])
    assert [fact.id for fact in facts.load(project.rows) if fact.ignored] == [1, 2]
    write(project, facts.ignore, [1], False)
    write(project, facts.edit, 1, "Two teams play.")
    assert (one(project).text, one(project).ignored) == ("Two teams play.", False)
    write(project, facts.delete, [1])
    assert not facts.load_by_names(project.rows, "f01")
    assert len(filters.find(project.rows)) == count
    asyncio.run(project.undo())
    assert one(project).text == "Two teams play."


def test_the_closest_passage():
    quotes = ["Each team has three players.", "A goal is worth one point.", "ゴールは1点です。"]
    assert facts.find_closest("one point is what a goal is worth", quotes) == quotes[1]
    assert facts.find_closest("ゴールは１点です", quotes) == quotes[2]
    assert facts.find_closest("Anything", []) == ""


def test_a_deleted_fact_is_not_found_again_while_its_passage_stands(project):
    save(project, "A is red. B is blue.\n")
    write(project, facts.accept_missing)
    write(project, facts.delete, [1])
    assert [fact.name for fact in facts.load(project.rows)] == ["f02"]
    assert facts.load_by_names(project.rows, "f01") == []
    assert facts.find_unused_statements(project.rows) == []
    write(project, facts.accept_missing)
    assert [fact.name for fact in facts.load(project.rows)] == ["f02"]
    write(project, facts.add, "C.", "C.")
    assert facts.load(project.rows)[-1].name == "f03"  # its name is not given to another
    save(project, "A is green. B is blue.\n")
    assert [one.quote for one in facts.find_unused_statements(project.rows)] == ["A is green."]
    write(project, facts.restore_deleted)
    assert [fact.name for fact in facts.load(project.rows)] == ["f01", "f02", "f03"]
    assert facts.load_deleted(project.rows) == []


@pytest.mark.parametrize(
    ("selected", "text", "quote"),
    [
        ("# Pool\n\nThe pool opens at six.", "The pool opens at six.", "The pool opens at six."),
        ("- pushing an opponent", "pushing an opponent", "pushing an opponent"),
        ("three **players**", "three players", "three **players**"),
        ("## Opening hours", "Opening hours", "Opening hours"),
    ],
)
def test_a_selected_passage_becomes_a_fact_without_marks_and_headings(selected, text, quote):
    assert facts.read_passage(selected) == (text, quote)
