"""The pictures of the guide are those that `make pictures` takes: all of them, in each language and theme, and no others."""

import re

import pytest

from core import guide
from core.language import LANGUAGES
from tools.picture_scenes import NAMES

MAX_BYTES = 4_200_000  # of all pictures together, in the repository and the wheel
PICTURE = re.compile(r"pictures/\w+/([\w-]+)-light\.webp")


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_pictures_are_those_of_the_script(code):
    wanted = {f"{name}-{theme}.webp" for name in NAMES for theme in ("light", "dark")}
    assert {path.name for path in (guide.FOLDER / "pictures" / code).iterdir()} == wanted


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_picture_is_in_the_guide(code):
    text = "".join(path.read_text(encoding="utf-8") for path in (guide.FOLDER / code).glob("*.md"))
    assert {*PICTURE.findall(text)} == {*NAMES}


def test_the_pictures_are_small():
    assert sum(path.stat().st_size for path in (guide.FOLDER / "pictures").rglob("*.webp")) < MAX_BYTES
