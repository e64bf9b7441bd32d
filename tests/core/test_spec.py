"""The spec and its facts: saved, counted, edited, undone."""

import asyncio

from core import dataset, filters, spec
from core.spec import Spec


def write(project, change, *args):
    return asyncio.run(project.write("change", change, *args))


def test_a_new_project_has_an_empty_spec(project):
    assert spec.load(project.rows) == Spec()
    assert spec.facts(project.rows) == []


def test_each_save_is_one_step_of_undo(project):
    first, second = Spec("Name", "en", "Prompt", "# Text\n"), Spec("Name", "en", "Prompt", "# Other 𠮟\n")
    for text in (first, second):
        assert write(project, spec.save, text).counts == {"spec": 1}
    assert spec.load(project.rows) == second
    asyncio.run(project.undo())
    assert spec.load(project.rows) == first
    asyncio.run(project.redo())
    assert spec.load(project.rows) == second


def test_every_fact_of_the_sample_stands_on_its_text(sample):
    text = spec.load(sample.rows).text
    facts = spec.facts(sample.rows)
    assert len(facts) == 22
    assert all(fact.quote in text for fact in facts)


def test_rows_are_counted_per_fact(sample):
    counted = spec.facts(sample.rows)[0]
    rows = filters.find(sample.rows, dataset.Filter(fact=counted.name))
    test = filters.find(sample.rows, dataset.Filter(fact=counted.name, split="test"))
    assert counted.examined == len(test) > 0
    assert counted.trained == len(rows) - len(test) > 0


def test_a_new_fact_gets_the_next_free_name(project):
    for name in ("f01", "f03"):
        write(project, spec.add_fact, "A.", "A.", name)
    write(project, spec.add_fact, "B.", "B.")
    write(project, spec.add_fact, "C.", "C.")
    assert [fact.name for fact in spec.facts(project.rows)] == ["f01", "f03", "f02", "f04"]


def test_a_fact_is_edited_and_deleted_and_its_rows_stay(sample):
    fact = spec.facts(sample.rows)[0]
    rows = len(filters.find(sample.rows))
    write(sample, spec.edit_fact, fact.id, "Two teams play.")
    assert spec.facts(sample.rows)[0].text == "Two teams play."
    assert spec.facts(sample.rows)[0].quote == fact.quote
    write(sample, spec.delete_fact, fact.id)
    assert fact.id not in [other.id for other in spec.facts(sample.rows)]
    assert len(filters.find(sample.rows)) == rows
    asyncio.run(sample.undo())
    assert spec.facts(sample.rows)[0].text == "Two teams play."
