"""The user's settings for all projects, stored as JSON; API keys are in the keyring instead."""

import contextlib
import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.atomic_files import PRIVATE_MODE, hold_lock, write_atomically
from core.errors import JukuError
from core.language import tr
from core.paths import config_folder

MAX_RECENT_PROJECTS = 10  # in the list of recent projects
ADDRESS_FIELDS = ("base_url", "key_origin")  # of a server: together they say where its key may be sent
SETTINGS_LOCK_TIMEOUT = (
    2.0  # seconds; another window holds the lock for milliseconds, one that hangs must not stop this one
)
MODEL_ROLES = (
    "student",
    "writer",
    "judge",
)  # the model that is trained, the one that writes drafts, the one that marks exams
URL_PLACEHOLDER = re.compile(
    r"(?<![^.-])(RESOURCE|REGION)(?![^.-])"
)  # what the user has to replace in the address of a preset


class ProviderSettings(msgspec.Struct):
    """A server with OpenAI's API; the local engine (`local`) needs no entry."""

    id: str
    title: str
    base_url: str
    preset: str = "custom"  # the kind of server (resources/providers.toml)
    limit: int = 3  # jobs that may run there at the same time
    capabilities: dict[str, bool] = {}  # what the connection test has found (core/providers/connection_test.py)
    checked_at: float = 0.0  # when; Unix seconds, 0 is never
    models: list[str] = []  # that it has and does not list, such as Azure's deployments
    key_origin: str = ""  # the server its key was entered for, while that is not the one `base_url` leads to

    def set_url(self, url: str) -> None:
        """Change the address. A key that was entered for another server is not sent there unless the user agrees."""
        before = self.key_origin or ("" if url_error(self.base_url) else origin(self.base_url))
        self.base_url = url
        self.key_origin = "" if origin(url) == before else before


class Role(msgspec.Struct):
    """The model that writes drafts or marks exams; "" is the provider that trains, and its default model."""

    provider: str = ""
    model: str = ""


class Settings(msgspec.Struct, dict=True):  # the dict keeps what the file held last (`_last_saved`)
    language: str = ""  # "" is the system's
    theme: str = ""  # "" is the system's, else "light" or "dark"
    text_size: int = 100  # per cent of the system's
    hides_steps: bool = False  # the bar of the steps from a text to a verdict (ui/project/teaching_path_bar.py)
    notifies: bool = True  # through the desktop, when something long has ended and the window is not looked at
    provider: str = "local"  # the student's: where models are trained and asked
    student_model: str = ""  # the base model to begin with; "" is the first one that is offered
    writer: Role = msgspec.field(default_factory=Role)
    judge: Role = msgspec.field(default_factory=Role)
    providers: list[ProviderSettings] = []
    recent: list[str] = []  # project files, the newest first
    geometry: str = ""
    tab: int = 0  # the one that was shown last
    folders: dict[str, str] = {}  # where the last file of each kind was (ui/widgets/file_dialogs.py)
    grid: str = ""  # the columns of the dataset: which, where, how wide
    left: str = ""  # what was saved as the last window closed, and is said at the next start
    updates_address: str = ""  # of the list of versions; "" is the package's own, which may have none
    backup_minutes: int = 30  # between two backups of a project that changes; 0: only when it is closed, -1: never

    def add_recent(self, project: Path) -> None:
        """Put a project first in the list of recent projects."""
        path = str(project)
        self.recent = [path, *(other for other in self.recent if other != path)][:MAX_RECENT_PROJECTS]

    def role(self, name: str) -> tuple[str, str]:
        """The provider and the model of one of `MODEL_ROLES`; the model "" is the first one that the server offers.

        A role without a provider, or with a deleted one, has the student's provider.
        """
        if name == "student":
            return self.provider, self.student_model
        chosen = self.writer if name == "writer" else self.judge
        if chosen.provider in ("local", *(entry.id for entry in self.providers)):
            return chosen.provider, chosen.model
        return self.provider, "" if chosen.provider else chosen.model

    def set_role(self, name: str, provider: str, model: str) -> None:
        """Set the provider and the model of one of `MODEL_ROLES`; the provider "" always is the student's."""
        if name == "student":
            self.provider, self.student_model = provider or self.provider, model
        elif name == "writer":
            self.writer = Role(provider, model)
        else:
            self.judge = Role(provider, model)

    def remove_server(self, provider: str) -> None:
        """Delete a server; roles that had it get the default provider."""
        self.providers = [entry for entry in self.providers if entry.id != provider]
        if self.provider == provider:
            self.provider, self.student_model = "local", ""
        for name, chosen in (("writer", self.writer), ("judge", self.judge)):
            if chosen.provider == provider:
                self.set_role(name, "", "")


def settings_file() -> Path:
    """The path of the settings file, which may not exist."""
    return config_folder() / "settings.json"


def load() -> Settings:
    """The saved settings, or the defaults where there are none. A broken file is renamed, not deleted.

    A file that can't be read now (no rights, too many open files) stays and is not overwritten by the defaults.
    """
    found = None
    with contextlib.suppress(OSError):
        found = _read_file()
    settings = Settings() if found is None else msgspec.convert(found, Settings)
    _remember_saved(settings)
    return settings


def save(settings: Settings) -> None:
    """Write what has changed here since `load` into the file, and keep what another window has changed there.

    Raises `JukuError` when the file cannot be written.
    """
    path = settings_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(settings_file().with_name("settings.lock"), SETTINGS_LOCK_TIMEOUT):
            mine, now = msgspec.to_builtins(settings), _read_file()
            whole = mine if now is None else {**now, **_merge(_last_saved(settings), mine, now)}
            write_atomically(path, msgspec.json.format(msgspec.json.encode(whole)), PRIVATE_MODE)
    except OSError as error:
        raise JukuError(
            tr("The settings cannot be saved"),
            tr(
                "The settings apply until the window is closed. Check the folder {folder}: {reason}",
                folder=path.parent,
                reason=error.strerror,
            ),
        ) from error
    _remember_saved(settings)


