"""Lists to choose from, used as a person does: the choice is made, and told."""

from PySide6.QtWidgets import QComboBox


def choose(box: QComboBox, data: object) -> None:
    """Choose the entry with this data."""
    index = box.findData(data)
    assert index >= 0, f"{data!r} is not offered"
    choose_at(box, index)


def choose_at(box: QComboBox, index: int) -> None:
    """Choose the entry at this place."""
    box.setCurrentIndex(index)
    box.activated.emit(index)


def choose_model(box: QComboBox, model: str) -> None:
    """Choose a model by its id."""
    choose_at(box, next(at for at in range(box.count()) if (offer := box.itemData(at)) and offer.id == model))
