import asyncio
import unicodedata
from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import examples, filters, search_index_builder, text_search
from core.dataset.filters import Filter, Term
from core.dataset.search_index_builder import Finder
from core.errors import FormatError
from core.progress import Cancelled, Reporter
from tests.support.projects import new_example


def add(project, *rows, **fields):
    made = [new_example(question, answer, **fields) for question, answer in rows]
    return asyncio.run(project.write("Add", examples.add, made))


def found(project, words, **more):
    parsed = filters.parse(words)
    return list(filters.find(project.rows, parsed, **more))


def test_a_row_that_a_message_names_is_found(sample):
    """ "The same as row 37": so many, and no way to it."""
    assert found(sample, "row:37") == [37]
    assert found(sample, "row:37 split:nowhere") == []
    assert filters.format_filter(filters.parse("row:37 length:>5")) == "row:37 length:>5"
    for odd in ("row:x", "row:", "row:99999999999999999999999"):
        assert filters.parse(odd).row is None


def test_find_by_text_and_by_words(sample):
    ids = filters.find(sample.rows)
    assert 0 < len(found(sample, "split:test kind:reverse")) < len(ids)
    by_fact = examples.fetch(sample.rows, found(sample, "fact:f01"))
    assert by_fact
    assert all("f01" in row.facts.split() for row in by_fact.values())
    assert not found(sample, "50%_off")


@given(
    st.builds(
        Filter,
        text=st.sampled_from(["", "two balls", "返品", "a.c"]),
        source=st.sampled_from(["", '"a b"', 'a" b', "a\u3000b"]),
        regex=st.booleans(),
        split=st.sampled_from(["", "test"]),
        status=st.sampled_from(["", "draft"]),
        rule=st.sampled_from(["", "*", "role-unknown"]),
        min_length=st.none() | st.integers(0, 99),
        max_length=st.none() | st.integers(0, 99),
        terms=st.sampled_from(
            [
                (),
                (Term("tag", "old", True),),
                (Term("rule", "x"), Term("source", "my rows.csv", True)),
                (Term("source", 'my "good" rows.csv', True), Term("source", '"a"', True), Term("tag", '"', True)),
            ]
        ),
    )
)
def test_words_and_filter_are_the_same(filter):
    if not filter.text:
        filter = Filter(**{name: getattr(filter, name) for name in Filter.__slots__ if name != "regex"})
    if not filter.rule:  # the first value of a field has a place of its own
        filter = replace(filter, terms=tuple(term for term in filter.terms if term.excluded))
    assert filters.parse(filters.format_filter(filter)) == filter


EXCLUDING = {
    "tag:a": [1, 2],
    "tag:a tag:b": [2],  # the last one won, and nothing said so
    "tag:a -tag:b": [1],
    "-tag:a": [3, 4],
    "tag:*": [1, 2, 3],
    "-tag:*": [4],
    "-tag:a -tag:b": [4],
    'source:"my rows.csv"': [1],
    '-source:"my rows.csv" tag:a': [2],
    "-kind:*": [1, 3, 4],
    "-rule:*": [1, 2, 3],
    "rule:role-unknown rule:*": [4],
    "-status:draft q": [1, 2, 4],
}


@pytest.mark.parametrize("words", EXCLUDING)
def test_a_minus_excludes_and_all_conditions_hold(project, words):
    add(project, ("q1", "a"), tags="a", source="my rows.csv")
    add(project, ("q2", "a"), tags="a b", source="other.csv", kind="reverse")
    add(project, ("q3", "a"), tags="b", status="draft")
    add(project, ("q4", "a"))
    asyncio.run(project.write("", lambda db: db.execute("UPDATE example SET problems = 'role-unknown' WHERE id = 4")))
    assert found(project, words) == EXCLUDING[words]
    assert filters.parse(filters.format_filter(filters.parse(words))) == filters.parse(words)


def test_a_minus_before_other_words_is_text(project):
    """Rows about programs have words such as --help."""
    add(project, ("cmd --help", "-5 tag:"), ("help", "5"))
    for words in ("--help", "-5", "-5 tag:"):
        assert found(project, words) == [1]


def test_a_regular_expression_keeps_its_spaces_and_has_no_fields(project):
    add(project, ("two  spaces", "tag:x y"), ("two spaces", "tag:x"))
    assert found(project, "/two  sp/") == [1]
    assert found(project, "/tag:x [a-z]/") == [1]
    assert filters.parse("split:test /a  tag:b/ -tag:c") == Filter(
        text="a  tag:b", regex=True, split="test", terms=(Term("tag", "c", True),)
    )


@pytest.mark.parametrize("digits", [19, 24, 5000])
def test_a_length_that_no_row_has_is_text(project, digits):
    add(project, ("q", "a"))
    assert found(project, f"length:>{'9' * digits}") == []


