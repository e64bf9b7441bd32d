"""The recent projects: how their paths are shown, and which are still there."""

from dataclasses import dataclass
from pathlib import Path

from core import paths
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class RecentProject:
    """A project file; `folder` with ~ for the home folder."""

    path: Path
    name: str
    folder: str
    is_there: bool


def load(settings: Settings) -> list[RecentProject]:
    """The recent projects, the newest first. It asks the disk: not for each keystroke."""
    found = [Path(path) for path in settings.recent]
    return [RecentProject(path, path.stem, paths.shorten_home(path.parent), path.is_file()) for path in found]


def forget(settings: Settings, path: Path) -> None:
    """Take a project out of the list; the file stays."""
    settings.recent = [other for other in settings.recent if other != str(path)]
