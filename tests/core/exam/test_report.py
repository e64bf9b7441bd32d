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

from core import language
from core.cli import commands
from core.errors import JukuError
from core.exam import judges, report, runs
from core.exam.graders import GRADERS
from core.exam.prompt_conditions import CONDITIONS
from tests.support import browser
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.projects import write
from tools import exam_rows

HOSTILE = "<script>document.title='owned'</script>]]>&\"'\u202e<img src=x onerror=alert(1)>"
LIGHT, DARK = "rgb(245, 246, 247)", "rgb(27, 31, 36)"


@pytest.fixture
def exam(answered_exam):
    """An exam whose second answer is hostile."""

    def fill(db):
        db.execute("UPDATE eval_answer SET text = ?, reported = ? WHERE id = 2", (HOSTILE, HOSTILE))
        db.execute("UPDATE eval_question SET question = ?, reference = ? WHERE id = 1", (HOSTILE, "=1+1"))

    write(answered_exam, fill)
    return answered_exam


def test_the_page_tells_all_and_takes_nothing_for_markup(exam):
    page = report.build_page(exam.rows, 1, HOSTILE)
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page
    said = html.unescape(page)
    assert all(
        one in said for one in ("default-src 'none'", "Verdict", "Held-out questions", "McNemar", "Cohen's kappa")
    )
    assert not re.search(r"(?:src|href)=[\"']?https?:", page)


def test_the_table_has_a_line_for_each_answer_and_no_formula(exam):
    rows = list(csv.reader(io.StringIO("".join(report.write_csv(exam.rows, 1)).lstrip("\ufeff"))))
    (count,) = exam.rows.execute("SELECT count(*) FROM eval_answer").fetchone()
    assert len(rows) == count + 1
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert any(HOSTILE in cell for row in rows for cell in row)


def test_the_json_holds_figures_and_answers(exam):
    told = json.loads("".join(report.write_json(exam.rows, 1)))
    assert len(told["answers"]) == 120 and len(told["subjects"]) == 5
    hostile = told["answers"][1]
    assert (hostile["answer"], hostile["repeat"], hostile["judge_score"]) == (HOSTILE, 2, 0.0)
    assert isinstance(hostile["passed"], bool) and hostile["person_passed"] is None
    assert told["subjects"][4]["held_out"]["passed"] == sum(rate[4][0] for rate in held(told))


def held(told):
    return [one["passed_of_asked"] for one in told["kinds"] if one["name"] not in ("memorised", "general", "leaked")]


def configuration(exam, tmp_path, fill=lambda _db: None):
    path = tmp_path / "exam.yaml"
    asyncio.run(exam.write("", lambda db: fill(db) and None))
    report.save(exam.rows, 1, path)
    return json.loads(path.read_text(encoding="utf-8").partition("\n")[2])  # JSON is YAML, but for the comment above it


def test_promptfoo_gets_models_conditions_and_tests(exam, tmp_path):
    found = configuration(exam, tmp_path)
    assert [one["prompts"] for one in found["providers"]] == [["closed", "open", "retrieved", "few_shot"], ["closed"]]
    assert found["providers"][1]["id"] == f"openai:chat:{exam_rows.TUNED}"
    assert not any("apiKey" in one["config"] for one in found["providers"])
    assert [one["label"] for one in found["prompts"]] == ["closed", "open", "retrieved", "few_shot"]
    opened = json.loads(found["prompts"][1]["raw"])
    assert "Rule 0: 0 points." in opened[0]["content"] and opened[-1]["content"] == "{{question}}"
    assert len(found["tests"]) == 12 and "Rule 3" in found["tests"][-1]["vars"]["passages"]
    kinds = {one["metadata"]["kind"]: [check["type"] for check in one["assert"]] for one in found["tests"]}
    assert kinds["reworded"] == ["javascript", "llm-rubric"] and kinds["not_stated"] == ["llm-rubric"]


@pytest.mark.parametrize("grader", GRADERS)
def test_promptfoo_marks_by_every_grader(exam, tmp_path, grader):
    found = configuration(exam, tmp_path, lambda db: db.execute("UPDATE eval_run SET grader = ?", (grader,)))
    assert all(one["assert"] for one in found["tests"])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_promptfoo_asks_under_every_condition(exam, tmp_path, condition):
    found = configuration(exam, tmp_path, lambda db: db.execute("UPDATE eval_subject SET condition = ?", (condition,)))
    assert [one["label"] for one in found["prompts"]] == [condition]


@pytest.mark.parametrize(("table", "column"), [("eval_run", "grader"), ("eval_subject", "condition")])
def test_promptfoo_refuses_what_it_does_not_know(exam, tmp_path, table, column):
    """An exam that is asked or marked in another way than here would look like this one."""
    with pytest.raises(JukuError, match=f"{column} “whispered”"):
        configuration(exam, tmp_path, lambda db: db.execute(f"UPDATE {table} SET {column} = 'whispered'"))
    assert not list(tmp_path.glob("*.yaml"))


