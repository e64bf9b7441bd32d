"""Examples, knowledge, verdicts and facts asked of a chat model over real HTTP: started, stopped, gone on with."""

import json
import threading
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QLabel

from core.dataset import examples
from core.dataset.filters import Filter
from core.exam import fact_coverage
from core.generation import everyday_rows, llm_runs, run_recovery
from core.generation.llm_run_tasks import TASKS
from core.providers import ModelOffer, Reply, prices
from core.providers.prices import PriceEntry
from core.spec import facts, spec
from tests.support.pages.controls import choose_at
from tests.support.pages.dialogs import is_settled
from tests.support.pages.llm_run import MODEL, LlmRunPage
from tests.support.projects import new_example, write
from tests.support.until import until
from ui.dataset.fact_link_dialog import FactLinkModelDialog
from ui.generation import llm_run_dialog, model_rows_choice
from ui.generation.generation_dialog import GenerationDialog, load_plan
from ui.generation.model_task_dialogs import JudgeDialog, ProbeDialog, RefineDialog
from ui.generation.raw_replies_dialog import RawRepliesDialog
from ui.generation.remake_dialog import RemakeDialog
from ui.widgets.message_bar import Notice


@pytest.fixture(autouse=True)
def at_once(monkeypatch, one_request_at_a_time):
    monkeypatch.setattr(llm_run_dialog, "RELOAD_DELAY_MS", 0)


@pytest.fixture
def server(server):
    server.models |= {"ft:base-model:local:study:abc123": 100}
    return server


@pytest.fixture
def scene(run, sample, server):
    return LlmRunPage(run, sample, server)


@pytest.fixture
def bare(scene, run):
    """The sample without any rows: every fact lacks all of them."""
    run(scene.project.write("", lambda db: db.execute("DELETE FROM example").rowcount))
    return scene


def pairs(*questions):
    made = [
        {"kind": "direct", "question": one, "answer": "A team has three players.", "quote": ""} for one in questions
    ]
    return json.dumps({"examples": made})


def replied(text):
    return Reply([text], MODEL, "", 0.1, 5)


def three(workspace):
    return GenerationDialog(workspace, set(names(workspace)[:3]))


def names(workspace):
    return [fact.name for fact in facts.load(workspace.project.rows)]


def test_what_lacks_is_shown_and_follows_the_chosen_kinds(bare):
    async def go(scene):
        dialog = scene.dialog
        assert dialog.heading.text() == "3 of 3 chosen facts lack rows of some kind"
        assert dialog.online.isChecked()
        assert dialog.model.model_id() == MODEL  # and not the tuned one, which is offered too
        assert dialog.model.box.count() == 2
        assert dialog.counts["reworded"].text() == "12 missing"
        assert dialog.primary.text() == "Generate 30 rows"  # nine of each fact, and one for the exam
        assert "3 requests" in dialog.estimate.text()
        assert "sent to Fake" in dialog.estimate.text()
        for kind, box in dialog.kinds.items():
            box.setChecked(kind == "reverse")
        await until(lambda: dialog.primary.text() == "Generate 3 rows")
        dialog.kinds["reverse"].setChecked(False)
        await until(lambda: not dialog.primary.isEnabled() and is_settled(dialog))
        await scene.settle()
        assert not dialog.primary.isEnabled()

    bare.play(three, go)


def test_facts_of_a_heading_are_asked_together_where_that_is_chosen_and_its_cost_is_told_before(bare):
    async def go(scene):
        dialog = scene.dialog
        dialog.scope.all.click()
        await until(lambda: dialog.estimate.text().startswith("22 requests "))
        _first, otherwise, _after = dialog.estimate.text().split("\n")
        assert otherwise.startswith("By heading: ")
        count = int(otherwise.split()[2])
        assert 1 < count < 22
        dialog.by_heading.click()
        await until(lambda: dialog.estimate.text().startswith(f"{count} requests "))
        assert dialog.estimate.text().split("\n")[1].startswith("Fact by fact: 22 requests ")
        several = [names for names in map(list_facts, dialog.plan.requests) if len(names) > 1]
        written = [json.loads(pairs(f"What about {name}?"))["examples"][0] | {"fact": name} for name in several[0]]
        for _number in range(count + 22):
            scene.server.answer(MODEL, json.dumps({"examples": written}))
        dialog.primary.click()
        await scene.finish()
        rows = {(row.question, row.facts) for row in scene.drafts()}
        assert {(f"What about {name}?", name) for name in several[0]} <= rows
        dialog.offline.click()
        assert not dialog.by_heading.isEnabled()

    bare.play(three, go)