def test_narrowing_drops_what_says_the_opposite():
    for words, field, value, excluded, expected in (
        ("split:test goal", "tag", "a", False, "split:test tag:a goal"),
        ("tag:a", "tag", "b", False, "tag:a tag:b"),
        ("tag:a", "tag", "a", True, "-tag:a"),
        ("-tag:a tag:b", "tag", "a", False, "tag:b tag:a"),
        ("tag:a length:>5", "tag", "a", False, "tag:a length:>5"),
    ):
        narrowed = filters.narrow(filters.parse(words), [Term(field, value, excluded)])
        assert filters.format_filter(narrowed) == expected
        assert filters.parse(expected) == narrowed


def test_one_japanese_character_other_widths_and_cases_are_found(project):
    add(project, ("返品の方法", "窓口へ。"), ("ＡＢＣ", "Straße ﬁnal"), ("x", "y"))
    for text, id in (("返", 1), ("窓口", 1), ("abc", 2), ("STRASSE", 2), ("final", 2)):
        assert found(project, text) == [id]
    assert found(project, "/a.c/") == [2]
    with pytest.raises(FormatError):
        found(project, "/(/")


def test_lengths_and_orders(project):
    add(project, ("bb", "1"), ("a", "22222"), ("c", ""))
    assert found(project, "length:>2 length:<3") == [1]
    for order, expected in (("question", [2, 1, 3]), ("length", [3, 1, 2]), ("id", [1, 2, 3])):
        assert list(filters.find(project.rows, Filter(order=order))) == expected
        assert list(filters.find(project.rows, Filter(order=order, descending=True))) == expected[::-1]
    assert list(filters.find_first(project.rows, Filter(order="length"), 2)) == [3, 1]


def test_a_search_stops_when_it_is_cancelled(project):
    add(project, ("a", "b"))
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises(Cancelled):
        found(project, "a", reporter=reporter)


def test_filters_are_kept_by_name_and_can_be_undone(project):
    asyncio.run(project.write("Keep", filters.save_filter, "mine", "split:test"))
    asyncio.run(project.write("Keep", filters.save_filter, "mine", "split:train"))
    assert filters.load_saved_filters(project.rows) == {"mine": "split:train"}
    asyncio.run(project.undo())
    assert filters.load_saved_filters(project.rows) == {"mine": "split:test"}
    asyncio.run(project.write("Forget", filters.delete_saved_filter, "mine"))
    assert filters.load_saved_filters(project.rows) == {}


TEXT = st.text(st.sampled_from("ab返品AＢ \n.e\u0301"), max_size=12)


@pytest.fixture
def indexed(project, monkeypatch):
    """A project whose rows are found through an index made by another process, in small pieces."""
    monkeypatch.setattr(search_index_builder, "MIN_INDEXED_ROWS", 0)
    monkeypatch.setattr(text_search, "BYTES_PER_CANCEL_CHECK", 7)
    return project, Finder(project)


def test_the_index_finds_what_reading_every_row_finds(indexed):
    project, finder = indexed
    add(project, *[(f"question {number} 返品", f"Answer {number % 7} ab" * 3) for number in range(200)])
    asyncio.run(finder.refresh(Reporter()))
    assert finder.index.ready
    for step in (
        None,
        (examples.set_field, 5, "answer", "zebra ab"),
        (examples.delete, [6, 7]),
        (examples.set_field, 9, "tags", "t"),
    ):
        if step:
            finder.record_changes(asyncio.run(project.write("Step", *step)))
        for words in ("ab", "返品", "question 1", "answer 3", "zebra", "/answer [12]/", "nothing", "tag:t ab", "e"):
            assert asyncio.run(finder.find(filters.parse(words))) == array("q", found(project, words)), (step, words)
    finder.record_changes(asyncio.run(project.undo()))
    assert found(project, "ab") == list(asyncio.run(finder.find(Filter(text="ab"))))


def test_an_index_of_another_state_is_made_anew(indexed):
    project, finder = indexed
    add(project, ("old", "a"))
    asyncio.run(finder.refresh(Reporter()))
    add(project, ("new", "a"))
    later = Finder(project)
    asyncio.run(later.refresh(Reporter()))
    assert list(asyncio.run(later.find(Filter(text="new")))) == [2]
    folder = search_index_builder.get_index_folder(project.path)
    (folder / "ends").write_bytes(b"broken")
    last = Finder(project)
    asyncio.run(last.refresh(Reporter()))
    assert not last.index.ready
    assert list(asyncio.run(last.find(Filter(text="new")))) == [2]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Mn", "Cn", "Co"]), max_size=20))
def test_folding_is_what_unicode_says_of_forms_that_people_type(text):
    plain = "".join(
        sign for sign in text if sign < "\u0250" or "\u3000" <= sign < "\u3100" or "\uff00" <= sign < "\uffef"
    )
    whole = unicodedata.normalize("NFKC", plain).casefold()
    assert unicodedata.normalize("NFKC", text_search.fold(plain)) == unicodedata.normalize("NFKC", whole)
