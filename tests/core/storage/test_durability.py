"""What is done is on the disk: the very calls are looked at, since nothing else tells a lost fsync before a power cut."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.formats import jsonl
from core.paths import ROOT

WORK = """
import asyncio, os, sys
from pathlib import Path
from core.dataset import examples, exporting, importing
from core.formats import jsonl
from core.storage.project import Project

def done(what):
    os.write(1, f"DONE {what}".encode())

async def go(folder):
    project = Project(folder / "p.juku")
    row = examples.read_row(jsonl.new_row("", "q", "a"))
    await project.write("", examples.add, [row])
    done("mark")
    await project.write("", examples.set_field, 1, "answer", "b")
    done("edit")
    await importing.import_file(project, folder / "rows.jsonl")
    done("import")
    await project.undo()
    done("undo")
    await project.checkpoint()
    done("checkpoint")
    await project.read(exporting.export, folder / "out.jsonl")
    done("export")
    project.close()

asyncio.run(go(Path(sys.argv[1])))
"""

# Until each of these is done, the disk must have been waited for on a file of this name.
WANTED = {"mark": "p.juku", "edit": "p.juku-wal", "import": "p.juku-wal", "undo": "p.juku-wal", "checkpoint": "p.juku",
          "export": ".tmp"}  # fmt: skip


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_each_step_waits_for_the_disk(tmp_path):
    trace = tmp_path / "trace"
    (tmp_path / "rows.jsonl").write_text("".join(jsonl.new_row("", f"q{n}", "a") + "\n" for n in range(100)))
    command = ["strace", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,write", "-o", str(trace), sys.executable, "-c", WORK]  # fmt: skip
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    if "ptrace" in done.stderr.lower():
        pytest.skip("nothing may be traced here")
    assert not done.returncode, done.stderr
    synced, missing = set(), dict(WANTED)
    for line in trace.read_text().splitlines():
        if found := re.search(r"(?:fsync|fdatasync)\(\d+<([^>]*)>", line):
            synced.add(Path(found[1]).name)
        elif found := re.search(r"DONE (\w+)", line):
            if any(missing[found[1]] in name for name in synced):
                del missing[found[1]]
            synced.clear()
    assert not missing