def list_facts(asked):
    return [one.fact.name for one in asked] if isinstance(asked, tuple) else [asked.fact.name]


def test_a_model_makes_drafts_in_one_step(bare):
    async def go(scene):
        scene.answers(
            pairs("How many play?", "How big is a team?"), pairs("What is Hobannu?"), pairs("Who invented it?")
        )
        scene.dialog.primary.click()
        assert not scene.dialog.primary.isEnabled()
        await scene.finish()
        assert "4 rows were added as drafts." in scene.told[0]
        assert scene.dialog.note.text() == scene.told[0]
        assert scene.dialog.drafts.isVisible()
        assert {row.source for row in scene.drafts()} == {MODEL}, "what wrote them"
        assert len(scene.server.asked) == 3
        assert not scene.dialog.older.isVisible()
        assert scene.project.undo_label == TASKS["examples"].label()
        wanted = []
        scene.dialog.drafts_wanted.connect(lambda: wanted.append(1))
        scene.dialog.drafts.click()
        assert wanted and not scene.dialog.isVisible(), "it would cover the drafts"
        await scene.project.undo()
        assert not scene.drafts()

    bare.play(three, go)


def test_a_run_that_is_cancelled_keeps_what_arrived_and_goes_on_without_asking_twice(bare):
    async def go(scene):
        hold = threading.Event()
        scene.answers(pairs("How many play?"))
        scene.server.answer(MODEL, pairs("What is lost?"), hold=hold)
        scene.dialog.primary.click()
        await until(lambda: len(scene.server.asked) == 2)
        assert scene.dialog.line.isVisible()
        assert scene.dialog.line.count.text() == "1 of 3"
        scene.dialog.line.cancel.click()
        await scene.finish()
        hold.set()
        assert scene.told == ["Stopped. 1 row was added as a draft."]
        await until(scene.dialog.older.isVisible)
        assert "1 of 3 answers have arrived" in scene.dialog.older.text.text()
        assert not scene.dialog.older.take.isVisible()
        scene.told.clear()
        scene.answers(pairs("What is Hobannu?"), pairs("Who invented it?"))
        scene.dialog.older.go_on.click()
        await scene.finish()
        assert "2 rows" in scene.told[0]
        assert len(scene.server.asked) == 4
        # Before the fact stand its neighbours' questions, one of which has come meanwhile.
        asked = [json.dumps(one["messages"]).partition("<fact>")[2] for one in scene.server.asked]
        assert asked[1] == asked[2]
        assert len(set(asked)) == 3
        assert not scene.dialog.older.isVisible()

    bare.play(three, go)


async def leave_unfinished(project, answered, names):
    """What a crash leaves: an LLM run that is running in the file, and some answers."""
    wished = [{"fact": name, "counts": {"direct": 1}} for name in names]
    made = []
    await project.write("", lambda db: made.append(llm_runs.begin(db, "examples", "fake", MODEL, wished)))
    waiting = await project.read(llm_runs.load_requests, made[0], "waiting")
    for number, request in enumerate(waiting[:answered]):
        await project.write(
            "", llm_runs._store_reply, str(request.id), replied(pairs(f"Question {number} of a crash?"))
        )


