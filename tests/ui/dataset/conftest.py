"""What the tests of the dataset tab's dialogs share."""

import pytest
from PySide6.QtWidgets import QWidget


@pytest.fixture
def owner(qtbot):
    """A bare window over which a dialog opens, and which shows its message afterwards."""
    owner = QWidget()
    owner.resize(900, 600)
    qtbot.addWidget(owner)
    owner.show()
    return owner
