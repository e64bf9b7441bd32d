"""Teachers of a self-distillation: rows with a fact get their passage and answer as they are sent, and nothing else changes."""

import asyncio
import json
from dataclasses import replace

import pytest

from core.dataset import examples
from core.engine.training import validate_rows
from core.errors import JukuError
from core.formats import jsonl
from core.progress import Reporter
from core.providers.server_presets import preset
from core.spec import facts
from core.spec.spec import Spec
from core.training import preflight, row_selection, submit, teacher_messages
from core.training.submit import TrainingPlan
from tests.support.projects import new_example, write
from tests.support.serving import run

PLAN = TrainingPlan("base-model", "own", {"distillation_weight": 0.5}, validation=True)
OWN = '{"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}], "teacher_messages": [{"role": "system", "content": "Mine."}]}'


@pytest.fixture
def kitchen(project):
    """A person's own rows: with a fact, with a quote, with a teacher, and everyday ones."""

    def fill(db):
        facts.save(db, Spec("Kitchen", "en", text='The "Arle" kitchen has six stations. Rosa keeps the key.\n'))
        facts.accept_missing(db)
        rows = [new_example(f"How many stations, {n}?", "Six.", facts="f01") for n in range(9)]
        rows += [new_example("Who has the key?", "Rosa.", facts="f02 f99", quote="Rosa keeps the key")]
        rows += [examples.read_row(OWN), new_example("Why is the sky blue?", "It scatters.", facts="f99")]
        rows += [new_example("How many stations are there?", "Six.", facts="f01", split="validation")]
        examples.add(db, [replace(row, tags="own") for row in rows])

    write(project, fill)
    return project


def send(server, project, plan):
    async def work(provider):
        (id,) = await submit.enqueue(project, "fake", [plan])
        await submit.send(project, provider, id)

    run(server, work, preset=preset("local"))
    asked = server.jobs["ftjob-1"]["asked"]
    return [
        [json.loads(line) for line in server.files[asked[name]].decode().splitlines()] if asked.get(name) else []
        for name in ("training_file", "validation_file")
    ]


def test_rows_with_a_fact_get_their_passage_and_answer_as_they_are_sent(server, kitchen, tmp_path):
    before = row_selection.load_rows(kitchen.rows, "own")
    trained, watched = send(server, kitchen, PLAN)
    told = [row.get("teacher_messages") for row in trained]
    assert all('The "Arle" kitchen has six stations.' in one[0]["content"] for one in told[:9])
    assert told[0][0]["role"] == "system" and told[0][0]["content"].rstrip().endswith("Six.")
    assert "Rosa keeps the key\n" in told[9][0]["content"], "the quote as it was queued"
    assert told[10] == [{"role": "system", "content": "Mine."}] and told[11] is None
    assert "teacher_messages" in watched[0]
    assert row_selection.load_rows(kitchen.rows, "own") == before, "the project's rows stay"
    assert [row["messages"] for row in trained] == [json.loads(row)["messages"] for row in before]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in trained), encoding="utf-8")
    assert validate_rows.validate_file(path, "training") == len(before), "the engine reads them"


def test_without_a_weight_no_row_gets_one(server, kitchen):
    trained, watched = send(server, kitchen, TrainingPlan("base-model", "own", {"distillation_weight": 0}))
    assert sum("teacher_messages" in row for row in trained) == 1 and not watched


def test_a_job_without_any_teacher_is_refused_before_it_starts(server, project):
    rows = [new_example(f"Why {n}?", "So.", tags="own") for n in range(12)]
    write(project, examples.add, rows)
    with pytest.raises(JukuError, match="No row has a teacher"):
        asyncio.run(submit.enqueue(project, "fake", [PLAN]))
    (found,) = examine(server, project)
    assert found.severity == "error" and "link the rows to facts" in found.message


def test_rows_without_a_teacher_are_told_before_the_start(server, kitchen):
    (found,) = examine(server, kitchen)
    assert (found.severity, found.message[:21]) == ("note", "1 of 12 row has no fa")


def examine(server, project):
    async def work(provider):
        async def connect():
            return provider

        report = await preflight.examine(project, "fake", preset("local"), connect, [PLAN], Reporter())
        return [one for one in report.objections if one.rule == preflight.NO_TEACHERS]

    return run(server, work, preset=preset("local"))


def test_a_row_for_another_method_and_one_that_cannot_be_read_stay_as_they_are(kitchen):
    odd = ['{"input": {"messages": []}}', "{", jsonl.new_row("", "A?", "B.")]
    for row in odd[:2]:
        assert teacher_messages.count_teachers([row]) == 0
    write(kitchen, examples.add, [examples.read_row(odd[0], tags="odd", facts="f01")])
    assert teacher_messages.load_rows(kitchen.rows, "odd") == odd[:1]
