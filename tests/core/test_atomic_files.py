"""What replaces a file has its bytes on the disk first: told by the calls of the system that are really made."""

import os
import stat
from pathlib import Path

import pytest

from core import atomic_files, paths, prompts, settings
from core.dataset import exporting, search_index_builder
from core.engine import disk_store, record_files
from core.engine import private_files as engine_files
from core.formats.output_files import replace_file
from core.progress import Reporter
from core.providers import prices
from core.providers.prices import PriceEntry
from core.settings import Settings
from core.training import rescue


@pytest.fixture
def calls(monkeypatch):
    """What is synced and renamed from now on, in order: ("sync", path) and ("rename", from, to)."""
    made = []
    fsync, replace, rename = os.fsync, os.replace, os.rename

    def note_sync(handle):
        made.append(("sync", str(Path(f"/proc/self/fd/{handle}").readlink())))
        fsync(handle)

    def note_rename(call):
        def noted(source, target, **more):
            made.append(("rename", os.path.realpath(source), os.path.realpath(target)))
            call(source, target, **more)

        return noted

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_rename(replace))
    monkeypatch.setattr(os, "rename", note_rename(rename))
    return made


def require_durable(made, target):
    """The last rename to `target` came after a sync of all that it moves, and before one of the folder."""
    target = os.path.realpath(target)
    renames = [at for at, call in enumerate(made) if call[0] == "rename" and call[2] == target]
    assert renames, f"nothing was renamed to {target}: {made}"
    at = renames[-1]
    source = made[at][1]
    before = {path.replace(source, target) for kind, path, *_rest in made[:at] if kind == "sync"}
    moved = {str(path) for path in Path(target).rglob("*") if path.is_file()} or {target}
    assert moved <= before, f"not on the disk before the rename: {moved - before}"
    assert ("sync", str(Path(target).parent)) in made[at:], "the new name is not on the disk"


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="names of open files are read from /proc")


def save_prompt(folder):
    text = "{fact} {quote} {wanted}"
    prompts.save("examples", "en", text)
    return prompts.custom_file("examples", "en")


def save_prices(folder):
    prices.save_own([PriceEntry("training", "m", {"dollars": 1.0})])
    return prices.own_file()


def save_settings(folder):
    settings.save(Settings(theme="dark"))
    return settings.settings_file()


def save_export(folder):
    with replace_file(folder / "rows.jsonl") as file:
        file.write(b"{}\n")
    return folder / "rows.jsonl"


def save_engine_value(folder):
    record_files.write_json(folder / "job.json", {"status": "queued"})
    return folder / "job.json"


def save_upload(folder):
    found = disk_store.FileStore(folder / "files").add("a.jsonl", "fine-tune", lambda path: path.write_bytes(b"{}\n"))
    return folder / "files" / found["id"]


def save_adapter(folder):
    (folder / "part").mkdir()
    (folder / "part" / "adapter_model.safetensors").write_bytes(b"weights")
    models = disk_store.ModelStore(folder / "models")
    models.add(folder / "part", {"id": "ft:a"})
    return models.get("ft:a")[1]


def save_state(folder):
    (folder / "state.tmp").write_bytes(b"state")
    engine_files.replace_file(folder / "state.tmp", folder / "state")
    return folder / "state"


@needs_proc
@pytest.mark.parametrize(
    "save",
    [save_settings, save_prices, save_prompt, save_export, save_engine_value, save_upload, save_adapter, save_state],
)
def test_what_replaces_a_file_is_on_the_disk_first(calls, tmp_path, save):
    """`require_durable` looks at the order in which the file was synced and renamed."""
    require_durable(calls, save(tmp_path))


@needs_proc
def test_an_export_in_a_folder_is_on_the_disk_first(calls, sample, tmp_path):
    """`require_durable` looks at the order in which the files were synced and renamed."""
    exporting.export(sample.rows, tmp_path / "out", format=exporting.HUGGINGFACE_FOLDER)
    require_durable(calls, tmp_path / "out")


@needs_proc
def test_the_search_index_is_on_the_disk_before_it_says_that_it_is_whole(calls, sample, tmp_path):
    """`require_durable` looks at the order in which the files were synced and renamed."""
    folder = search_index_builder.get_index_folder(sample.path)
    search_index_builder.build_index({"project": str(sample.path), "folder": str(folder)}, Reporter())
    require_durable(calls, folder)


@needs_proc
def test_a_rescued_file_is_on_the_disk(calls, tmp_path):
    path = rescue._write_file(tmp_path, "model.json", b"{}")
    assert calls == [("sync", str(path)), ("sync", str(tmp_path))]


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    path.write_bytes(b"old")

    def refuse(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        atomic_files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    with pytest.raises(OSError, match="No space"):
        atomic_files.write_new(tmp_path / "other", b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["settings.json"]


def test_a_link_stays_a_link_and_permissions_stay(tmp_path):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    atomic_files.write_atomically(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="permissions of that kind")
@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_in_a_circle_are_no_mistake_of_ours(tmp_path):
    """`Path.resolve` raises RuntimeError for them, which is no answer to who wants to save something."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    atomic_files.write_atomically(one, b"new")
    assert one.read_bytes() == b"new"


def test_settings_prices_and_prompts_are_nobody_elses(tmp_path):
    for save in (save_settings, save_prices, save_prompt):
        assert stat.S_IMODE(save(tmp_path).stat().st_mode) == 0o600
    assert not list(paths.config_folder().rglob("*.tmp"))
