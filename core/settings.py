"""What a person has chosen for all their projects; never a key (those are in the keyring)."""

import ipaddress
import os
import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from core.errors import JukuError
from core.language import tr
from core.paths import config_folder

ROLES = ("student", "writer", "judge")  # who is trained, who drafts, who marks
GAP = re.compile(r"(?<![^.-])(RESOURCE|REGION)(?![^.-])")  # what a preset's address leaves to the person


class ProviderSettings(msgspec.Struct):
    """A server that speaks the OpenAI protocol; `local` needs no entry."""

    id: str
    title: str
    base_url: str
    preset: str = "custom"  # the kind of server (resources/providers.toml)
    limit: int = 3  # jobs of ours that may run there at once
    capabilities: dict[str, bool] = {}  # what a look at the server has found (core/providers/probing.py)
    checked_at: float = 0.0  # when; Unix seconds, 0 is never


class Role(msgspec.Struct):
    """Who writes drafts, or marks exams; '' is the provider that trains, and its default model."""

    provider: str = ""
    model: str = ""


class Settings(msgspec.Struct):
    language: str = ""  # "" is the system's
    theme: str = ""  # "" is the system's, else "light" or "dark"
    provider: str = "local"  # the student's: where models are trained and asked
    student_model: str = ""  # the base model to begin with; "" is the first one that is offered
    writer: Role = msgspec.field(default_factory=Role)
    judge: Role = msgspec.field(default_factory=Role)
    providers: list[ProviderSettings] = []
    recent: list[str] = []  # project files, the newest first
    geometry: str = ""
    grid: str = ""  # the columns of the dataset: which, where, how wide

    def remember(self, project: Path) -> None:
        path = str(project)
        self.recent = [path, *(other for other in self.recent if other != path)][:10]

    def role(self, name: str) -> tuple[str, str]:
        """The provider and the model that one of `ROLES` has; the model '' is the first one that is offered there.

        Who has no provider, or one that is gone, has the student's.
        """
        if name == "student":
            return self.provider, self.student_model
        chosen = self.writer if name == "writer" else self.judge
        if chosen.provider in ("local", *(entry.id for entry in self.providers)):
            return chosen.provider, chosen.model
        return self.provider, "" if chosen.provider else chosen.model

    def cast(self, name: str, provider: str, model: str) -> None:
        """Give one of `ROLES` to a model of a provider; '' as a provider is the student's, whoever that will be."""
        if name == "student":
            self.provider, self.student_model = provider or self.provider, model
        elif name == "writer":
            self.writer = Role(provider, model)
        else:
            self.judge = Role(provider, model)

    def remove(self, provider: str) -> None:
        """Take a server out; who had it as its provider has the default again."""
        self.providers = [entry for entry in self.providers if entry.id != provider]
        if self.provider == provider:
            self.provider, self.student_model = "local", ""
        for name, chosen in (("writer", self.writer), ("judge", self.judge)):
            if chosen.provider == provider:
                self.cast(name, "", "")


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
                "The settings apply until the window is closed. Check the folder {folder}: {reason}",
                folder=path.parent,
                reason=error.strerror,
            ),
        ) from error


def new_id(settings: Settings, title: str) -> str:
    """A provider id made of `title`: lower-case words joined by hyphens, taken by no other, and never 'local'."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "server"
    taken = {"local", *(entry.id for entry in settings.providers)}
    return next(id for number in range(1, len(taken) + 2) if (id := _numbered(slug, number)) not in taken)


def _numbered(slug: str, number: int) -> str:
    return slug if number == 1 else f"{slug}-{number}"


def url_error(url: str) -> str:
    """Why `url` cannot be a provider's base URL, in words, or ''. The settings are no place for a password."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or re.search(r"\s", url):
        return tr(
            "A base URL begins with https:// or http:// and points to a server, such as https://api.openai.com/v1."
        )
    if gap := GAP.search(parts.netloc):
        return tr("Replace {gap} with your own value; the server's website shows its name.", gap=gap[0])
    if parts.username or parts.password or parts.query or parts.fragment:
        return tr("Leave out names, passwords and what follows “?” or “#”; the API key has its own field.")
    return ""


def url_warning(url: str) -> str:
    """Why a valid `url` is a risk, in words, or ''."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_this_computer(parts.hostname or ""):
        return tr("Without https the API key and all texts are sent unencrypted: anyone on the way can read them.")
    return ""


def is_this_computer(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