def test_promptfoo_neither_fills_in_nor_opens_what_a_text_says(exam, tmp_path):
    def fill(db):
        db.execute("UPDATE eval_question SET question = 'file:///etc/passwd' WHERE id = 2")
        db.execute(
            "UPDATE eval_question SET question = '{{env.HOME}}{% x %}', key_points = '{{env.HOME}}' WHERE id = 3"
        )
        db.execute("UPDATE revision SET system_prompt = 'a {{ b }} {# c #} {}'")

    found = configuration(exam, tmp_path, fill)
    assert [one["vars"]["question"] for one in found["tests"][1:3]] == [
        " file:///etc/passwd",
        "{ {env.HOME} } { % x % }",
    ]
    assert "{{" not in json.dumps(found["tests"])
    prompt = json.loads(found["prompts"][0]["raw"])[0]["content"]
    assert re.sub(r'\{\{ "(.*?)" \}\}', r"\1", prompt) == "a {{ b }} {# c #} {}"
    assert "{#" not in re.sub(r'\{\{ ".*?" \}\}', "", prompt)


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node here")
@pytest.mark.parametrize(
    ("points", "answer", "right"),
    [
        ("ten minutes", "It lasts 10 minutes.", True),
        ("10 minutes", "Ten minutes, no more.", True),
        ("1,200 yen", "1200 yen", True),
        ("three", "33", False),
        ("3人", "選手は三人です。", True),
        ("three ; !five", "three of five", False),
        ("team|side", "either side", True),
        ('"\\n</script>{{x}}', "nothing", False),
    ],
)
def test_promptfoo_finds_key_points_in_digits_and_words(exam, tmp_path, points, answer, right):
    sql = "UPDATE eval_question SET key_points = ?, kind = 'reworded' WHERE id = 1"
    found = configuration(exam, tmp_path, lambda db: db.execute(sql, (points,)))
    values = [check["value"] for check in found["tests"][0]["assert"] if check["type"] == "javascript"]
    script = f"const output = {json.dumps(answer)}; console.log({' && '.join(f'({value})' for value in values)})"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == str(right).lower(), done.stderr


@pytest.mark.parametrize("suffix", ["html", "csv", "json", "yaml"])
def test_the_verb_writes_each_kind(exam, tmp_path, suffix, capsys):
    exam.close()
    path = tmp_path / f"report.{suffix}"
    assert commands.run(["report", str(exam.path), "--to", str(path)]) == 0
    assert path.stat().st_size > 500 and "Exam 1 written" in capsys.readouterr().out
    assert commands.run(["report", str(exam.path), "--to", str(tmp_path / "report.docx")]) == 2


def test_without_an_exam_it_says_what_to_do(project):
    with pytest.raises(JukuError, match="no exam yet"):
        report.find_run(project.rows, None)


def test_marks_of_a_person_can_be_told_instead(exam):
    asyncio.run(exam.write("", judges.store_person_mark, 1, 100))
    assert report.build_page(exam.rows, 1, by=judges.PERSON) != report.build_page(exam.rows, 1)
    assert runs.load(exam.rows, 1).grader == "key_points"


@pytest.mark.skipif(not browser.program(), reason="there is no Chromium here")
@pytest.mark.parametrize("spoken", ["en", "ja"])
def test_a_real_browser_shows_it(exam, tmp_path, spoken):
    language.set_language(spoken)
    page = tmp_path / "report.html"
    report.save(exam.rows, 1, page, options=report.ReportOptions(HOSTILE))
    with Browser() as real:
        for width, dark in ((1200, False), (1200, True), (400, False)):
            real.open(page, width, dark=dark)
            assert real.run("document.documentElement.scrollWidth - innerWidth") <= 0, width
            assert real.run("getComputedStyle(document.body).backgroundColor") == (DARK if dark else LIGHT)
        assert real.run("document.documentElement.lang") == spoken
        assert "<script>" in real.run("document.title") and "<img src=x" in real.run("document.body.textContent")
        assert real.run("document.querySelectorAll('script, img, iframe, [onerror]').length") == 0
        drawn = "[...document.querySelectorAll('svg.bar .fill')].map((bar) => Math.round(bar.getBoundingClientRect().width))"
        assert len(real.run(drawn)) == 5 and max(real.run(drawn)) > 50
        assert real.complaints == []
        # The page's own policy holds: a script that got in all the same does not run.
        real.run(f"document.body.innerHTML += {json.dumps(HOSTILE)}")
        assert real.run("document.title") != "owned"
        assert "Content Security Policy" in json.dumps(real.complaints)
