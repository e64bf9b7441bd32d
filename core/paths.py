"""Where Juku keeps what is not in a project: settings, logs, the local engine's store."""

import os
from pathlib import Path

import platformdirs

APP = "juku"
ROOT = Path(__file__).resolve().parent.parent  # of the program
RESOURCES = ROOT / "resources"


def config_folder() -> Path:
    """Settings; JUKU_CONFIG overrides it, for tests and portable use."""
    return Path(os.environ.get("JUKU_CONFIG") or platformdirs.user_config_path(APP, appauthor=False))


def data_folder() -> Path:
    return Path(os.environ.get("JUKU_DATA") or platformdirs.user_data_path(APP, appauthor=False))


def cache_folder() -> Path:
    """What can be made again at any time: search indexes, locks."""
    override = os.environ.get("JUKU_DATA")
    return Path(override) / "cache" if override else platformdirs.user_cache_path(APP, appauthor=False)


def engine_home() -> Path:
    """The local engine's files, jobs and adapters; the same rule as in the engine itself."""
    return Path(os.environ.get("JUKU_ENGINE_HOME") or data_folder() / "engine")


def log_file() -> Path:
    return Path(os.environ.get("JUKU_LOG") or platformdirs.user_log_path(APP, appauthor=False) / "juku.log")


def documents_folder() -> Path:
    """Where files are looked for and suggested at first: Documents, or the home folder where there is none."""
    documents = platformdirs.user_documents_path()
    return documents if documents.is_absolute() and documents.is_dir() else Path.home()


def real(path: Path) -> Path:
    """The file itself where `path` is a link: what lies beside a project lies beside that. Links in a circle stay as they are."""
    return Path(os.path.realpath(path))


def is_there(path: Path) -> bool:
    """Whether there is such a file; also False for a name that no disk takes, which whoever then writes it is told."""
    return os.path.exists(path)  # noqa: PTH110


def is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def is_on_fixed_medium(path: Path) -> bool:
    """Whether nobody at all can write where the file lies; a folder that only we cannot write is no such place."""
    return hasattr(os, "statvfs") and bool(os.statvfs(path).f_flag & os.ST_RDONLY)
