"""The local engine's packages from a real index on the loopback: fetched by pip and by hand, broken off, gone on with."""

import contextlib
import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from core.errors import JukuError
from core.installation import engine_folder, engine_install, engine_plan, package_download
from core.installation.engine_plan import EnginePlan, make_plan
from core.installation.package_download import PackageFile
from core.paths import ROOT
from core.progress import Cancelled, Reporter

NAME = "tinyengine"
BIG = 3_000_000  # bytes of a file that is not compressed


def make_wheel(folder, name, version, code, needs="", padding=0):
    """A wheel as pip takes it."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(f"{name}.bin", bytes(range(256)) * (padding // 256))
        requires = f"Requires-Dist: {needs}\n" if needs else ""
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nAuthor: 塾\n{requires}"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


class Index(ThreadingHTTPServer):
    """A package index that can break off, and that notes what it was asked for."""

    def __init__(self, folder) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.ranges, self.break_after, self.refuses, self.has_hashes = folder, [], None, False, True
        self.hidden, self.length, self.is_endless = "", "", False
        self.url = f"http://127.0.0.1:{self.server_port}/simple/"

    def file(self, wheel):
        name, version = wheel.name.split("-")[:2]
        url = f"http://127.0.0.1:{self.server_port}/files/{wheel.name}"
        return PackageFile(name, version, url, hashlib.sha256(wheel.read_bytes()).hexdigest(), wheel.stat().st_size)

    def wheels(self, name=""):
        return sorted(path for path in self.folder.glob("*.whl") if path.name.partition("-")[0].startswith(name))


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        index, path = self.server, unquote(self.path)
        if path.startswith(("/simple/", "/builds/")):
            found = index.wheels(path.split("/")[2].replace("-", "_"))
            hidden = index.hidden if path.startswith("/simple/") else ""
            lines = [self.link(wheel) for wheel in found if not (hidden and hidden in wheel.name)]
            return self.send("<!doctype html><body>" + "\n".join(lines), "text/html")
        wheel = index.folder / path.rpartition("/")[2]
        if index.refuses and "pip/" not in self.headers.get("User-Agent", ""):
            return self.send("who are you?", "text/plain", 401)
        data, asked = wheel.read_bytes(), self.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if with_body:
            index.ranges.append(start)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", index.length or str(len(data) - start))
        self.end_headers()
        if with_body and index.is_endless:
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(data)
        elif with_body:
            limit, index.break_after = index.break_after, None
            self.wfile.write(data[start:] if limit is None else data[start : start + limit])
        self.close_connection = True
        return None

    def link(self, wheel):
        digest = f"#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}" if self.server.has_hashes else ""
        return f'<a href="/files/{wheel.name}{digest}">{wheel.name}</a>'

    def send(self, text, kind, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def index(tmp_path, monkeypatch):
    folder = tmp_path / "index"
    folder.mkdir()
    make_wheel(folder, NAME, "1.0", "import tinydependency\n", "tinydependency>=1", BIG)
    make_wheel(folder, "tinydependency", "1.2", "value = 1\n")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT", engine_plan.INDEX_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(engine_folder, "is_in_own_environment", lambda: False)
    with Index(folder) as server:
        thread = threading.Thread(target=partial(server.serve_forever, 0.01))
        thread.start()
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        yield server
        server.shutdown()
        thread.join()


def plan_of(index):
    """What pip would find, without the second that it takes."""
    return EnginePlan(tuple(map(index.file, reversed(index.wheels()))))


def install(plan):
    return engine_install.install(plan, Reporter(), (NAME,))


def downloads():
    return sorted(path.name for path in (engine_folder.packages_folder() / "downloads").glob("*"))


def test_the_engine_is_planned_fetched_tried_and_then_there(index):
    plan = make_plan(Reporter(), [NAME])
    assert [(file.name, file.version) for file in plan.files] == [(NAME, "1.0"), ("tinydependency", "1.2")]
    assert plan.bytes == sum(path.stat().st_size for path in index.wheels()) and not plan.unknown_sizes
    assert not engine_folder.has_engine()
    seen = []
    manifest = engine_install.install(plan, Reporter(lambda one: seen.append((one.done, one.total))), (NAME,))
    assert manifest.packages == {NAME: "1.0", "tinydependency": "1.2"}
    assert seen[-1] == (plan.bytes, plan.bytes) and len(seen) > 3
    assert engine_folder.has_engine() and not downloads()
    code = f"import {NAME}; print({NAME}.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=engine_folder.child_environment(), capture_output=True, text=True
    )
    assert done.stdout.strip().startswith(str(engine_folder.installed_folder()))
    assert engine_install.remove() and not engine_folder.has_engine()


def test_cancelled_and_gone_on_with(index):
    plan = plan_of(index)
    reporter = Reporter(lambda one: reporter.cancel() if one.done > BIG // 2 else None)
    with pytest.raises(Cancelled):
        engine_install.install(plan, reporter, (NAME,))
    (part,) = downloads()
    assert part.endswith(".part") and not engine_folder.has_engine()
    size = (engine_folder.packages_folder() / "downloads" / part).stat().st_size
    index.ranges.clear()
    install(plan)
    assert index.ranges == [size, 0]  # on from there; the other file from its beginning
    assert engine_folder.has_engine()


KILLED = """
import json, os, sys
from core.installation import engine_install, package_download
from core.progress import Reporter
files = tuple(package_download.PackageFile(*one) for one in json.loads(sys.argv[1]))
stop = int(sys.argv[2])
engine_install.install(engine_install.EnginePlan(files), Reporter(lambda one: os._exit(9) if one.done > stop else None), ())
"""


def test_killed_and_gone_on_with(index):
    plan = plan_of(index)
    files = json.dumps([dataclasses.astuple(one) for one in plan.files])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, files, str(BIG // 2)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (9, "")
    assert len(downloads()) == 1
    index.ranges.clear()
    install(plan)
    assert max(index.ranges) > BIG // 2 and engine_folder.has_engine()


def test_a_break_of_the_connection_is_gone_on_with(index):
    plan = plan_of(index)
    index.ranges.clear()
    index.break_after = 1_000_000
    install(plan)
    assert index.ranges == [0, 1_000_000, 0]


def test_a_damaged_file_and_packages_that_do_not_work_are_not_installed(index):
    plan = plan_of(index)
    wrong = tuple(PackageFile(one.name, one.version, one.url, "0" * 64, one.bytes) for one in plan.files)
    with pytest.raises(JukuError, match="damaged"):
        install(EnginePlan(wrong))
    assert not downloads() and not engine_folder.has_engine()
    install(plan)
    before = engine_folder.load_manifest()
    with pytest.raises(JukuError, match="do not work"):
        engine_install.install(plan, Reporter(), ("absent_module",))
    assert engine_folder.load_manifest() == before  # the last one stays


def test_a_file_without_a_checksum_is_read_through(index):
    index.has_hashes = False  # pip computes one then
    files = make_plan(Reporter(), [NAME]).files
    assert all(len(file.sha256) == 64 for file in files)
    bare = dataclasses.replace(files[1], sha256="")
    folder = index.folder.parent / "fetched"
    folder.mkdir()
    assert package_download.fetch(bare, folder, lambda _count: None).name == files[1].file_name
    index.wheels(NAME)[0].write_bytes(b"no archive")
    with pytest.raises(JukuError, match="damaged"):
        package_download.fetch(dataclasses.replace(files[0], sha256=""), folder, lambda _count: None)


def test_a_server_that_asks_who_one_is_is_left_to_pip(index):
    plan = plan_of(index)
    index.refuses = True
    install(plan)
    assert engine_folder.has_engine()


def test_what_fails_is_said(index, monkeypatch):
    with pytest.raises(JukuError, match="absent-package"):
        make_plan(Reporter(), ["absent-package"])
    plan = plan_of(index)
    monkeypatch.setattr(engine_install, "UNPACKED_RATIO", 1e12)
    with pytest.raises(JukuError, match="too little room"):
        install(plan)
    gone = tuple(
        PackageFile(one.name, one.version, f"http://127.0.0.1:1/{one.file_name}", one.sha256, one.bytes)
        for one in plan.files
    )
    monkeypatch.undo()
    with pytest.raises(JukuError, match="could not be fetched"):
        package_download.fetch(gone[0], index.folder.parent, lambda _count: None)
    with pytest.raises(JukuError, match="no web address"):
        package_download.fetch(PackageFile("a", "1", "ftp://127.0.0.1/a.whl"), index.folder, lambda _count: None)


def test_the_build_for_the_card_is_taken_where_the_index_has_it(index, monkeypatch):
    monkeypatch.setenv(engine_plan.INDEX_VARIABLE, index.url + "{build}")
    plan = make_plan(Reporter(), [NAME])
    assert (plan.build, plan.files[0].version) == ("", "1.0")
    assert any("no build" in note for note in plan.notes)
    make_wheel(index.folder, NAME, "1.0+cpu", "import tinydependency\n", "tinydependency>=1")
    assert make_plan(Reporter(), [NAME]).build == "cpu"


UV = """
import os, sys
assert sys.stdin.read() == "torch" and "--torch-backend" in sys.argv
print("torch==1.0+cpu\\n    # via -\\n    # from " + os.environ["PIP_INDEX_URL"].replace("simple", "builds"))
"""


def test_uv_is_asked_for_an_index_where_the_usual_build_does_not_fit(index, monkeypatch):
    make_wheel(index.folder, "torch", "1.0", "", "nvidia-tiny")
    make_wheel(index.folder, "nvidia_tiny", "1.0", "")
    make_wheel(index.folder, "uv", "1.0", UV)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    plan = make_plan(Reporter(), ["torch"])  # that index has no other build: the usual one stays, with a word
    assert (plan.build, len(plan.files)) == ("", 2) and "of no use" in plan.notes[0]
    make_wheel(index.folder, "torch", "1.0+cpu", "")
    index.hidden = "+cpu"  # in the usual index
    plan = make_plan(Reporter(), ["torch"])
    assert (plan.build, [file.version for file in plan.files], plan.notes) == ("cpu", ["1.0+cpu"], ())


def test_the_extras_requirements_are_found():
    found = engine_plan.find_requirements()
    assert any(line.startswith("torch") for line in found) and all("extra" not in line for line in found)


@pytest.mark.parametrize(
    "address", ["http://h/../../etc/a.whl", "http://h/%2e%2e%2fa.whl", "http://h/a.whl#x", "http://h/x%5C..%5Ca.whl"]
)
def test_a_files_name_is_no_path(address):
    assert PackageFile("a", "1", address).file_name == "a.whl"


@pytest.mark.parametrize(
    "address", ["http://h/", "http://h/..", "http://h/C%3Aa.whl", "http://h/a%00.whl", "http://[h/a.whl"]
)
def test_an_address_without_the_name_of_a_wheel_is_not_fetched(tmp_path, address):
    file = PackageFile("a", "1", address)
    with pytest.raises(JukuError, match="not the file that the index names"):
        package_download.fetch(file, tmp_path, print)
    assert not [*tmp_path.iterdir()]


def test_a_server_that_sends_without_an_end_fills_no_disk(index, tmp_path):
    file = index.file(index.wheels()[0])
    index.is_endless, index.length = True, "²"  # a digit that is no number
    assert package_download.find_size(file) is None
    with pytest.raises(JukuError, match="not the file that the index names"):
        package_download.fetch(file, tmp_path, lambda _count: None)
    assert not [*tmp_path.glob("*.part")]


def test_where_the_new_engine_cannot_take_its_place_the_last_one_stays(index, monkeypatch):
    install(plan_of(index))
    folder, rename = engine_folder.installed_folder(), Path.rename

    def refuse(path, target):
        if path.name == "staging":
            raise PermissionError("in use")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(JukuError, match="in use"):
        install(plan_of(index))
    assert engine_folder.load_manifest() is not None and (folder / f"{NAME}.py").exists()


def test_half_of_a_deleted_engine_is_no_engine(index, monkeypatch):
    """As on Windows, where a file that is in use cannot be deleted."""
    install(plan_of(index))

    def refuse(path, **_options):
        raise PermissionError("in use")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(JukuError, match="in use"):
        engine_install.remove()
    assert engine_folder.load_manifest() is None


def test_a_report_with_foreign_letters_is_read(index, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert len(make_plan(Reporter(), [NAME]).files) == 2
