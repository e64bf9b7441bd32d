"""The whole program with something in it, for walks over every tab and dialog."""

import pytest

from core import language
from tests.support.pages import whole_program
from tests.support.pages.windows import close, open_window
from ui import style


@pytest.fixture
def whole(run, project, tmp_path, qapp, dressed):
    """Run `look(name, root, window)` for every view of the program in a language, with texts of a size in a window of a size."""

    def walk(look, speech="en", size=100, room=(1600, 900)):
        language.set_language(speech)
        style.set_text_size(qapp, size)
        style.refresh(qapp)

        async def go():
            await whole_program.fill(project, speech)
            window = open_window(project, text_size=size)
            window.resize(*room)
            try:
                async for name, root in whole_program.views(window, tmp_path):
                    await look(name, root, window)
            finally:
                await close(window)

        run(go())

    return walk
