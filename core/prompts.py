"""The prompts for chat models: files in English and Japanese, which the user can replace by custom versions."""

import re
from collections.abc import Mapping
from pathlib import Path

from core.atomic_files import PRIVATE_MODE, write_atomically
from core.errors import JukuError
from core.language import tr
from core.paths import RESOURCES, config_folder

PROMPT_NAMES = (
    "examples",
    "several_facts",
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
    "teacher",
)
PROMPT_LANGUAGES = ("en", "ja")
MAX_PROMPT_BYTES = 1024 * 1024  # that are read of a custom version

# The placeholders that a prompt must have, and those that are also filled in where it has them.
REQUIRED_PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "examples": ("fact", "quote", "wanted"),
    "several_facts": ("names",),
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
    "teacher": ("passage", "answer"),
}
OPTIONAL_PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "examples": ("spec", "text", "existing", "neighbours", "system_prompt"),
    "several_facts": (),
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
    "teacher": (),
}

_PLACEHOLDER = re.compile(r"\{([a-z_]{1,40})\}")


def title(name: str) -> str:
    """What a prompt is for, in the user's language."""
    titles = {
        "examples": tr("Write questions and answers about a fact"),
        "several_facts": tr("Add that a request is about several facts"),
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
        "teacher": tr("What the teacher of a self-distillation reads"),
    }
    return titles[name]


def load(name: str, language: str) -> str:
    """The custom version of a prompt where there is a usable one, else the default. All languages but "ja" are "en".

    A custom version that cannot be read, or lacks a required placeholder, is ignored.
    """
    own = _load_custom(name, language)
    return load_default(name, language) if own is None or missing_placeholders(name, own) else own


def load_default(name: str, language: str) -> str:
    """The prompt that comes with Juku."""
    return (RESOURCES / "prompts" / find_language(language) / _file_name(name)).read_text(encoding="utf-8")


def is_customized(name: str, language: str) -> bool:
    """Whether `load` returns a custom version."""
    return load(name, language) != load_default(name, language)


def missing_placeholders(name: str, text: str) -> list[str]:
    """The required placeholders that `text` does not have."""
    there = set(_PLACEHOLDER.findall(text))
    return [needed for needed in REQUIRED_PLACEHOLDERS[name] if needed not in there]


def save(name: str, language: str, text: str) -> None:
    """Save `text` as the custom version; a text equal to the default deletes it instead.

    Raises `JukuError` when a required placeholder is missing or the file cannot be written.
    """
    if lacking := missing_placeholders(name, text):
        raise JukuError(
            tr("A placeholder is missing from the prompt"),
            tr(
                "The program fills in {names}; put them where they belong, or reset the prompt.",
                names=", ".join(f"{{{one}}}" for one in lacking),
            ),
        )
    if text == load_default(name, language):
        reset(name, language)
        return
    path = custom_file(name, language)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode(), PRIVATE_MODE)
    except (OSError, UnicodeEncodeError) as error:
        raise _save_error(path, error) from error


def reset(name: str, language: str) -> None:
    """Delete the custom version. Raises `JukuError` when the file cannot be deleted."""
    path = custom_file(name, language)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _save_error(path, error) from error


def fill(template: str, /, **values: str) -> str:
    """`template` with the placeholders of `values` filled in; other braces stay, and values are not filled in again."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def format_counts(counts: Mapping[str, int]) -> str:
    """The value of `{wanted}`: how many examples of each kind, one line per kind."""
    return "\n".join(f"- {kind}: {count}" for kind, count in counts.items() if count > 0)


def custom_file(name: str, language: str) -> Path:
    """The path of the custom version, which may not exist."""
    return config_folder() / "prompts" / find_language(language) / _file_name(name)


def find_language(language: str) -> str:
    """The language of shipped texts for a spec in `language`: 'en' for one that has none."""
    return language if language in PROMPT_LANGUAGES else "en"


def _file_name(name: str) -> str:
    assert name in PROMPT_NAMES, name
    return f"{name}.md"


def _load_custom(name: str, language: str) -> str | None:
    try:
        with custom_file(name, language).open("rb") as file:
            return file.read(MAX_PROMPT_BYTES).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return None


def _save_error(path: Path, error: Exception) -> JukuError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return JukuError(
        tr("The prompt cannot be saved"),
        tr("Check the folder {folder}: {reason}", folder=path.parent, reason=reason),
    )
