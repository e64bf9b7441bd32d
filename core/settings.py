"""What a person has chosen for all their projects; never a key (those are in the keyring)."""

import os
import tempfile
from pathlib import Path

import msgspec

from core.errors import JukuError
from core.language import tr
from core.paths import config_folder


class ProviderSettings(msgspec.Struct):
    """A server that speaks the OpenAI protocol; `local` needs no entry."""

    id: str
    title: str
    base_url: str


class Settings(msgspec.Struct):
    language: str = ""  # "" is the system's
    theme: str = ""  # "" is the system's, else "light" or "dark"
    provider: str = "local"
    providers: list[ProviderSettings] = []
    recent: list[str] = []  # project files, the newest first
    geometry: str = ""

    def remember(self, project: Path) -> None:
        path = str(project)
        self.recent = [path, *(other for other in self.recent if other != path)][:10]


def settings_file() -> Path:
    return config_folder() / "settings.json"


def load() -> Settings:
    """The saved settings, or the defaults where there are none. A broken file is set aside, not lost."""
    path = settings_file()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return Settings()
    except (msgspec.DecodeError, OSError):
        if path.is_file():
            path.replace(path.with_suffix(".broken.json"))
        return Settings()


def save(settings: Settings) -> None:
    path = settings_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix="settings-")
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(settings)))
        Path(temporary).replace(path)
    except OSError as error:
        raise JukuError(
            tr("The settings cannot be saved"),
            tr(
                "They hold until the window closes. Check the folder {folder}: {reason}",
                folder=path.parent,
                reason=error.strerror,
            ),
        ) from error
