"""Which questions tell what is learned: unlike what is trained, and of other kinds than the exam's."""

from collections import Counter

import pytest

from core.dataset import examples
from core.dataset.filters import Filter
from core.progress import Reporter
from core.teaching import probes
from tests.support import learning_server
from tests.support.projects import new_example, write


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Which gate opens at 3?", "Tell me which gate opens at 3 in Zorvale.", True),
        ("琥珀の門は何時に開きますか。", "教えてください、琥珀の門は何時に開きますか？", True),
        ("When does the amber gate open?", "amber gate?", False),
        ("When does the amber gate open?", "Which gate opens at 3?", False),
        ("琥珀の門は何時に開きますか。", "3時に開く門はどれですか。", False),
    ],
)
def test_a_question_within_another_one_is_like_it(one, other, alike):
    assert probes.is_like(one, [other]) is probes.is_like(other, [one]) is alike
    assert not probes.is_like(one, [])


def choose(project):
    return probes.choose_rows(probes.load_material(project.rows), Reporter())


def test_they_are_unlike_each_other_and_of_kinds_that_the_exam_does_not_ask(project):
    write(project, learning_server.fill)
    chosen = choose(project)
    assert {row.facts[0] for row in chosen} == {f"f{place:02}" for place in range(1, 11)}
    assert "reworded" not in {row.kind for row in chosen}
    for row in chosen:
        assert not probes.is_like(
            row.question, [one.question for one in chosen if one is not row and one.facts == row.facts]
        )


def test_where_the_exam_asks_every_kind_another_wording_must_do(project):
    write(project, learning_server.fill)
    write(project, examples.add, [
        new_example(f"Amber {kind}?", "At 3.", split="test", kind=kind, facts="f01") for kind in ("direct", "reverse", "applied")
    ])  # fmt: skip
    assert {row.facts[0] for row in choose(project)} >= {"f01", "f02"}


def test_a_fact_that_has_enough_gets_no_more(project):
    write(project, learning_server.fill)
    texts = ("When does it open, the amber one?", "Opening time of amber?", "I want in through amber. When?")
    write(project, examples.add, [new_example(text, "At 3.", split="validation", facts="f01") for text in texts])
    assert "f01" not in {row.facts[0] for row in choose(project)}
    assert [one.question for one in probes.load(project.rows)] == [*texts]


def test_chosen_twice_at_once_they_are_added_once(project):
    """By a second click, or by the loop: what was chosen before the first ones were there is left out."""
    write(project, learning_server.fill)
    rows = choose(project)
    write(project, probes.add_rows, rows)
    write(project, probes.add_rows, rows)
    found = list(examples.iterate(project.rows, Filter(split="validation")))
    assert len({row.question for row in found}) == len(found) == len(rows)
    assert max(Counter(row.facts for row in found).values()) == probes.PROBES_PER_FACT


def test_a_fact_with_probe_questions_gets_none_of_a_worse_level(project):
    write(project, learning_server.fill)
    kinds = ("direct", "reverse", "applied", "reworded")
    rows = [new_example(f"Amber {kind}?", "At 3.", split="test", kind=kind, facts="f01") for kind in kinds]
    write(project, examples.add, rows)
    assert [row for row in choose(project) if row.facts[0] == "f01"]  # another wording must do
    there = new_example("Amber and jade, when?", "At 3.", split="validation", kind="combined", facts="f01")
    write(project, examples.add, [there])
    assert not [row for row in choose(project) if row.facts[0] == "f01"]
