"""Who owns an object: a file `owner` with the user's id in the object's folder.

Where there is none, the object belongs to whoever has the engine's own token. A file `shared` beside it: all may use it.
"""

from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import TypeVar

V = TypeVar("V")


def write_owner(folder: Path, owner: str) -> None:
    """Store the owner's id in an object's folder; nothing for the engine's own person. Raises OSError."""
    if owner:
        (folder / "owner").write_text(owner, "utf-8")


def read_owner(folder: Path) -> str:
    """The owner's id. Empty where there is none: administrators alone see such an object then."""
    try:
        return (folder / "owner").read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""


def set_shared(folder: Path, shared: bool) -> None:
    """Let all users use an object, or its owner alone. Raises OSError."""
    if shared:
        (folder / "shared").touch()
    else:
        (folder / "shared").unlink(missing_ok=True)


def is_shared(folder: Path) -> bool:
    """Whether all users may use an object."""
    return (folder / "shared").exists()


class Visible(MutableMapping[str, V]):
    """The part of a dict whose keys one user sees; whatever is set or deleted is so in the dict."""

    def __init__(self, values: MutableMapping[str, V], sees: Callable[[str], bool]) -> None:
        self._values, self._sees = values, sees

    def __getitem__(self, key: str) -> V:
        """The value. Raises KeyError for what the user does not see, as for what is not there."""
        if not self._sees(key):
            raise KeyError(key)
        return self._values[key]

    def __setitem__(self, key: str, value: V) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        self[key]
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter([key for key in self._values if self._sees(key)])

    def __len__(self) -> int:
        return sum(map(self._sees, self._values))
