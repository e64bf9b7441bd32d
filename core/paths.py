"""The folders and files outside of projects: settings, logs, caches, the local engine's files."""

import os
from pathlib import Path

import platformdirs

PROJECT_SUFFIX = ".juku"

APP_NAME = "juku"
ROOT = Path(__file__).resolve().parent.parent  # the program's folder
RESOURCES = ROOT / "resources"


def config_folder() -> Path:
    """The folder for settings; JUKU_CONFIG overrides it, for tests and portable use."""
    return Path(os.environ.get("JUKU_CONFIG") or platformdirs.user_config_path(APP_NAME, appauthor=False))


def data_folder() -> Path:
    """The folder for backups and the engine; JUKU_DATA overrides it."""
    return Path(os.environ.get("JUKU_DATA") or platformdirs.user_data_path(APP_NAME, appauthor=False))


def cache_folder() -> Path:
    """The folder for what can be created again at any time: search indexes, locks."""
    override = os.environ.get("JUKU_DATA")
    return Path(override) / "cache" if override else platformdirs.user_cache_path(APP_NAME, appauthor=False)


def engine_home() -> Path:
    """The folder of the local engine: its files, jobs and adapters. The engine itself has the same rule."""
    return Path(os.environ.get("JUKU_ENGINE_HOME") or data_folder() / "engine")


def log_file() -> Path:
    """The log file; JUKU_LOG overrides it."""
    return Path(os.environ.get("JUKU_LOG") or platformdirs.user_log_path(APP_NAME, appauthor=False) / "juku.log")


def documents_folder() -> Path:
    """The folder that file dialogs show first: Documents, or the home folder where there is none."""
    documents = platformdirs.user_documents_path()
    return documents if documents.is_absolute() and documents.is_dir() else Path.home()


def real_path(path: Path) -> Path:
    """`path` with symbolic links resolved: a project's log and lock are beside the real file. Circular links are kept."""
    return Path(os.path.realpath(path))


def path_exists(path: Path) -> bool:
    """Whether `path` exists; False also for a name that the file system does not allow. Never raises."""
    return os.path.exists(path)  # noqa: PTH110


def is_writable(path: Path) -> bool:
    """Whether this user may write both the file and its folder."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def is_on_read_only_disk(path: Path) -> bool:
    """Whether the file's disk is mounted read-only for everybody; a folder that only we cannot write is not enough."""
    return hasattr(os, "statvfs") and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def shorten_home(folder: Path) -> str:
    """The folder with ~ for the home folder, whose name is often the person's."""
    home = Path.home()
    return str(Path("~") / folder.relative_to(home)) if folder.is_relative_to(home) else str(folder)
