"""The hyperparameter fields: an empty one lets the server choose; for several jobs each takes a list of values."""

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QWidget

from core.language import tr
from core.providers.server_presets import NumberRange, format_value
from ui import style
from ui.widgets import basics
from ui.widgets.drop_down import DropDown

FIELD_COLUMNS = 4
EARLY_STOPPING, BEST_METRIC = "early_stopping_patience", "metric_for_best_model"
AVERAGE, REPLACEMENT, KL = "average_checkpoints", "token_replacement", "kl_coefficient"
DISTILLATION, ON_POLICY = "distillation_weight", "on_policy_share"
ADAPTER_PARAMETERS = ("lora_rank", "lora_alpha", "lora_target_modules", "lora_num_layers")
Value = int | float | str | bool


class ChoiceField(DropDown):
    """A field whose values are chosen by name. Its text is a value as it is written in a request, '' for the default."""

    def __init__(self, allowed: NumberRange) -> None:
        super().__init__()
        self.addItem(tr("Auto"), "")
        for value in allowed.values:
            self.addItem(value_title(value), format_value(value))

    def text(self) -> str:
        """The chosen value."""
        return str(self.currentData() or "")

    def setText(self, text: str) -> None:
        """Choose a value; the default where it is none of them."""
        self.setCurrentIndex(max(0, self.findData(text)))

    def setReadOnly(self, readonly: bool) -> None:
        """Whether it shows its value only."""
        self.setEnabled(not readonly)


class HyperparameterFields(QObject):
    """One field for each hyperparameter of a method, each under its title in a grid that may hold other fields before them.

    With `several` a field takes values separated by commas.
    """

    changed = Signal()
    entered = Signal()  # a value, wholly: the field was left, or Enter pressed

    def __init__(
        self, grid: QGridLayout, several: bool = False, place: int = 0, width: int = 0, after: QWidget | None = None
    ) -> None:
        """The first is at `place` of the grid; in the tab order it comes `after` another field.

        They are `width` pixels wide; 0 is as wide as the grid's columns are.
        """
        super().__init__()
        self._grid, self._several, self._place, self._width, self._after = grid, several, place, width, after
        self._ranges: dict[str, NumberRange] = {}
        self._titles: list[QLabel] = []
        self.fields: dict[str, QLineEdit | ChoiceField] = {}

    def fill(self, values: Mapping[str, Value]) -> None:
        """Enter `values`; fields that are not named are emptied."""
        for name, field in self.fields.items():
            value = values.get(name, "")
            field.setText(format_value(value) if isinstance(value, bool) else str(value))

    def show_ranges(self, ranges: Mapping[str, NumberRange], readonly: bool = False) -> None:
        """Show a field for each of `ranges`; what is typed stays where a field stays."""
        typed = {name: field.text() for name, field in self.fields.items()}
        if dict(ranges) != self._ranges:
            self._clear()
            self._ranges = dict(ranges)
            for place, (name, allowed) in enumerate(ranges.items()):
                self._add(place, name, allowed, typed.get(name, ""))
        for field in self.fields.values():
            field.setReadOnly(readonly)

    def _clear(self) -> None:
        for part in (*self._titles, *self.fields.values()):
            self._grid.removeWidget(part)
            part.deleteLater()
        self._titles.clear()
        self.fields.clear()

    def _add(self, place: int, name: str, allowed: NumberRange, typed: str) -> None:
        field: QLineEdit | ChoiceField
        hint = tr("{name}: {range}. Leave it empty for the default.", name=name, range=allowed)
        if allowed.values and not self._several:
            field = ChoiceField(allowed)
            field.setText(typed)
            field.currentIndexChanged.connect(lambda _index: self.changed.emit())
            hint = explain_parameter(name) or hint
        else:
            field = QLineEdit(typed)
            field.textChanged.connect(lambda _text: self.changed.emit())
            field.editingFinished.connect(self.entered)
            field.setPlaceholderText(tr("Auto"))
            hint = " ".join(filter(None, (explain_parameter(name), hint)))
        basics.explain(field, hint + (" " + tr("Separate several values by commas.") if self._several else ""))
        if self._width:
            field.setFixedWidth(self._width)
        self._titles.append(add_titled_field(self._grid, self._place + place, parameter_title(name), field))
        if self._after:
            QWidget.setTabOrder(next(reversed(self.fields.values()), self._after), field)
        self.fields[name] = field

    def lists(self) -> dict[str, list[Value]]:
        """The values of each field that is not empty."""
        return {name: found for name in self.fields if (found := self._values(name))}

    def values(self) -> dict[str, Value]:
        """One value for each field that is not empty."""
        return {name: found[0] for name, found in self.lists().items()}

    def problem(self) -> str:
        """What is wrong with the first field that holds no allowed value; '' where nothing is."""
        for name, allowed in self._ranges.items():
            for text in self._texts(name):
                if not allowed.holds(allowed.parse(text)):
                    return tr(
                        "{name} cannot be {value}: {range}", name=parameter_title(name), value=text, range=allowed
                    )
        return ""

    def _values(self, name: str) -> list[Value]:
        allowed = self._ranges[name]
        found = [allowed.parse(text) for text in self._texts(name)]
        return list(dict.fromkeys(value for value in found if value is not None and allowed.holds(value)))

    def _texts(self, name: str) -> list[str]:
        text = self.fields[name].text().replace("、", ",").replace("，", ",")
        parts = text.split(",") if self._several else [text]
        return [part.strip() for part in parts if part.strip()]


