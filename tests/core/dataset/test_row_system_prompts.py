"""Under which system prompt rows teach, and what is said where the project would ask under another one."""

import asyncio

import pytest

from core import settings
from core.cli import commands
from core.dataset import examples, row_system_prompts, versions
from core.dataset.filters import Filter
from core.errors import ProviderError
from core.progress import Reporter
from core.providers.server_presets import preset
from core.spec import facts, spec
from core.storage.project import Project
from core.training import jobs, lineage, preflight
from core.training.submit import TrainingPlan
from tests.support.fake_server import Answer
from tests.support.projects import new_example, write

EVERY = Filter(split="train", status="approved")


def rows(prompt, count, start=0, **fields):
    return [
        new_example(f"Question {start + n}, which is asked?", "Three.", system=prompt, **fields) for n in range(count)
    ]


@pytest.fixture
def game(project):
    write(project, facts.save, spec.Spec("Game", "en", "Answer briefly.", "A team has three players."))
    write(project, examples.add, rows("You know the game.", 20))
    return project


def test_most_rows_have_it(game):
    write(game, examples.add, rows("Answer briefly.", 5, 100))
    found = row_system_prompts.find_majority_prompt(game.rows, EVERY)
    assert (found.prompt, found.rows, found.of) == ("You know the game.", 20, 25)
    assert row_system_prompts.differs_from_project(game.rows, found)


def test_drafts_the_exam_and_other_tags_are_not_looked_at(game):
    write(game, examples.add, rows("Answer briefly.", 50, 100, split="test"))
    write(game, examples.add, rows("Answer briefly.", 50, 200, status="draft"))
    write(game, examples.add, rows("Answer briefly.", 9, 300, tags="study"))
    assert row_system_prompts.find_majority_prompt(game.rows, EVERY).prompt == "You know the game."
    assert row_system_prompts.find_majority_prompt(game.rows, Filter(tag="study")).prompt == "Answer briefly."
    assert row_system_prompts.find_majority_prompt(game.rows, Filter(tag="none")) is None


def test_prompts_of_all_kinds_are_no_usual_one(project):
    write(project, examples.add, [row for n in range(6) for row in rows(f"Be {n}.", 1, n)])
    assert row_system_prompts.find_majority_prompt(project.rows, EVERY) is None


def test_many_rows_are_looked_at_in_part(project):
    found = [row for n in range(4000) for row in rows("Odd." if n % 5 else "Fifth.", 1, n)]
    write(project, examples.add, found)
    usual = row_system_prompts.find_majority_prompt(project.rows, EVERY)
    assert usual.prompt == "Odd."
    assert 300 < usual.of < 700
    assert 0.7 < usual.rows / usual.of < 0.9


@pytest.mark.parametrize(("theirs", "ours"), [("You know the game.", ""), ("", "Answer briefly."), ("One.", "Other.")])
def test_using_it_ends_the_difference_and_can_be_undone(project, theirs, ours):
    write(project, facts.save, spec.Spec(system_prompt=ours, text="A team has three players."))
    write(project, examples.add, rows(theirs, 12))
    found = row_system_prompts.find_majority_prompt(project.rows, EVERY)
    assert row_system_prompts.differs_from_project(project.rows, found)
    assert "may seem untrained" in row_system_prompts.describe_difference(found, ours)
    write(project, row_system_prompts.use_prompt, found.prompt)
    assert not row_system_prompts.differs_from_project(project.rows, found)
    asyncio.run(project.undo())
    assert spec.load(project.rows).system_prompt == ours


def examine(project, *plans):
    async def connect():
        raise ProviderError("The engine is not here", "")  # the check goes on without an estimate

    return asyncio.run(preflight.examine(project, "local", preset("local"), connect, plans, Reporter()))


def test_it_is_said_before_a_training(game):
    told = [one for one in examine(game, TrainingPlan("m")).objections if one.prompt is not None]
    assert [(one.rule, one.severity, one.prompt) for one in told] == [
        ("prompt-not-asked", "warning", "You know the game.")
    ]
    assert "(100%)" in told[0].message
    assert told[0].words == "split:train status:approved rule:system-prompt-differs"
    # Two sets of rows with one prompt are told of once.
    write(game, examples.add, rows("You know the game.", 12, 300, tags="study"))
    assert (
        len([one for one in examine(game, TrainingPlan("m"), TrainingPlan("m", "study")).objections if one.prompt]) == 1
    )
    write(game, row_system_prompts.use_prompt, told[0].prompt)
    rules = {one.rule for one in examine(game, TrainingPlan("m")).objections}
    assert not rules & {"prompt-not-asked", "system-prompt-differs"}