@pytest.mark.parametrize("act", ["go_on", "take", "give_up"])
def test_after_a_crash_the_answers_are_there(bare, act):
    async def go(scene):
        dialog = scene.dialog
        await leave_unfinished(scene.project, 2, names(scene.workspace)[:3])
        dialog.read()
        await until(dialog.older.isVisible)
        assert "2 of 3 answers have arrived" in dialog.older.text.text()
        scene.answers(pairs("The third?"))
        getattr(dialog.older, act).click()
        if act != "give_up":
            await scene.finish()
        await until(lambda: not run_recovery.load_unfinished(scene.project.rows))
        assert len(scene.drafts()) == {"go_on": 3, "take": 2, "give_up": 0}[act]
        assert len(scene.server.asked) == (act == "go_on")
        await until(lambda: not dialog.older.isVisible())

    bare.play(three, go)


def test_what_was_not_answered_can_be_asked_again(bare):
    async def go(scene):
        scene.answers(pairs("How many play?"))
        for _with_schema_and_without in range(2):
            scene.server.answer(MODEL, "", error=(400, "That is too long."))
        scene.answers(pairs("Who invented it?"))
        scene.dialog.primary.click()
        await scene.finish()
        assert "2 rows were added" in scene.told[0]
        assert "1 question was not answered." in scene.told[0]
        assert "too long" in scene.told[0]
        await until(scene.dialog.older.isVisible)
        assert scene.dialog.older.go_on.text() == "Run again"
        scene.told.clear()
        scene.answers(pairs("What is Hobannu?"))
        scene.dialog.older.go_on.click()
        await scene.finish()
        assert "1 row was added" in scene.told[0]
        assert len(scene.server.asked) == 5

    bare.play(three, go)


def test_a_server_that_refuses_everything_is_told_everywhere(bare):
    async def go(scene):
        failed = []
        scene.workspace.tasks.failed.connect(failed.append)
        for _ in range(6):
            scene.server.answer(MODEL, "", error=(403, "Not allowed."))
        scene.dialog.primary.click()
        await scene.finish()
        assert failed
        assert failed[0].title in scene.dialog.note.text()
        assert not scene.dialog.drafts.isVisible()
        await until(scene.dialog.older.isVisible)
        assert scene.dialog.primary.isEnabled()

    bare.play(three, go)


def test_closed_in_the_middle_it_goes_on_and_another_dialog_sees_it(bare):
    async def go(scene):
        hold = threading.Event()
        scene.server.answer(MODEL, pairs("How many play?"), hold=hold)
        scene.answers(pairs("What is Hobannu?"), pairs("Who invented it?"))
        scene.dialog.primary.click()
        await until(lambda: scene.server.asked)
        first = scene.dialog
        first.close()
        assert not first.isVisible()
        await scene.show(three)
        assert scene.dialog.line.isVisible()
        assert not scene.dialog.older.isVisible()
        assert not scene.dialog.primary.isEnabled()
        hold.set()
        await scene.finish()
        assert len(scene.told) == 1  # the dialog that began it tells, though it is closed
        assert "3 rows" in scene.dialog.note.text()

    bare.play(three, go)


def test_without_a_model_what_will_come_is_told_and_added_in_one_step(bare):
    async def go(scene):
        dialog = scene.dialog
        assert not dialog.kinds["combined"].isEnabled()
        assert dialog.counts["false_premise"].text() == "only without a model"
        assert not dialog.amount.isEnabled()
        dialog.offline.click()
        assert not dialog.primary.isEnabled(), "not before it is known what comes"
        await scene.settle()
        assert dialog.kinds["combined"].isEnabled()
        assert dialog.counts["exam"].text() == "6 rows", "one for each fact, and one of each other kind"
        planned = dialog.plan.page.counts.total()
        assert planned > 30
        assert dialog.primary.text() == f"Generate {planned} rows"
        assert f"{planned} rows of 3 facts." in dialog.estimate.text()
        dialog.primary.click()
        await scene.finish()
        assert f"{planned} rows were added as drafts. 6 are kept for the exam." in scene.told[0]
        assert len(scene.drafts()) == planned
        assert {row.source for row in scene.drafts()} == {"offline"}
        assert {row.facts.split()[0] for row in scene.drafts()} == set(names(scene.workspace)[:3])
        assert not scene.server.asked
        wanted = []
        dialog.approval_wanted.connect(lambda: wanted.append(1))
        dialog.approve.click()
        assert wanted and not dialog.isVisible()
        await scene.project.undo()
        assert not scene.drafts()

    bare.play(three, go)


