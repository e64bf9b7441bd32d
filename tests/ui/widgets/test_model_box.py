"""Which base model is preset: one that speaks the language of the text, where one is ready; a chosen one stays."""

from dataclasses import replace

import pytest

from core.providers import LOCAL, ModelOffer, model_kinds
from core.spec import spec
from core.spec.spec import Spec
from tests.support.projects import write
from ui.generation.model_rows_choice import ModelRowsChoice
from ui.training.teaching_dialog import TeachingDialog
from ui.training.teaching_runner import TeachingRunner
from ui.widgets.model_box import ModelBox, choose_base

ENGLISH = ModelOffer("smol", "Smol", state="ready", languages="en")
BOTH = ModelOffer("gem", "Gem", state="available", languages="en ja")
TUNED = ModelOffer("ft:smol:local:a:1", "T", tuned=True, state="ready")
AWAY = replace(BOTH, state="missing")
JAPANESE = Spec(text="体育館は九時に開きます。")


@pytest.mark.parametrize(
    ("offers", "text", "current", "expected"),
    [
        ([TUNED, ENGLISH, BOTH], JAPANESE, "", "gem"),
        ([ENGLISH, BOTH], JAPANESE, "smol", "gem"),
        ([ENGLISH, BOTH], Spec(text="The hall opens at nine."), "", "smol"),
        ([ENGLISH, BOTH], Spec(), "", "smol"),
        ([ENGLISH, BOTH], Spec(language="ja"), "", "gem"),
        ([ENGLISH, BOTH], Spec(text="The hall opens at nine."), "gem", "gem"),
        ([ENGLISH, AWAY], JAPANESE, "", "smol"),  # nothing here speaks it: the form warns
        ([ENGLISH, AWAY], JAPANESE, "gem", "gem"),
        ([TUNED, ENGLISH, BOTH], JAPANESE, TUNED.id, TUNED.id),
        ([replace(ENGLISH, languages=""), BOTH], JAPANESE, "", "smol"),  # a server that tells no languages
        ([TUNED], JAPANESE, "", ""),
    ],
)
def test_a_preset_base_model_speaks_the_language_of_the_text(workspace, offers, text, current, expected):
    write(workspace.project, spec.store, text)
    assert choose_base(workspace, offers, current) == expected


@pytest.fixture
def japanese(workspace):
    """A Japanese page on a computer that has a model of English first and one of both."""
    write(workspace.project, spec.store, JAPANESE)
    workspace.settings.provider, workspace.offers = LOCAL, [ENGLISH, BOTH]
    return workspace


def test_the_preset_follows_the_text_and_a_chosen_model_stays(qtbot, workspace):
    write(workspace.project, spec.store, Spec())
    box = ModelBox(workspace, "training", model_kinds.TRAINED)
    qtbot.addWidget(box)
    box.show_offers(LOCAL, [ENGLISH, BOTH])
    assert box.model_id() == "smol"
    workspace.tasks.changed.emit(write(workspace.project, spec.store, JAPANESE))
    assert box.model_id() == "gem"
    box.choose("smol")
    workspace.tasks.changed.emit(write(workspace.project, spec.store, JAPANESE))
    assert box.model_id() == "smol"


def test_the_dialogs_begin_with_a_model_of_the_language_or_the_one_of_the_form(qtbot, japanese, monkeypatch):
    runner = TeachingRunner(japanese, japanese)

    def preset():
        teaching, rows = TeachingDialog(japanese, runner), ModelRowsChoice(japanese)
        for part in (teaching, rows):
            qtbot.addWidget(part)
        return teaching.model.model_id(), rows.base.model_id()

    assert preset() == ("gem", "gem")
    other = replace(BOTH, id="other", title="Other")
    japanese.offers = [ENGLISH, BOTH, other]
    monkeypatch.setattr(japanese, "choice", {f"training@{LOCAL}": "other"}.get)
    assert preset() == ("other", "other")
