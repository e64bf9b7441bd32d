"""The prompts sent to chat models: files in English and Japanese, which a person may replace by their own."""

import re
from collections.abc import Mapping
from pathlib import Path

from core.atomic_files import PRIVATE, write_whole
from core.errors import JukuError
from core.language import tr
from core.paths import RESOURCES, config_folder

NAMES = (
    "examples",
    "facts",
    "judge",
    "spec",
    "remarks",
    "open_book",
    "retrieved",
    "mark",
    "compare",
    "route",
    "links",
    "remake",
)
LANGUAGES = ("en", "ja")
LIMIT = 1024 * 1024  # bytes of an own version that are read

# What a prompt must hold to be of any use, and what is filled besides where it stands.
PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "examples": ("fact", "quote", "wanted"),
    "facts": ("statements",),
    "judge": ("fact", "question", "answer"),
    "spec": ("spec",),
    "remarks": ("spec",),
    "open_book": ("text",),
    "retrieved": ("passages",),
    "mark": ("question", "reference", "answer"),
    "compare": ("question", "reference", "first", "second"),
    "route": ("domains",),
    "links": ("facts", "question", "answer"),
    "remake": ("before", "fact", "question", "answer"),
}
OPTIONAL: dict[str, tuple[str, ...]] = {
    "examples": ("spec", "existing", "system_prompt"),
    "facts": ("spec",),
    "judge": (),
    "spec": (),
    "remarks": (),
    "open_book": (),
    "retrieved": (),
    "mark": ("points",),
    "compare": (),
    "route": (),
    "links": (),
    "remake": ("system_prompt",),
}

_PLACEHOLDER = re.compile(r"\{([a-z_]{1,40})\}")


def title(name: str) -> str:
    """What a prompt is for, in the language of the screen."""
    titles = {
        "examples": tr("Write questions and answers about a fact"),
        "facts": tr("Refine statements into facts"),
        "judge": tr("Judge whether an answer follows from its fact"),
        "spec": tr("Write and improve the spec by chat"),
        "remarks": tr("Find contradictions and gaps in the spec"),
        "open_book": tr("Answer with the whole spec in the prompt"),
        "retrieved": tr("Answer with the passages that were found"),
        "mark": tr("Mark an exam answer"),
        "compare": tr("Compare two exam answers"),
        "route": tr("Choose the model that a question belongs to"),
        "links": tr("Choose the fact that a row teaches"),
        "remake": tr("Remake a row after a change of its fact"),
    }
    return titles[name]


def load(name: str, language: str) -> str:
    """The person's own version where there is a usable one, else the one Juku came with. Not 'ja' is 'en'.

    An own version that cannot be read, or was edited by hand and lacks a placeholder, is passed over.
    """
    own = _own(name, language)
    return default(name, language) if own is None or missing(name, own) else own


def default(name: str, language: str) -> str:
    """The prompt Juku came with."""
    return (RESOURCES / "prompts" / _folder(language) / _file(name)).read_text(encoding="utf-8")


def is_changed(name: str, language: str) -> bool:
    """Whether `load` gives something else than `default`."""
    return load(name, language) != default(name, language)


def missing(name: str, text: str) -> list[str]:
    """The placeholders that `text` lacks and the program needs."""
    there = set(_PLACEHOLDER.findall(text))
    return [needed for needed in PLACEHOLDERS[name] if needed not in there]


def save(name: str, language: str, text: str) -> None:
    """Keep `text` as the person's own version; one that equals the shipped one is no own version.

    Raises JukuError when a needed placeholder is missing, or the disk refuses.
    """
    if lacking := missing(name, text):
        raise JukuError(
            tr("A placeholder is missing from the prompt"),
            tr(
                "The program fills in {names}; put them where they belong, or reset the prompt.",
                names=", ".join(f"{{{one}}}" for one in lacking),
            ),
        )
    if text == default(name, language):
        reset(name, language)
        return
    path = own_file(name, language)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), PRIVATE)
    except (OSError, UnicodeEncodeError) as error:
        raise _refused(path, error) from error


def reset(name: str, language: str) -> None:
    """Go back to the prompt Juku came with. Raises JukuError when the disk refuses."""
    path = own_file(name, language)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from error


def fill(template: str, /, **values: str) -> str:
    """`template` with the placeholders of `values` filled; other braces stay, and a value is never filled itself."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def wanted(counts: Mapping[str, int]) -> str:
    """How many examples of which kind: the value of `{wanted}`."""
    return "\n".join(f"- {kind}: {count}" for kind, count in counts.items() if count > 0)


def own_file(name: str, language: str) -> Path:
    """Where the person's own version lies, or would lie."""
    return config_folder() / "prompts" / _folder(language) / _file(name)


def _folder(language: str) -> str:
    return language if language in LANGUAGES else "en"


def _file(name: str) -> str:
    assert name in NAMES, name
    return f"{name}.md"


def _own(name: str, language: str) -> str | None:
    try:
        with own_file(name, language).open("rb") as file:
            return file.read(LIMIT).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return None


def _refused(path: Path, error: Exception) -> JukuError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return JukuError(
        tr("The prompt cannot be saved"),
        tr("Check the folder {folder}: {reason}", folder=path.parent, reason=reason),
    )
