"""Whether a project is in a folder that a program synchronizes, or on a network drive, and the warning about it."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from core.language import tr

# Folder names of synchronization programs, lower case; a star matches anything.
SYNC_FOLDER_NAMES = {
    "Dropbox": ("dropbox", "dropbox (*)"),
    "OneDrive": ("onedrive", "onedrive - *", "onedrive-*"),
    "iCloud Drive": ("mobile documents", "com~apple~clouddocs", "icloud drive", "iclouddrive"),
    "Google Drive": ("google drive", "googledrive-*", "my drive", "drivefs"),
    "Box": ("box-box", "box sync"),
    "Nextcloud": ("nextcloud",),
    "ownCloud": ("owncloud",),
    "pCloud": ("pcloud drive", "pclouddrive"),
}
# Files, and with a slash at the end folders, that they create in the top folder that they synchronize.
SYNC_MARKERS = {
    "Dropbox": (".dropbox", ".dropbox.cache/"),  # the folder ~/.dropbox holds its settings
    "Nextcloud": (".sync_*.db", "._sync_*.db", ".nextcloudsync.log", ".owncloudsync.log"),
    "Syncthing": (".stfolder/", ".stfolder"),
    "Resilio Sync": (".sync/ID",),
    "Google Drive": (".tmp.drivedownload/", ".tmp.driveupload/"),
}
# File systems on other computers, by the names that the operating system uses.
NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "9p", "afs", "ceph", "glusterfs",
            "lustre", "ncpfs", "fuse.sshfs", "fuse.davfs2", "fuse.davfs", "fuse.rclone", "fuse.s3fs", "fuse.glusterfs",
            "fuse.gvfsd-fuse", "fuse.google-drive-ocamlfuse")  # fmt: skip
MOUNT_INFO = Path("/proc/self/mountinfo")


def sync_program(path: Path) -> str:
    """The program that synchronizes the folder of `path` with other computers, or ""."""
    for folder in _parent_folders(path):
        name = folder.name.lower()
        for program, patterns in SYNC_FOLDER_NAMES.items():
            if any(_matches(name, pattern) for pattern in patterns):
                return program
        for program, patterns in SYNC_MARKERS.items():
            if any(_has_marker(folder, pattern) for pattern in patterns):
                return program
    return ""


def network_drive(path: Path) -> str:
    """The file system of the network drive that has `path`, by the operating system's name, or ""."""
    real = Path(os.path.realpath(path))
    if sys.platform == "win32":
        return _from_windows_drive(real)
    kind = _from_mountinfo(real) if MOUNT_INFO.exists() else _from_mount_command(real)
    return kind if kind in NETWORK_FILE_SYSTEMS else ""


def location_warning(path: Path) -> str:
    """The warning about the folder of a project, as a text for the user, or ""."""
    if program := sync_program(path):
        return tr(
            "This project is in a folder that {program} keeps in sync. Open it on one computer at a time, and close it before "
            "you go to another one. Juku's backups are outside of that folder.",
            program=program,
        )
    if kind := network_drive(path):
        return tr(
            "This project is on a network drive ({kind}). Open it in one place at a time. If the connection breaks, the last "
            "changes may be missing: it is safer to work on this computer's disk and to save copies on the drive.",
            kind=kind,
        )
    return ""


def _parent_folders(path: Path) -> Iterator[Path]:
    """The parent folders of a file, with and without links resolved, the nearest first; without the roots."""
    real = Path(os.path.realpath(path))
    for folder in dict.fromkeys([*path.absolute().parents, *real.parents]):
        if folder.name:
            yield folder


def _matches(name: str, pattern: str) -> bool:
    start, star, end = pattern.partition("*")
    return name.startswith(start) and name.endswith(end) if star else name == pattern


def _has_marker(folder: Path, pattern: str) -> bool:
    if "*" not in pattern:
        place = folder / pattern
        return place.is_dir() if pattern.endswith("/") else place.is_file()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return any(_matches(entry.name, pattern) for entry in entries)
    return False


def _from_mountinfo(path: Path) -> str:
    """The file system of the longest mount point that `path` is below."""
    kind, longest = "", -1
    with contextlib.suppress(OSError):
        for line in MOUNT_INFO.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            fields, _dash, details = line.partition(" - ")
            point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields.split()[4])
            if path.is_relative_to(point) and len(point) >= longest:  # a later mount covers an earlier one
                kind, longest = details.split()[0], len(point)
    return kind


def _from_mount_command(path: Path) -> str:
    """The same on macOS, from the command `mount`: `//me@host/share on /Volumes/share (smbfs, nodev, …)`."""
    import subprocess

    done = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False)
    kind, longest = "", -1
    for line in done.stdout.splitlines():
        match = re.match(r".* on (/.*) \((\w+)[,)]", line)
        if match and path.is_relative_to(match[1]) and len(match[1]) > longest:
            kind, longest = match[2], len(match[1])
    return kind


def _from_windows_drive(path: Path) -> str:
    import ctypes

    if path.drive.startswith("\\\\"):
        return "SMB"
    kind = ctypes.windll.kernel32.GetDriveTypeW(f"{path.drive}\\")  # type: ignore[attr-defined]
    return "SMB" if kind == 4 else ""  # DRIVE_REMOTE