def test_rows_beyond_what_facts_lack_are_told_where_nothing_lacks(bare):
    async def go(scene):
        dialog = scene.dialog
        dialog.offline.click()
        dialog.per_fact.setValue(1)
        for kind, box in dialog.kinds.items():
            box.setChecked(kind == "statement")
        await scene.settle()
        assert dialog.primary.text() == "Generate 3 rows"
        dialog.primary.click()
        await scene.finish()
        await until(lambda: "can be made: tick “Also for facts that have enough" in dialog.estimate.text())
        assert not dialog.primary.isEnabled()
        dialog.more.setChecked(True)
        await scene.settle()
        assert dialog.primary.isEnabled()

    bare.play(three, go)


def test_fewer_rows_of_each_fact_and_fewer_kinds_can_be_chosen(bare):
    async def go(scene):
        dialog = scene.dialog
        dialog.offline.click()
        dialog.per_fact.setValue(4)
        await scene.settle()
        assert dialog.primary.text() == "Generate 12 rows"
        for kind, box in dialog.kinds.items():
            box.setChecked(kind == "statement")
        await scene.settle()
        assert set(dialog.plan.page.counts) == {"statement"}
        assert dialog.counts["direct"].text() == "none"
        dialog.kinds["statement"].setChecked(False)
        await scene.settle()
        assert (dialog.primary.isEnabled(), dialog.disabled_reason()) == (False, "Choose a kind of question.")

    bare.play(three, go)


def test_facts_that_have_enough_get_other_questions_when_more_is_wanted(bare):
    """What the exam's button opens: the plan of a fact that was not learned is often full."""
    pytest.importorskip("spacy", reason="without the extra `teach` the first round leaves the plan open")

    async def go(scene):
        dialog = scene.dialog
        dialog.offline.click()
        await scene.settle()
        dialog.primary.click()
        await scene.finish()
        first = {row.question for row in scene.drafts()}
        assert not dialog.primary.isEnabled()
        assert dialog.disabled_reason() == "Nothing that these facts lack can be made without a model."
        dialog.more.click()
        await scene.settle()
        assert dialog.heading.text() == "3 facts get more rows"
        scene.told.clear()
        dialog.primary.click()
        await scene.finish()
        assert len({row.question for row in scene.drafts()} - first) == len(scene.drafts()) - len(first) > 10
        dialog.online.click()
        await until(lambda: dialog.primary.text() == "Generate 27 rows")  # a whole plan; the exam has its wordings

    bare.play(three, go)


def test_the_smallest_models_are_not_what_one_begins_with(bare):
    async def go(scene):
        dialog = scene.dialog
        scene.workspace.settings.provider = "local"
        scene.workspace.offers = [
            ModelOffer("ft:small:local:study:abc", "ft", tuned=True),
            ModelOffer("small", "Small 135M", state="available", bytes=98_000_000),
            ModelOffer("far", "Far 1B", state="missing", bytes=2_500_000_000),
        ]
        scene.workspace.offers_changed.emit()
        assert dialog.offline.isChecked()
        assert "Small 135M is a small model" in dialog.model.note.text()
        dialog.online.click()
        scene.workspace.offers_changed.emit()
        assert dialog.online.isChecked()  # the person's choice stays
        choose_at(dialog.model.box, 2)
        assert "not on this computer yet" in dialog.model.note.text()
        assert "not on this computer yet" in dialog.disabled_reason()
        scene.workspace.offers = []
        scene.workspace.offers_changed.emit()
        assert "offers no model yet" in dialog.model.note.text()

    bare.play(three, go)


def test_without_facts_it_says_what_to_do(bare, run):
    run(bare.project.write("", lambda db: db.execute("DELETE FROM fact").rowcount))

    async def go(scene):
        assert scene.dialog.pages.currentIndex() == 1
        assert not scene.dialog.primary.isEnabled()

    bare.play(GenerationDialog, go)


