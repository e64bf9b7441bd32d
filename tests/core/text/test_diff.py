"""What differs between two texts: the fewest lines, taken over one by one, and aligned to be read."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import sample_projects
from core.text import diff
from core.text.diff import Hunk
from tests.support.patience import effort

LINES = st.lists(st.sampled_from(["", "a", "b\r", "b", "ab cd", "試合は60分。", "試合は70分。"]), max_size=12).map(
    "\n".join
)


def rows(old, new):
    return [(row.old, row.new) for row in diff.pair_lines(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("a", "a", []),
        ("", "a", [Hunk(0, 0, 0, 1)]),
        ("a\nb", "", [Hunk(0, 2, 0, 0)]),
        ("a\nb\nc", "a\nx\nc", [Hunk(1, 2, 1, 2)]),
        ("a\nb", "a\nb\nc", [Hunk(2, 2, 2, 3)]),  # no line break at the end: b has not changed
        ("a\nb\n", "b\n", [Hunk(0, 1, 0, 0)]),
        ("a\n", "a", [Hunk(1, 2, 1, 1)]),
        ("A\n\nB\n\nC", "A\n\nN\n\nB\n\nC", [Hunk(2, 2, 2, 4)]),
        ("a\nb\nc\nd\ne", "x\nb\nc\nd\ny", [Hunk(0, 1, 0, 1), Hunk(4, 5, 4, 5)]),
        ("a\r\nb", "a\nb", [Hunk(0, 1, 0, 1)]),
    ],
)
def test_hunks(old, new, expected):
    assert diff.find_hunks(old, new) == expected


@given(LINES, LINES)
def test_all_give_the_new_text_and_none_the_old_one(old, new):
    found = range(len(diff.find_hunks(old, new)))
    assert diff.apply_hunks(old, new, found) == new
    assert diff.apply_hunks(old, new, []) == old


@given(LINES, LINES, st.sets(st.integers(0, 12)))
def test_what_was_not_chosen_can_still_be_taken(old, new, chosen):
    """One change after the other leads to the new text too."""
    half = diff.apply_hunks(old, new, chosen)
    assert diff.apply_hunks(half, new, range(len(diff.find_hunks(half, new)))) == new


@given(LINES, LINES)
def test_rows_hold_every_line_once_and_in_order(old, new):
    found = diff.pair_lines(old, new)
    assert [row.old_number for row in found if row.old is not None] == list(range(1, len(diff.split_lines(old)) + 1))
    assert [row.new_number for row in found if row.new is not None] == list(range(1, len(diff.split_lines(new)) + 1))
    assert all(row.old == row.new for row in found if row.hunk is None)
    assert all(row.old is not None or row.new is not None for row in found)
    changed = [row.hunk for row in found if row.hunk is not None]
    assert changed == sorted(changed)
    assert set(changed) == set(range(len(diff.find_hunks(old, new))))


def test_alike_lines_stand_side_by_side():
    old = "The match lasts 60 minutes.\nA goal counts one point."
    new = "Something else stands here now.\nThe match lasts 70 minutes.\nA goal counts two points."
    assert rows(old, new) == [
        (None, "Something else stands here now."),
        ("The match lasts 60 minutes.", "The match lasts 70 minutes."),
        ("A goal counts one point.", "A goal counts two points."),
    ]
    assert rows("試合は60分である。\n", "前書き\n試合は70分である。\n")[1] == (
        "試合は60分である。",
        "試合は70分である。",
    )


def test_unlike_lines_go_in_order():
    assert rows("one", "夏\n秋") == [("one", "夏"), (None, "秋")]
    assert diff.are_similar("The match lasts 60 minutes.", "The match lasts 70 minutes.")
    assert not diff.are_similar("one", "夏")


def test_a_carriage_return_is_seen_only_where_it_is_all_that_differs():
    assert rows("a\r\nb\r\n", "a\nb\r\n")[0] == ("a␍", "a")
    assert rows("a\r\nb", "c\r\nb") == [("a", "c"), ("b", "b")]


@pytest.mark.parametrize("name", ["hobannu-en", "hobannu-ja"])
def test_a_sentence_of_the_sample_changed(name):
    old = (sample_projects.SAMPLES_FOLDER / name / "spec.md").read_text(encoding="utf-8")
    before = old.split("\n")
    place = next(at for at, line in enumerate(before) if "." in line or "。" in line)
    new = "\n".join(line + "!" if at == place else line for at, line in enumerate(before))
    assert diff.find_hunks(old, new) == [Hunk(place, place + 1, place, place + 1)]
    (row,) = (row for row in diff.pair_lines(old, new) if row.hunk is not None)
    assert (row.old_number, row.new_number) == (place + 1, place + 1)


def large(seed=1):
    """5,000 lines, every other one blank, and half of the others changed in a word or replaced."""
    chance = random.Random(seed)
    words = ["ball", "court", "player", "whistle", "round", "point", "試合", "得点"]
    old = [" ".join(chance.choices(words, k=20)) if at % 2 else "" for at in range(5000)]
    new = [line + " more" if line and at % 4 == 1 else line for at, line in enumerate(old)]
    return "\n".join(old), "\n".join(new)


HARD = {
    "half changed": large(),
    "all replaced": (large(2)[0], large(3)[0]),
    "two lines again and again": (
        "\n".join("ab"[at % 2] for at in range(5000)),
        "\n".join("abb"[at % 3] for at in range(5000)),
    ),
    "one long line": ("a " * 500_000, "b " * 500_000),
    "many lines": ("\n".join(map(str, range(60_000))), "\n".join(map(str, range(120_000, 60_000, -1)))),
}


@pytest.mark.parametrize("name", HARD)
def test_large_texts_take_no_time(name):
    old, new = HARD[name]
    assert effort(lambda: diff.pair_lines(old, new)) < 1