def field_grid() -> QGridLayout:
    """A grid for fields under their titles, in columns of one width."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(style.SPACE)
    grid.setVerticalSpacing(style.SPACE // 2)  # else that of the layout it is put into
    for column in range(FIELD_COLUMNS):
        grid.setColumnStretch(column, 1)
    return grid


def add_titled_field(grid: QGridLayout, place: int, name: str, field: QWidget) -> QLabel:
    """Put `field` under its title; the places of a grid are counted along its lines."""
    label = basics.label(name, dim=True)
    label.setBuddy(field)
    field.setAccessibleName(name.replace("&", ""))
    line, column = divmod(place, FIELD_COLUMNS)
    grid.addWidget(label, 2 * line, column)
    grid.addWidget(field, 2 * line + 1, column)
    return label


def parameter_title(name: str) -> str:
    """A hyperparameter in words; one that is the server's own keeps its name."""
    return {
        "n_epochs": tr("Epochs"),
        "batch_size": tr("Batch size"),
        "learning_rate_multiplier": tr("Learning rate multiplier"),
        "learning_rate": tr("Learning rate"),
        "beta": tr("Beta"),
        "seed": tr("Seed"),
        "warmup_ratio": tr("Warm-up ratio"),
        "weight_decay": tr("Weight decay"),
        "context_length": tr("Longest row in tokens"),
        "lora_rank": tr("LoRA rank"),
        "lora_alpha": tr("LoRA alpha"),
        "lora_target_modules": tr("Layers with an adapter"),
        "lora_num_layers": tr("Number of upper blocks"),
        "lr_scheduler_type": tr("Learning rate schedule"),
        "warmup_steps": tr("Warm-up steps"),
        "early_stopping_patience": tr("Early stopping: patience"),
        "metric_for_best_model": tr("Early stopping: measure"),
        "packing": tr("Packing"),
        "average_checkpoints": tr("Averaged checkpoints"),
        "load_in_4bit": tr("Base weights in 4 bits"),
        "token_replacement": tr("Share of replaced words"),
        "kl_coefficient": tr("KL coefficient"),
        "kl_mask_target": tr("KL without the target token"),
        "distillation_weight": tr("Distillation weight"),
        "distillation_temperature": tr("Distillation temperature"),
        "on_policy_share": tr("On-policy share"),
    }.get(name, name)