def test_many_facts_are_estimated_from_some(bare, run):
    def fill(db):
        for number in range(150):
            facts.add(db, f"Fact {number} says that there are {number} of them.", "")

    run(bare.project.write("", fill))
    found = load_plan(bare.project.rows, None, fact_coverage.KINDS)
    part = load_plan(bare.project.rows, {f"f{number}" for number in range(100, 150)}, fact_coverage.KINDS)
    assert found.estimate.requests == found.facts == len(facts.load(bare.project.rows))
    assert abs(found.estimate.sent / found.facts - part.estimate.sent / part.facts) < 20


@pytest.mark.parametrize(
    "make",
    [
        ProbeDialog,
        lambda workspace: JudgeDialog(workspace, [1, 2, 3]),
        RefineDialog,
        RemakeDialog,
        lambda workspace: FactLinkModelDialog(workspace, [1, 2, 3]),
        lambda workspace: GenerationDialog(workspace, {"f02"}),
    ],
    ids=["probe", "judge", "refine", "remake", "link", "generate"],
)
def test_the_price_is_told_before_anything_is_sent(scene, make):
    text = "# Game\n\nA team has three players. A match lasts an hour. A ball is red.\n"
    write(scene.project, lambda db: facts.save(db, replace(spec.load(db), text=f"{spec.load(db).text}\n{text}")))
    write(scene.project, lambda db: db.execute("UPDATE example SET problems = 'fact-stale' WHERE id < 9") and None)
    scene.server.models["gpt-4.1"] = 1

    async def go(scene):
        dialog = scene.dialog
        assert dialog.model.model_id() == MODEL and dialog.estimate.text().split("\n")[0].endswith("price unknown")
        prices.save_own([PriceEntry(prices.CHAT, MODEL, {"sent": 1000.0, "received": 0.0})])
        dialog.model.changed.emit()
        await until(lambda: "about $" in dialog.estimate.text())
        sent = dialog.estimate.text()
        prices.save_own([PriceEntry(prices.CHAT, MODEL, {"sent": 1000.0, "received": 100_000.0})])
        dialog.model.changed.emit()
        await until(lambda: "about $" in dialog.estimate.text() and dialog.estimate.text() != sent)
        assert not scene.server.asked

    scene.play(make, go)


def test_a_base_model_is_asked_what_it_knows(scene):
    async def go(scene):
        assert "questions for" in scene.dialog.count.text()
        scene.dialog.primary.click()
        await scene.finish()
        assert "facts were tested" in scene.told[0]
        assert scene.server.asked[0]["n"] == 5
        assert any(fact.known for fact in facts.load(scene.project.rows))

    scene.play(ProbeDialog, go)


def test_what_the_base_knows_is_asked_of_no_tuned_model(scene):
    """The one that was asked last was tuned, and its answers filled the column *Base*."""
    tuned = "ft:base-model:local:study:abc123"

    async def go(scene):
        await scene.project.write("", llm_runs.begin, "probe", "fake", tuned, [])
        scene.dialog.read()
        await until(lambda: scene.dialog.model.last_model == tuned)
        assert scene.dialog.model.model_id() == MODEL
        assert tuned not in [offer.id for offer in scene.dialog.model.box.offers()]

    scene.play(ProbeDialog, go)


def test_a_model_judges_the_chosen_rows(scene):
    ids = [id for id, names in scene.project.rows.execute("SELECT id, facts FROM example") if names][:2]

    async def go(scene):
        scene.answers('{"verdict": "contradicts", "reason": "Three, not four."}', '{"verdict": "supported"}')
        assert scene.dialog.primary.text() == "Judge 2 rows"
        scene.dialog.primary.click()
        await scene.finish()
        rows = examples.fetch(scene.project.rows, ids)
        assert ["judge-contradicts" in rows[id].problems for id in ids] == [True, False]

    scene.play(lambda workspace: JudgeDialog(workspace, ids), go)


def test_without_drafts_there_is_nothing_to_judge(bare):
    async def go(scene):
        assert scene.dialog.pages.currentIndex() == 1
        assert not scene.dialog.primary.isEnabled()

    bare.play(JudgeDialog, go)


