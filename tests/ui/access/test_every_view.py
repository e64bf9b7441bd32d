"""Every tab and every dialog in both languages: no text of the program is cut, and a screen reader learns what is there."""

import pytest

from tests.support import accessible_tree, cut_texts
from tests.support.pages import whole_program

# The size of texts, and the room of a screen on which a person has it.
SIZES = ((100, (1024, 612)), (150, (1440, 860)), (200, (1916, 1040)))


def test_every_dialog_of_the_source_is_looked_at():
    assert whole_program.dialog_classes() == whole_program.dialog_names()


@pytest.mark.parametrize("speech", ["en", "ja"])
@pytest.mark.parametrize(("size", "room"), SIZES, ids=lambda value: str(value) if isinstance(value, int) else "")
def test_nothing_is_cut_and_everything_is_named(whole, speech, size, room):
    found = []

    async def look(name, root, window):
        shown = list(whole_program.shown_children(root))
        found.extend(f"{name}: {text}" for text in cut_texts.faults_of_view(root, window, room, speech))
        if size == 100:
            found.extend(f"{name}: {text}" for text in accessible_tree.missing(shown))
            found.extend(f"{name}: {text}" for text in accessible_tree.repeated_mnemonics(shown))

    whole(look, speech, size, room)
    assert found == []
