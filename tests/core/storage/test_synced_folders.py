"""Folders that are kept in sync and network drives are told apart from all others."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.storage import synced_folders
from core.storage.synced_folders import location_warning, network_drive, sync_program


@pytest.mark.parametrize(
    ("folder", "program"),
    [
        ("Dropbox/work", "Dropbox"),
        ("Dropbox (Team)/work", "Dropbox"),
        ("OneDrive - Example GmbH/a", "OneDrive"),
        ("Library/Mobile Documents/com~apple~CloudDocs/a", "iCloud Drive"),
        ("Library/CloudStorage/GoogleDrive-me@example.com/My Drive", "Google Drive"),
        ("Library/CloudStorage/OneDrive-Personal", "OneDrive"),
        ("nextcloud", "Nextcloud"),
        ("work", ""),
        ("dropboxes", ""),
        ("my box", ""),
    ],
)
def test_a_folder_is_known_by_its_name(tmp_path, folder, program):
    place = tmp_path / folder
    place.mkdir(parents=True)
    assert sync_program(place / "p.juku") == program
    assert bool(location_warning(place / "p.juku")) is bool(program)
    if program:
        assert program in location_warning(place / "p.juku")


@pytest.mark.parametrize(
    ("marker", "program"),
    [
        (".stfolder", "Syncthing"),
        (".dropbox", "Dropbox"),
        (".sync_9f0a1b2c.db", "Nextcloud"),
        (".owncloudsync.log", "Nextcloud"),
        (".sync_notes.txt", ""),
        ("dropbox", ""),
        (".dropbox/", ""),
        (".dropbox.cache/", "Dropbox"),
        (".stfolder/", "Syncthing"),
    ],
)
def test_a_folder_is_known_by_what_lies_in_it(tmp_path, marker, program):
    (tmp_path / "top" / "deep" / "deeper").mkdir(parents=True)
    place = tmp_path / "top" / marker
    place.mkdir() if marker.endswith("/") else place.touch()
    assert sync_program(tmp_path / "top" / "deep" / "deeper" / "p.juku") == program


def test_a_link_into_such_a_folder_is_seen_through(tmp_path):
    (tmp_path / "Dropbox").mkdir()
    (tmp_path / "Dropbox" / "p.juku").touch()
    link = tmp_path / "p.juku"
    link.symlink_to(tmp_path / "Dropbox" / "p.juku")
    assert sync_program(link) == "Dropbox"


MOUNTINFO = r"""22 28 0:21 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:44 / {place}/net rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
31 30 0:45 / {place}/net/local\040disk rw shared:3 - ext4 /dev/sdb1 rw
32 22 0:46 / {place}/ssh rw,nosuid shared:4 - fuse.sshfs me@host: rw
33 22 0:47 / {place}/over rw - ext4 /dev/sdc1 rw
34 22 0:48 / {place}/over rw - cifs //host/share rw
"""


@pytest.mark.skipif(sys.platform == "win32", reason="paths of that kind")
@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("net/work", "nfs4"),
        ("net/local disk", ""),
        ("network", ""),
        ("ssh", "fuse.sshfs"),
        ("over/x", "cifs"),
        ("x", ""),
    ],
)
def test_a_network_drive_is_known_by_its_mount(tmp_path, monkeypatch, folder, kind):
    told = tmp_path / "mountinfo"
    told.write_text(MOUNTINFO.format(place=tmp_path))
    monkeypatch.setattr(synced_folders, "MOUNT_INFO", told)
    (tmp_path / folder).mkdir(parents=True)
    assert network_drive(tmp_path / folder / "p.juku") == kind
    assert (kind in location_warning(tmp_path / folder / "p.juku")) or not kind


def test_macos_tells_by_mount(monkeypatch):
    told = (
        "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n"
        "//me@host/share on /Volumes/my share (smbfs, nodev, nosuid, mounted by me)\n"
        "/dev/disk4s1 on /Volumes/stick (msdos, local)\n"
    )
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_more: subprocess.CompletedProcess(command, 0, stdout=told)
    )
    assert synced_folders._from_mount_command(Path("/Volumes/my share/a/p.juku")) == "smbfs"
    assert synced_folders._from_mount_command(Path("/Volumes/stick/p.juku")) == "msdos"
    assert synced_folders._from_mount_command(Path("/Users/me/p.juku")) == "apfs"


def test_this_disk_is_no_network(tmp_path):
    assert network_drive(tmp_path / "p.juku") == ""


def test_a_folder_that_is_gone_raises_nothing():
    assert sync_program(Path("/nowhere/at/all/p.juku")) == ""
    assert network_drive(Path("/nowhere/at/all/p.juku")) == ""