def reload(settings: Settings) -> set[str]:
    """Update `settings` with what another window has saved. Returns the names of the settings that changed.

    Changes made here that are not saved yet stay. Entries of servers stay the same objects.
    """
    now = None
    with contextlib.suppress(OSError):
        now = _read_file()
    if now is None:
        return set()
    before = msgspec.to_builtins(settings)
    merged = _merge(_last_saved(settings), before, msgspec.to_builtins(msgspec.convert(now, Settings)))
    changed = {name for name, value in merged.items() if value != before[name]}
    newest = msgspec.convert(merged, Settings)
    for name in changed - {"providers"}:
        setattr(settings, name, getattr(newest, name))
    if "providers" in changed:
        _update_entries(settings.providers, newest.providers)
    settings.__dict__["known"] = msgspec.to_builtins(msgspec.convert(now, Settings))
    return changed


def _update_entries(entries: list[ProviderSettings], newest: list[ProviderSettings]) -> None:
    """Update a list of servers in place: a page of the settings may be editing one of them."""
    known = {entry.id: entry for entry in entries}
    for entry in newest:
        if held := known.get(entry.id):
            for name in entry.__struct_fields__:
                setattr(held, name, getattr(entry, name))
    entries[:] = [known.get(entry.id, entry) for entry in newest]


def _last_saved(settings: Settings) -> dict[str, Any]:
    """The content of the file when these settings were last loaded or saved; the defaults for new settings."""
    known: dict[str, Any] = settings.__dict__.get("known") or msgspec.to_builtins(Settings())
    return known


def _remember_saved(settings: Settings) -> None:
    settings.__dict__["known"] = msgspec.to_builtins(settings)


def _read_file() -> dict[str, Any] | None:
    """The settings in the file, also those that only a newer Juku knows; None where there are none. Raises OSError."""
    path = settings_file()
    try:
        data = path.read_bytes()
        msgspec.json.decode(data, type=Settings)
        found: dict[str, Any] = msgspec.json.decode(data)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        path.replace(path.with_suffix(".broken.json"))
        return None
    return found


def _merge(base: dict[str, Any], mine: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Three-way merge: what `mine` changed since `base`, else what is there `now`. A provider stays with its model."""
    merged = {name: mine[name] if mine[name] != base[name] else now.get(name, mine[name]) for name in mine}
    pair = ("provider", "student_model")
    if any(mine[name] != base[name] for name in pair):
        merged |= {name: mine[name] for name in pair}
    merged["providers"] = _merge_entries(base["providers"], mine["providers"], now.get("providers", []))
    if mine["recent"] != base["recent"]:
        newest = [*mine["recent"][:1], *now.get("recent", []), *mine["recent"]]
        merged["recent"] = list(dict.fromkeys(newest))[:MAX_RECENT_PROJECTS]
    return merged


def _merge_entries(
    base: list[dict[str, Any]], mine: list[dict[str, Any]], now: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Three-way merge of entries by their ids, in the order of `now`, then those only in `mine`."""
    old, own, new = ({entry["id"]: entry for entry in entries} for entries in (base, mine, now))
    merged = {id: _merge_entry(old.get(id), own.get(id), new.get(id)) for id in [*new, *own]}
    return [entry for entry in merged.values() if entry is not None]


def _merge_entry(
    old: dict[str, Any] | None, own: dict[str, Any] | None, new: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Three-way merge of one entry, field by field. An address stays with the server that its key is for."""
    if own == old:
        return new
    if old is None or own is None or new is None:
        return own
    changed = {name for name in own if own[name] != old.get(name)}
    if changed & {*ADDRESS_FIELDS}:
        changed |= {*ADDRESS_FIELDS}
    return {**new, **{name: own[name] for name in changed}}


def new_id(settings: Settings, title: str) -> str:
    """A new provider id from `title`: lower-case words joined by hyphens, unique, and never "local"."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "server"
    taken = {"local", *(entry.id for entry in settings.providers)}
    return next(id for number in range(1, len(taken) + 2) if (id := _add_number(slug, number)) not in taken)


def _add_number(slug: str, number: int) -> str:
    return slug if number == 1 else f"{slug}-{number}"


def origin(url: str) -> str:
    """The origin of a valid URL: `https://host` or `http://host:port`."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, usual) else "")


def url_error(url: str) -> str:
    """Why `url` cannot be a provider's base URL, as a text for the user, or "". It may not contain a password."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or re.search(r"\s", url):
        return tr(
            "A base URL begins with https:// or http:// and points to a server, such as https://api.openai.com/v1."
        )
    if gap := URL_PLACEHOLDER.search(parts.netloc):
        return tr("Replace {gap} with your own value; the server's website shows its name.", gap=gap[0])
    if parts.username or parts.password or parts.query or parts.fragment:
        return tr("Leave out names, passwords and what follows “?” or “#”; the API key has its own field.")
    return ""


def url_warning(url: str) -> str:
    """Why a valid `url` is a risk, as a text for the user, or ""."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_this_computer(parts.hostname or ""):
        return tr("Without https the API key and all texts are sent unencrypted: anyone on the way can read them.")
    return ""


def is_this_computer(host: str) -> bool:
    """Whether `host` is a loopback address or localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
