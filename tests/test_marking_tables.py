"""The table of two readers: how far they agree, and the exam's grader with what both say."""

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tools import bench_teach, measure_marking

HOME = bench_teach.DOMAINS / "development" / "quillmarsh-weather-house"


def test_the_grader_is_compared_with_what_both_readers_say(tmp_path):
    folder = tmp_path / "development" / HOME.name
    shutil.copytree(HOME, folder)
    asked = [one for one in bench_teach.load_domain(HOME).questions if one["kind"] == "reworded"][:4]
    marks = [(one["question"], one["right"][0], True, True) for one in asked]
    marks += [(one["question"], one["wrong"][0], False, place == 0) for place, one in enumerate(asked)]
    lines = [
        json.dumps(dict(zip(("question", "answer", "first", "second"), one, strict=True)), ensure_ascii=False)
        for one in marks
    ]
    (folder / measure_marking.MARKED).write_text("\n".join(lines), "utf-8")
    _head, _line, *rows = measure_marking.build_readers_tables([folder])
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row]
    assert cells[0][1:3] == ["8", "87.5%"], "the readers differ in one of eight"
    assert cells[1][1:3] == ["7", "100.0%"] and "both readers mark alike" in cells[1][0]
    assert [row[1] for row in cells if row[0].endswith("as the first reader")] == ["8", "8"]