def explain_parameter(name: str) -> str:
    """What an advanced hyperparameter does, and what Auto stands for; '' for one that needs no words."""
    return {
        "lora_rank": tr("How much the adapter can learn: its number of parameters grows with the rank. Auto: 16."),
        "lora_alpha": tr(
            "How strongly the adapter acts: its output is multiplied by alpha / rank. Auto: twice the rank."
        ),
        "lora_target_modules": tr("Which linear layers of each block get an adapter. Auto: all of them."),
        "lora_num_layers": tr(
            "Only so many blocks at the model's top are trained: faster, and learns less. Auto: all."
        ),
        "lr_scheduler_type": tr("How the learning rate falls after the warm-up. Auto: cosine."),
        "warmup_steps": tr("In how many steps the learning rate rises to its peak. Auto: 3."),
        "early_stopping_patience": tr(
            "The training ends after so many epochs without better validation rows, and the best epoch is kept. It needs "
            "validation rows. Auto: never."
        ),
        "metric_for_best_model": tr(
            "What makes an epoch the best one: the loss of the validation rows, or the share of right tokens in their answers. "
            "Auto: the loss."
        ),
        "packing": tr(
            "Rows that begin alike share what they begin with, which is faster and changes no result. Auto: yes."
        ),
        "average_checkpoints": tr(
            "The adapters of so many last epochs are averaged at the end of the training. Auto: 1, only the last epoch."
        ),
        "load_in_4bit": tr(
            "The base model's weights are kept in 4 bits (NF4) during the training: it needs about a quarter of their memory, and more "
            "time. It needs the package bitsandbytes. Auto: no."
        ),
        "token_replacement": tr(
            "This share of the questions' words is replaced by words of similar meaning, other ones in each epoch: for questions "
            "in other words than those of the rows. Auto: 0, none."
        ),
    }.get(name) or _explain_objective(name)


def _explain_objective(name: str) -> str:
    """The same for those of the objectives against forgetting and of distillation."""
    return {
        "kl_coefficient": tr(
            "Against forgetting: how strongly the model is held near the base model, by the KL divergence of each token of "
            "the answers; what it keeps of general knowledge it may cost of the text’s. Auto: 0, not at all."
        ),
        "kl_mask_target": tr(
            "The KL divergence leaves out the token to be learned, so that it does not act against learning. Auto: yes."
        ),
        "distillation_weight": tr(
            "Self-distillation: this share of the loss is the divergence from the base model that reads the teacher's "
            "messages of the row too: the passage of its fact, and its answer. Rows without a fact have none. Auto: 0, not at all."
        ),
        "distillation_temperature": tr(
            "The temperature of both distributions in self-distillation: a higher one counts unlikely tokens more. Auto: 2."
        ),
        "on_policy_share": tr(
            "On-policy distillation: in each step, this share of the rows with a teacher is learned on an answer that the model "
            "has just written itself, from the teacher alone. It needs a distillation weight, and takes much more time. Auto: 0, none."
        ),
    }.get(name, "")


def value_title(value: str | bool) -> str:
    """A value that is chosen by its name, in words."""
    return {
        "all-linear": tr("All linear layers"),
        "attention": tr("Attention only"),
        "mlp": tr("MLP only"),
        "loss": tr("Loss"),
        "accuracy": tr("Accuracy"),
        "cosine": tr("Cosine"),
        "linear": tr("Linear"),
        "constant": tr("Constant"),
        "true": tr("Yes"),
        "false": tr("No"),
    }.get(format_value(value), format_value(value))


def find_conflict(values: Mapping[str, Value], is_tuned: bool) -> str:
    """Which of the values do not go with each other, or with a fine-tuned model that is trained further; '' where all do."""
    if BEST_METRIC in values and EARLY_STOPPING not in values:
        return tr(
            "“{name}” needs “{other}”: without it the last epoch is kept.",
            name=parameter_title(BEST_METRIC),
            other=parameter_title(EARLY_STOPPING),
        )
    if EARLY_STOPPING in values and values.get(AVERAGE, 1) != 1:
        return tr(
            "Early stopping keeps the best epoch, so nothing is averaged: leave “{name}” on Auto.",
            name=parameter_title(AVERAGE),
        )
    if values.get(REPLACEMENT) and values.get(KL):
        return tr(
            "“{name}” compares with the base model on the words of the rows, and “{other}” trains on other ones: use one of "
            "them, and leave the other on Auto.",
            name=parameter_title(KL),
            other=parameter_title(REPLACEMENT),
        )
    if values.get(ON_POLICY) and not values.get(DISTILLATION):
        return tr(
            "“{name}” needs “{other}”: the model learns its own answers from the teacher alone.",
            name=parameter_title(ON_POLICY),
            other=parameter_title(DISTILLATION),
        )
    if is_tuned and (kept := [name for name in ADAPTER_PARAMETERS if name in values]):
        return tr("A fine-tuned model that is trained further keeps its adapter: leave “{name}” on Auto.",
                  name=parameter_title(kept[0]))  # fmt: skip
    return ""