def test_statements_become_facts(bare, run):
    text = "# Game\n\nA team has three players, and it wins with nine points."
    run(
        bare.project.write(
            "", lambda db: (db.execute("DELETE FROM fact"), spec.store(db, spec.Spec("Game", text=text)))
        )
    )

    async def go(scene):
        scene.answers('{"statements": ["A team has three players.", "A team wins with nine points."]}')
        assert scene.dialog.count.text() == "1 sentence is not a fact yet"
        scene.dialog.primary.click()
        await scene.finish()
        assert [fact.text for fact in facts.load(scene.project.rows)] == [
            "A team has three players.",
            "A team wins with nine points.",
        ]
        await until(lambda: scene.dialog.pages.currentIndex() == 1)

    bare.play(RefineDialog, go)


def test_the_model_that_was_asked_last_comes_first(bare):
    """Waits until it is the chosen one, before the base model."""

    async def go(scene):
        tuned = "ft:base-model:local:study:abc123"
        await scene.project.write("", llm_runs.begin, "examples", "fake", tuned, [])
        scene.dialog.read()
        await until(lambda: scene.dialog.model.model_id() == tuned)

    bare.play(three, go)


def judged(body):
    content = '{"verdict": "supported"}'
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return {"id": "c", "model": MODEL, "choices": [choice], "usage": {"completion_tokens": 3}}


def test_a_batch_is_waited_for_again_by_the_next_window(scene):
    ids = [id for id, names in scene.project.rows.execute("SELECT id, facts FROM example") if names][:2]

    def make(workspace):
        workspace.settings.providers[0].capabilities = {"batch": True}
        return JudgeDialog(workspace, ids)

    async def go(scene):
        (await scene.workspace.provider("fake")).poll_seconds = 0.01
        dialog = scene.dialog
        assert dialog.model.batch.isVisible()
        (name,) = [one for one in dialog.findChildren(QLabel) if one.isVisible() and one.buddy() is dialog.model.box]
        middles = [part.mapTo(dialog, part.rect().center()).y() for part in (name, dialog.model.box)]
        assert abs(middles[0] - middles[1]) <= 2, "the title stands in line with its list"
        dialog.model.batch.setChecked(True)
        dialog.primary.click()
        await until(lambda: run_recovery.load_sent_batches(scene.project.rows) and scene.server.batches)
        assert "cannot be paused" in dialog.note.text() and "cannot be paused" in dialog.line.pause.toolTip()
        assert dialog.line.pause.isVisible() and not dialog.line.pause.isEnabled()
        places = [part.mapTo(dialog, part.rect().topLeft()) for part in (dialog.count, dialog.model)]
        assert dialog.line.cancel.text() == "Stop waiting"
        dialog.line.cancel.click()
        await until(lambda: scene.runner.progress("judge") is None)
        await until(lambda: dialog.older.isVisible())
        assert "are on the server as a batch" in dialog.older.text.text()
        assert [part.mapTo(dialog, part.rect().topLeft()) for part in (dialog.count, dialog.model)] == places
        assert "The batch continues on the server" in dialog.note.text()
        scene.runner.follow()  # what the next window does when it opens the project
        await until(lambda: scene.runner.progress("judge") is not None)
        scene.server.finish_batch("batch_1", judged)
        await until(lambda: not run_recovery.load_unfinished(scene.project.rows))
        assert len(scene.server.batches) == 1 and not scene.server.asked

    scene.play(make, go)


def test_giving_up_ends_the_batch_at_the_server(scene):
    """Waits until the server's batch is cancelled."""

    def make(workspace):
        workspace.settings.providers[0].capabilities = {"batch": True}
        return JudgeDialog(workspace, [1, 2, 3])

    async def go(scene):
        scene.dialog.model.batch.setChecked(True)
        scene.dialog.primary.click()
        await until(lambda: scene.server.batches)
        scene.runner.cancel("judge")
        await until(lambda: scene.dialog.older.isVisible())
        scene.dialog.older.give_up.click()
        await until(lambda: scene.server.batches["batch_1"]["status"] == "cancelled")

    scene.play(make, go)