def trained(project, model):
    """A job on the rows as they are, and its checkpoint."""

    def fill(db):
        id = jobs.insert(db, {
            "provider": "s", "token": "t", "model": "base", "rows": "", "row_count": 20, "settings": "{}",
            "status": "succeeded", "version": versions.save_current(db, "Kept"),
        })  # fmt: skip
        db.execute("UPDATE job SET fine_tuned_model = ? WHERE id = ?", (model, id))
        db.execute("INSERT INTO job_checkpoint VALUES (?, 'c', ?, 10, '{}', 0)", (id, f"{model}:ckpt-step-10"))

    write(project, fill)


def test_a_model_is_known_by_the_rows_it_was_trained_on(game):
    trained(game, "ft:base:o:g:1")
    write(game, lambda db: db.execute("DELETE FROM example") and None)
    write(game, examples.add, rows("Answer briefly.", 12, 500))
    for model in ("ft:base:o:g:1", "ft:base:o:g:1:ckpt-step-10"):
        assert lineage.load_training_prompt(game.rows, "s", model).prompt == "You know the game."
        assert lineage.find_differing_prompt(game.rows, [("s", model)]).prompt == "You know the game."
    assert lineage.load_training_prompt(game.rows, "other", "ft:base:o:g:1") is None
    assert lineage.find_differing_prompt(game.rows, [("s", "ft:unknown")]) is None  # the rows as they are now


@pytest.mark.parametrize("verb", ["exam", "ask"])
def test_the_command_line_says_it_and_can_use_the_rows_prompt(tmp_path, server, server_key, capsys, verb):
    project = Project(tmp_path / "x.juku")
    write(project, facts.save, spec.Spec(system_prompt="Answer briefly.", text="Text."))
    write(project, examples.add, rows("You know the game.", 12))
    write(project, examples.add, rows("", 1, 50, split="test", kind="reworded", key_points="Three"))
    project.close()
    server.script = lambda _asked: Answer(["Three."])
    settings.save(server.settings())
    asked = [verb, str(tmp_path / "x.juku"), *(["How many?"] if verb == "ask" else []), "--model", "m"]
    asked += ["--provider", "fake"]
    assert commands.run(asked) == 0
    assert "another system prompt" in capsys.readouterr().err
    assert server.asked[-1]["messages"][0]["content"] == "Answer briefly."
    assert commands.run([*asked, "--rows-prompt"]) == 0
    assert "another system prompt" not in capsys.readouterr().err
    assert server.asked[-1]["messages"][0]["content"] == "You know the game."


def test_a_project_without_a_prompt_is_offered_that_of_fewer_rows(project):
    """Six imported rows have one, eight that were made here none."""
    write(project, facts.save, spec.Spec(text="A team has three players."))
    write(project, examples.add, [*rows("You know the game.", 6), *rows("", 8, 100)])
    found = lineage.find_differing_prompt(project.rows, [])
    assert (found.prompt, found.rows, found.of) == ("You know the game.", 6, 14)
    assert row_system_prompts.describe_difference(found, "").startswith(
        "6 of 14 training rows have the system prompt “You know the game.”"
    )
    (told,) = [one for one in examine(project, TrainingPlan("m")).objections if one.prompt is not None]
    assert told.prompt == "You know the game." and "6 of 14" in told.message


def offered(project, *plans):
    """What the places offer that ask for a prompt: the spec's banner and the exam, the pre-flight."""
    found = lineage.find_differing_prompt(project.rows, [])
    told = [one for one in examine(project, *plans or [TrainingPlan("m")]).objections if one.rule == "prompt-not-asked"]
    return [found and found.prompt, *(one.prompt for one in told)]


