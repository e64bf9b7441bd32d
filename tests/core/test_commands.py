"""The verbs as a person types them: main.py in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent
GOOD = '{"messages": [{"role": "user", "content": "q%d"}, {"role": "assistant", "content": "a"}]}\n'


def main(*arguments, language="en"):
    return subprocess.run(
        [sys.executable, "main.py", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"LANGUAGE": language},
    )  # fmt: skip


def good_rows(count=12):
    return "".join(GOOD % number for number in range(count))


def test_check_says_file_line_rule_and_place(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(
        good_rows() + '{"messages": [{"role": "user", "content": "q"}, {"role": "assitant", "content": "a"}]}\n{oops\n'
    )
    done = main("check", path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{path}:13: error role-unknown $.messages[1].role ")
    assert "assistant" in lines[0]
    assert lines[1].startswith(f"{path}:14: error json-broken ")


def test_check_exit_status(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(good_rows())
    assert main("check", path).returncode == 0
    missing = main("check", tmp_path / "missing.jsonl", path)
    assert missing.returncode == 2
    assert "missing.jsonl" in missing.stderr
    assert main("check", tmp_path).returncode == 2


def test_check_as_json(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(good_rows() + "[]\n")
    problem = json.loads(main("check", path, "--json").stdout)
    assert (problem["line"], problem["rule"], problem["severity"]) == (13, "not-object", "error")


def test_new_import_export_is_lossless(tmp_path):
    project, source, out = tmp_path / "p.juku", tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    text = (
        good_rows() + '{"messages": [{"role":"user","content":"1"},{"role":"assistant","content":"x"}], "n": 1.50e1}\n'
    )
    source.write_text(text + "{broken\n", encoding="utf-8")
    assert main("new", project).returncode == 0
    assert main("new", project).returncode == 2, "an existing project is never replaced"
    imported = main("import", project, source, "--json")
    assert imported.returncode == 1
    result = json.loads(imported.stdout)
    assert (result["rows"], result["unread"][0]["line"]) == (13, 14)
    assert main("export", project, out).returncode == 0
    assert out.read_text(encoding="utf-8") == text


def test_import_exits_as_check_does(tmp_path):
    project, good, wrong = (tmp_path / name for name in ("p.juku", "good.jsonl", "wrong.jsonl"))
    good.write_text(good_rows())
    wrong.write_text(good_rows().replace('"assistant"', '"assitant"').replace("question", "asked"))
    main("new", project)
    assert main("import", project, good).returncode == 0
    done = main("import", project, wrong, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["errors"] == told["rows"] > 0 and "role-unknown" in told["rules"]
    unreadable = main("import", project, tmp_path / "nowhere.jsonl", good)
    assert unreadable.returncode == 2
    assert "good.jsonl" in unreadable.stdout  # the others are imported all the same


def test_samples_and_splits(tmp_path):
    project, out = tmp_path / "p.juku", tmp_path / "out.jsonl"
    assert main("new", project, "--sample", "hobannu-ja").returncode == 0
    done = main("export", project, out, "--rows", "plain", "--json")
    assert json.loads(done.stdout)["rows"] == 15
    assert len(out.read_text(encoding="utf-8").splitlines()) == 15
    assert "ホバンヌ" in out.read_text(encoding="utf-8")


def test_errors_are_in_words_and_in_the_persons_language(tmp_path):
    done = main("export", tmp_path / "no.juku", tmp_path / "o.jsonl", language="ja")
    assert done.returncode == 2
    assert "見つかりません" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["new", "import", "check", "export", "train", "ask", "exam", "serve"])
def test_help(verb):
    done = main(verb, "--help")
    assert done.returncode == 0
    assert "--json" in done.stdout


def test_an_import_stops_cleanly_on_ctrl_c(tmp_path):
    project, source = tmp_path / "p.juku", tmp_path / "in.jsonl"
    source.write_text((GOOD % 1) * 300_000)
    main("new", project)
    process = subprocess.Popen(
        [sys.executable, "main.py", "import", str(project), str(source)],
        cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=os.environ | {"LANGUAGE": "en"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job inherits it ignored
    )  # fmt: skip
    process.stderr.readline()  # the first report of progress: the import has begun
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in err) == (130, False)
    out = tmp_path / "out.jsonl"
    assert json.loads(main("export", project, out, "--json").stdout)["rows"] == 0


def test_a_table_is_piped_in_and_written_in_another_format(tmp_path):
    project, out = tmp_path / "p.juku", tmp_path / "out.csv"
    main("new", project)
    table = "Frage;Reply\nWie?;So.\nWo?;Da.\n".encode("cp932")
    columns = ["--column", "question=Frage", "--column", "answer=Reply"]
    arguments = ["import", project, "-", "--format", "csv", *columns, "--split", "test", "--tags", "t"]
    imported = subprocess.run(
        [sys.executable, "main.py", *map(str, arguments), "--json"], cwd=ROOT, capture_output=True, input=table
    )
    assert json.loads(imported.stdout)["rows"] == 2
    (tmp_path / "more.jsonl").write_text(good_rows(3) + '{"messages": []}\n')
    main("import", project, tmp_path / "more.jsonl")
    done = main("export", project, out, "--json")
    assert (done.returncode, json.loads(done.stdout)["left_out"]) == (1, {"messages": 1})
    done = main("export", project, out, "--filter", "split:test Wie", "--card", "--no-bom")
    assert done.returncode == 0, done.stderr
    assert out.read_text().splitlines()[1:] == [",Wie?,So.,test,,approved,,t,,,"]
    assert "SHA-256" in (tmp_path / "out.csv.card.md").read_text(encoding="utf-8")
    assert main("export", project, tmp_path / "hub").returncode == 0
    assert (tmp_path / "hub" / "data" / "test.jsonl").exists()


def test_a_column_that_means_nothing_known_is_refused(tmp_path):
    done = main("import", tmp_path / "p.juku", "-", "--column", "colour=x")
    assert done.returncode == 2
    assert "question" in done.stderr