def test_a_run_that_yields_nothing_says_why_and_shows_what_was_written(bare):
    async def go(scene):
        dialog = scene.dialog
        scene.answers("I'm sorry, I cannot do <b>that</b>.", "No.", "Hm.")
        llm_run_dialog.show_run_outcome(dialog, dialog)
        dialog.primary.click()
        await scene.finish()
        said = dialog.note.text().splitlines()
        assert said[0] == "0 rows were added as drafts. 3 pieces could not be read."
        assert "The model declined and wrote no questions and answers." in said
        assert said[-1].endswith("or do without a model.")
        assert dialog.last.meaning == "warning"
        assert not dialog.drafts.isVisible()
        assert not dialog.findChildren(Notice)  # it is said in the dialog, not in passing
        dialog.replies_button.click()
        await until(lambda: dialog.findChildren(RawRepliesDialog))
        (shown,) = dialog.findChildren(RawRepliesDialog)
        assert "I'm sorry, I cannot do <b>that</b>." in shown.text.toPlainText()
        shown.close()

    bare.play(three, go)


def test_one_chosen_fact_means_that_one(bare):
    async def go(scene):
        dialog = scene.dialog
        assert dialog.heading.text() == "1 of 1 chosen fact lacks rows of some kind"
        assert dialog.estimate.text().startswith("1 request ")
        dialog.scope.all.click()
        await until(lambda: dialog.heading.text() == "22 of 22 facts lack rows of some kind")
        assert dialog.estimate.text().startswith("22 requests ")
        dialog.scope.these.click()
        await until(lambda: dialog.estimate.text().startswith("1 request "))
        scene.answers(pairs("Who plays?", "How many are in a team?"))
        dialog.primary.click()
        await scene.finish()
        assert len(scene.server.asked) == 1

    bare.play(lambda workspace: GenerationDialog(workspace, {"f02"}), go)


def test_a_small_model_adds_everyday_rows_and_says_what_it_lacks(bare, monkeypatch):
    monkeypatch.setattr(model_rows_choice, "SERVER", "fake")

    async def go(scene):
        dialog = scene.dialog
        dialog.offline.click()
        rows = dialog.model_rows
        assert rows.isEnabled() and rows.everyday.isChecked()
        assert rows.base.isVisible() and rows.base.model_id() == MODEL  # the tuned one is none to train from
        await until(lambda: is_settled(dialog) and dialog.primary.isEnabled())
        dialog.primary.click()
        await scene.finish()
        assert dialog.drafts.isVisible() and "Everyday questions: 60 rows" in scene.told[0]
        found = [*examples.iterate(scene.project.rows, Filter(tag=everyday_rows.TAG))]
        assert {(row.status, row.answer) for row in found} == {("draft", f"{MODEL} answers.")}
        assert len(found) == everyday_rows.ROWS
        assert {row.kind for row in scene.drafts()} > {"general", "reworded"}

    bare.play(three, go)


def test_everyday_rows_are_offered_once_where_a_model_can_answer_them(bare, monkeypatch):
    """A page taught without them makes a small model forget nearly everything else."""
    monkeypatch.setattr(model_rows_choice, "SERVER", "fake")

    async def go(scene):
        await until(lambda: scene.workspace.known_offers("fake"))
        assert model_rows_choice.ModelRowsChoice(scene.workspace).everyday.isChecked()
        offers = scene.workspace.known_offers
        with monkeypatch.context() as one:
            foreign = [replace(offer, languages="fr") for offer in offers("fake")]
            one.setattr(scene.workspace, "known_offers", lambda _id: foreign)
            assert not model_rows_choice.ModelRowsChoice(scene.workspace).everyday.isChecked()
        await scene.project.write(
            "", examples.add, [new_example("Why is the sky blue?", "It is.", tags=everyday_rows.TAG)]
        )
        assert not model_rows_choice.ModelRowsChoice(scene.workspace).everyday.isChecked()

    bare.play(three, go)