@pytest.mark.parametrize(("ours", "taken"), [("", "You know the game."), ("You know the game.", "")])
def test_a_choice_between_two_prompts_is_not_turned_round(project, ours, taken):
    """Six rows have a prompt, eight have none: taking the one, the other was offered at once, and back again."""
    write(project, facts.save, spec.Spec(system_prompt=ours, text="A team has three players."))
    write(project, examples.add, [*rows("You know the game.", 6), *rows("", 8, 100)])
    assert offered(project) == [taken, taken]
    write(project, row_system_prompts.use_prompt, taken)
    assert offered(project) == [None]
    told = {one.rule: one for one in examine(project, TrainingPlan("m")).objections}
    assert told["system-prompt-differs"].message.endswith(
        f": {8 if taken else 6} rows"
    )  # which have a fix of their own
    asyncio.run(project.undo())
    assert offered(project) == [taken, taken]
    asyncio.run(project.redo())
    assert offered(project) == [None]


def test_a_prompt_that_was_only_typed_is_no_choice_between_them(project):
    write(project, examples.add, [*rows("You know the game.", 6), *rows("", 8, 100)])
    write(project, row_system_prompts.use_prompt, "You know the game.")
    write(project, facts.save, spec.Spec(system_prompt="Something else.", text="Text."))
    assert offered(project) == ["", ""]


def test_a_choice_that_hardly_any_row_bears_out_any_more_is_asked_about_again(project):
    write(project, examples.add, [*rows("You know the game.", 6), *rows("", 8, 100)])
    write(project, row_system_prompts.use_prompt, "You know the game.")
    write(project, examples.add, rows("Answer briefly.", 60, 200))
    assert offered(project) == ["Answer briefly.", "Answer briefly."]


def test_of_two_sets_of_rows_the_second_does_not_turn_round_what_suits_the_first(project):
    write(project, examples.add, [*rows("One.", 12, tags="one"), *rows("Two.", 12, 100, tags="two")])
    plans = [TrainingPlan("m", "one"), TrainingPlan("m", "two")]
    assert offered(project, *plans)[1:] == ["One.", "Two."]
    write(project, row_system_prompts.use_prompt, "One.")
    assert offered(project, *plans)[1:] == [None]  # told, and not offered
    assert offered(project, plans[1])[1:] == ["Two."]


def test_of_two_models_the_second_does_not_turn_round_what_suits_the_first(game):
    trained(game, "ft:one")
    write(game, lambda db: db.execute("DELETE FROM example") and None)
    write(game, examples.add, rows("Other.", 12, 500))
    trained(game, "ft:two")
    both = [("s", "ft:one"), ("s", "ft:two")]
    assert lineage.find_differing_prompt(game.rows, both).prompt == "You know the game."
    write(game, row_system_prompts.use_prompt, "You know the game.")
    found = lineage.find_differing_prompt(game.rows, both)
    assert (found.prompt, found.is_offered) == ("Other.", False)
    assert lineage.find_differing_prompt(game.rows, both[1:]).is_offered
    assert lineage.find_differing_prompt(game.rows, both[:1]) is None


def test_a_model_that_was_trained_on_both_does_not_turn_the_choice_round(project):
    write(project, examples.add, [*rows("You know the game.", 6), *rows("", 8, 100)])
    trained(project, "ft:mixed")
    write(project, row_system_prompts.use_prompt, "You know the game.")
    assert lineage.find_differing_prompt(project.rows, [("s", "ft:mixed")]) is None


def test_the_command_line_does_not_turn_it_round(tmp_path, server, server_key, capsys):
    project = Project(tmp_path / "x.juku")
    write(project, examples.add, [*rows("You know the game.", 6), *rows("", 8, 100)])
    project.close()
    settings.save(server.settings())
    for _time in range(3):
        asked = [
            "ask",
            str(tmp_path / "x.juku"),
            "How many?",
            "--model",
            "m",
            "--provider",
            "fake",
            "--rows-prompt",
        ]
        assert commands.run(asked) == 0
        assert server.asked[-1]["messages"][0]["content"] == "You know the game."


@pytest.mark.parametrize("others", [[("One.", 3), ("Two.", 3)], [("Odd.", 1)]])
def test_several_prompts_or_an_odd_one_are_not_offered(project, others):
    write(project, examples.add, [*rows("", 20), *(row for n, (prompt, count) in enumerate(others, 1)
                                                  for row in rows(prompt, count, 100 * n))])  # fmt: skip
    assert row_system_prompts.find_unused_prompt(project.rows, EVERY) is None
