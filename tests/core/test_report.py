"""Reports of an exam: what they hold, that no text becomes markup, and the page in a real browser."""

import asyncio
import csv
import html
import io
import json
import re
import shutil
import subprocess

import pytest

from core import commands, evals, judges, report
from core.errors import JukuError
from tools import exam_rows

HOSTILE = "<script>document.title='owned'</script>]]>&\"'\u202e<img src=x onerror=alert(1)>"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def exam(project):
    """An exam of five subjects whose second answer is hostile."""

    def fill(db):
        exam_rows.fill(db)
        db.execute("UPDATE eval_answer SET text = ?, reported = ? WHERE id = 2", (HOSTILE, HOSTILE))
        db.execute("UPDATE eval_question SET question = ?, reference = ? WHERE id = 1", (HOSTILE, "=1+1"))

    asyncio.run(project.write("", fill))
    return project


def test_the_page_tells_all_and_takes_nothing_for_markup(exam):
    page = report.html(exam.rows, 1, HOSTILE)
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page
    said = html.unescape(page)
    assert all(
        one in said for one in ("default-src 'none'", "Verdict", "Held-out questions", "McNemar", "Cohen's kappa")
    )
    assert not re.search(r"(?:src|href)=[\"']?https?:", page)


def test_the_table_has_a_line_for_each_answer_and_no_formula(exam):
    rows = list(csv.reader(io.StringIO("".join(report.csv(exam.rows, 1)).lstrip("\ufeff"))))
    (count,) = exam.rows.execute("SELECT count(*) FROM eval_answer").fetchone()
    assert len(rows) == count + 1
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert any(HOSTILE in cell for row in rows for cell in row)


def test_the_json_holds_figures_and_answers(exam):
    told = json.loads("".join(report.as_json(exam.rows, 1)))
    assert HOSTILE in json.dumps(told, ensure_ascii=False).replace('\\"', '"')


def test_promptfoo_gets_its_tests(exam, tmp_path):
    path = tmp_path / "exam.yaml"
    report.save(exam.rows, 1, path)
    text = path.read_text(encoding="utf-8")
    assert all(f"{name}:" in text or f'"{name}"' in text for name in ("prompts", "providers", "tests", "assert"))


@pytest.mark.parametrize("suffix", ["html", "csv", "json", "yaml"])
def test_the_verb_writes_each_kind(exam, tmp_path, suffix, capsys):
    exam.close()
    path = tmp_path / f"report.{suffix}"
    assert commands.run(["report", str(exam.path), "--to", str(path)]) == 0
    assert path.stat().st_size > 500 and "Exam 1 written" in capsys.readouterr().out
    assert commands.run(["report", str(exam.path), "--to", str(tmp_path / "report.docx")]) == 2


def test_without_an_exam_it_says_what_to_do(project):
    with pytest.raises(JukuError, match="no exam yet"):
        report.find(project.rows, None)


def test_marks_of_a_person_can_be_told_instead(exam):
    asyncio.run(exam.write("", judges.mark_by_person, 1, 100))
    assert report.html(exam.rows, 1, by=judges.PERSON) != report.html(exam.rows, 1)
    assert evals.one(exam.rows, 1).grader == "key_points"


@pytest.mark.skipif(not BROWSER, reason="there is no Chromium here")
@pytest.mark.parametrize("width", [1200, 400])
def test_a_real_browser_shows_it(exam, tmp_path, width):
    page = tmp_path / "report.html"
    report.save(exam.rows, 1, page)
    # Its own script is stopped by the page's policy, so the width is measured from outside: in a frame of that width.
    probe = tmp_path / "probe.html"
    probe.write_text(
        f'<iframe id=f src="report.html" width={width} height=900></iframe><script>onload = () => {{ const d = '
        "document.getElementById('f').contentDocument; document.body.dataset.told = JSON.stringify({title: d.title, "
        "text: d.body.innerText.length, over: d.documentElement.scrollWidth - d.documentElement.clientWidth, "
        "svg: d.querySelectorAll('svg').length, images: d.images.length}) }</script>"
    )
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--virtual-time-budget=4000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", probe.as_uri()],
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    told = re.search(r'data-told="([^"]*)"', done.stdout)
    assert told, done.stderr[-2000:]
    found = json.loads(told[1].replace("&quot;", '"'))
    assert found["title"] != "owned" and found["text"] > 2000 and found["svg"] and not found["images"]
    assert found["over"] <= 0
