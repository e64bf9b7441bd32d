import pytest

from core.dataset.versions import Version
from core.providers.server_presets import preset
from core.training.submit import TrainingPlan
from ui.training.sweep_dialog import SweepDialog

KEPT = [Version(7, "Before the meeting", 0.0, 120)]


@pytest.fixture
def dialog(qtbot):
    plan = TrainingPlan("base", "study", {"n_epochs": 3}, seed=1, suffix="mine")
    dialog = SweepDialog(plan, preset("openai").ranges("supervised"), ["", "plain", "study"], KEPT)
    qtbot.addWidget(dialog)
    return dialog


def tick(choices, *rows):
    from PySide6.QtCore import Qt

    for row in range(choices.count()):
        choices.item(row).setCheckState(Qt.CheckState.Checked if row in rows else Qt.CheckState.Unchecked)


def test_it_begins_with_the_one_job_of_the_form(dialog):
    assert dialog.plans() == [TrainingPlan("base", "study", {"n_epochs": 3}, seed=1, suffix="mine")]
    assert dialog.count.text() == "1 job"


def test_each_combination_becomes_a_job(dialog):
    dialog.hyper.fields["n_epochs"].setText("2, 4, 4")
    dialog.hyper.fields["learning_rate_multiplier"].setText("0.5、1")
    dialog.hyper.fields["seed"].setText("")
    tick(dialog.tags, 1, 2)
    tick(dialog.versions, 0, 1)
    plans = dialog.plans()
    assert dialog.start.text() == "Check and queue 16 jobs…"
    assert len(plans) == len({str(plan) for plan in plans}) == 16
    assert {plan.hyperparameters["n_epochs"] for plan in plans} == {2, 4}
    assert {(plan.rows, plan.suffix, plan.version, plan.seed) for plan in plans} == {
        ("plain", "plain", None, None), ("plain", "plain", 7, None), ("study", "mine", None, None), ("study", "mine", 7, None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2, x", "Epochs cannot be x: 1 – 50"),
        ("99", "Epochs cannot be 99: 1 – 50"),
        ("1.5", "Epochs cannot be 1.5: 1 – 50"),
    ],
)
def test_a_wrong_value_is_said_before_anything_is_queued(dialog, text, said):
    dialog.hyper.fields["n_epochs"].setText(text)
    assert dialog.note.text() == said
    assert not dialog.start.isEnabled()


def test_too_many_and_none_are_refused(dialog):
    dialog.hyper.fields["seed"].setText(", ".join(map(str, range(201))))
    assert dialog.note.text().startswith("That makes 201 jobs")
    dialog.hyper.fields["seed"].setText("")
    tick(dialog.tags)
    assert dialog.note.text() == "Choose rows and a version of them."
    assert not dialog.start.isEnabled()


def test_the_plans_and_their_name_are_handed_over(dialog, qtbot):
    dialog.name.setText("Rates")
    with qtbot.waitSignal(dialog.wanted) as told:
        dialog.start.click()
    assert told.args == [dialog.plans(), "Rates"]
