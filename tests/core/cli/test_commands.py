"""The verbs as a person types them: main.py in a process of its own."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from core.cli import command_names, commands
from core.dataset import examples
from core.paths import ROOT
from core.storage.project import Project
from tests.support.patience import PATIENCE
from tests.support.projects import new_example

GOOD = '{"messages": [{"role": "user", "content": "q%d"}, {"role": "assistant", "content": "a%d"}]}\n'


def main(*arguments, language="en"):
    return subprocess.run(
        [sys.executable, "main.py", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"LANGUAGE": language},
    )  # fmt: skip


def good_rows(count=12):
    return "".join(GOOD % (number, number) for number in range(count))


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


def test_check_compares_rows_and_says_what_it_did_not_look_at(tmp_path):
    path, exam = tmp_path / "rows.jsonl", tmp_path / "exam.txt"
    path.write_text(good_rows())
    exam.write_text("q3\n")
    done = main("check", path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "12 rows checked." in done.stderr
    assert "--exam FILE" in done.stderr and "--model NAME" in done.stderr
    done = main("check", path, "--exam", exam, "--model", "5")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert f"{path}:4: warning split-leakage $ The question of line 1 of exam.txt is the same." in lines
    assert sum("row-too-long" in line for line in lines) == 12
    assert "1 exam question" in done.stderr and "--exam FILE" not in done.stderr
    done = main("check", path, "--rows-only")
    assert (done.returncode, "--rows-only" in done.stderr) == (0, True)
    assert main("check", path, "--rows-only", "--exam", exam).returncode == 2


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
    source.write_text((GOOD % (1, 1)) * 300_000)
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


@pytest.fixture
def incomplete(tmp_path):
    """A project that was copied while it was open, without its log: of two rows the file holds one."""
    path, copy = tmp_path / "open.juku", tmp_path / "copy.juku"

    async def go(project):
        await project.write("", examples.add, [new_example("kept")])
        await project.checkpoint()
        await project.write("", examples.add, [new_example("in the log")])

    with closing(Project(path)) as project:
        asyncio.run(go(project))
        shutil.copy(path, copy)
    return copy


def rows_of(path):
    with closing(Project(path)) as project:
        return [row.question for row in examples.iterate(project.rows)]


VERBS_WITH_A_PROJECT = {
    "import": ["rows.jsonl"],
    "export": ["out.jsonl"],
    "export-model": ["--model", "m", "--to", "out"],
    "train": [],
    "teach": [],
    "ask": ["Who?", "--model", "m"],
    "exam": ["--model", "m"],
    "report": [],
    "generate": [],
    "own-questions": [],
    "everyday": [],
    "link": [],
    "hold-out": [],
    "project info": [],
    "spec set": ["--name", "n"],
    "facts find": [],
    "rows delete": ["--filter", "*"],
    "jobs list": [],
    "chat": ["--model", "m"],
    "route": ["Who?"],
    "generate judge": ["--model", "m"],
}


@pytest.mark.parametrize("verb", VERBS_WITH_A_PROJECT)
def test_every_verb_says_what_is_missing_and_what_goes_on(incomplete, verb, capsys):
    before = incomplete.read_bytes()
    status = commands.run([*verb.split(), str(incomplete), *VERBS_WITH_A_PROJECT[verb]])
    said = capsys.readouterr()
    assert status == 3
    assert "The newest changes of “copy.juku” may be missing" in said.err
    assert "“--without-log”" in said.err and "“--in-copy FILE”" in said.err
    assert said.out == ""
    assert incomplete.read_bytes() == before


def test_a_log_that_is_anothers_is_told_in_the_same_way(incomplete, tmp_path, capsys):
    log = tmp_path / "copy.juku-wal"
    with closing(Project(tmp_path / "other.juku")) as project:
        asyncio.run(project.write("", examples.add, [new_example("other")]))
        shutil.copy(tmp_path / "other.juku-wal", log)
    assert commands.run(["link", str(incomplete)]) == 3
    assert "does not belong" in capsys.readouterr().err
    assert commands.run(["link", str(incomplete), "--in-copy", str(tmp_path / "mine.juku")]) == 0
    assert rows_of(tmp_path / "mine.juku") == ["kept"]
    assert log.exists()  # the project was left as it is


def test_what_the_file_holds_can_be_worked_on(incomplete, tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(GOOD % (1, 1))
    assert commands.run(["import", str(incomplete), str(rows), "--without-log"]) == 0
    assert rows_of(incomplete) == ["kept", "q1"]
    assert commands.run(["import", str(incomplete), str(rows)]) == 0  # said once


def test_work_in_a_copy_leaves_the_project_as_it_is(incomplete, tmp_path, capsys):
    rows, copy, before = tmp_path / "rows.jsonl", tmp_path / "mine.juku", incomplete.read_bytes()
    rows.write_text(GOOD % (1, 1))
    again = ["import", str(incomplete), str(rows), "--in-copy", str(copy)]
    assert commands.run(again) == 0
    assert (rows_of(copy), incomplete.read_bytes()) == (["kept", "q1"], before)
    assert commands.run(again) == 2  # nothing that is there is written over
    assert "“mine.juku” already exists" in capsys.readouterr().err
    assert rows_of(copy) == ["kept", "q1"]
    assert commands.run(["link", str(incomplete)]) == 3  # the log may still be found
    assert commands.run(["link", str(tmp_path / "none.juku"), "--in-copy", str(tmp_path / "x.juku")]) == 2
    assert not (tmp_path / "x.juku").exists()


def test_a_copy_of_a_project_that_is_open_has_all_of_it(tmp_path, capsys):
    path, copy = tmp_path / "open.juku", tmp_path / "mine.juku"
    with closing(Project(path)) as project:
        asyncio.run(project.write("", examples.add, [new_example("in the log")]))
        assert commands.run(["link", str(path)]) == 2
        assert commands.run(["link", str(path), "--in-copy", str(copy)]) == 0
    assert rows_of(copy) == ["in the log"]


def test_the_two_ways_to_go_on_are_not_taken_together(incomplete, capsys):
    with pytest.raises(SystemExit) as end:
        commands.run(["link", str(incomplete), "--without-log", "--in-copy", "x.juku"])
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hold-out", "p.juku", "--share", "2"], "“2” is not possible here: >0 – 0.5"),
        (["hold-out", "p.juku", "--share", "0"], "“0” is not possible here: >0 – 0.5"),
        (["hold-out", "p.juku", "--rows", "few"], "“few” is not possible here: ≥ 1"),
        (["train", "p.juku", "--seed", "-1"], "“-1” is not possible here: 0 – 2,147,483,647"),
        (["ask", "p.juku", "--model", "m", "-n", "101", "Who?"], "“101” is not possible here: 1 – 100"),
        (["holdout", "p.juku"], "invalid choice: 'holdout'"),
    ],
)
def test_wrong_arguments_are_refused_in_words(arguments, words, capsys):
    """They named a function of ours; and a mistyped command opened the window."""
    assert command_names.is_command(arguments[0])
    with pytest.raises(SystemExit) as end:
        commands.run(arguments)
    assert end.value.code == 2 and words in capsys.readouterr().err


def test_a_small_share_is_possible():
    """Of a million rows it is hundreds."""
    assert commands.build_parser().parse_args(["rows", "hold-out", "p.juku", "--share", "0.0002"]).share == 0.0002


def test_files_are_no_commands(tmp_path):
    (tmp_path / "rows").touch()
    names = ["p.juku", "rows.jsonl", str(tmp_path / "rows"), str(tmp_path / "none"), "./none"]
    assert not any(map(command_names.is_command, names))


def test_rows_are_not_written_under_the_name_of_another_kind_of_file(tmp_path, capsys):
    """`export P out.ods` wrote JSON Lines."""
    project = tmp_path / "p.juku"
    assert commands.run(["new", str(project), "--sample", "hobannu-en"]) == 0
    assert commands.run(["export", str(project), str(tmp_path / "out.ods")]) == 2
    assert "cannot be written as .ods" in capsys.readouterr().err and not (tmp_path / "out.ods").exists()


def test_an_import_that_is_unsure_adds_nothing_and_says_what_to_say(tmp_path):
    project, table = tmp_path / "p.juku", tmp_path / "t.csv"
    main("new", project)
    table.write_text("colour,shade\nred,dark\n")
    for verb in (("import", project), ("check",)):
        done = main(*verb, table)
        assert (done.returncode, "user=colour,assistant=shade" in done.stderr) == (2, True)
    assert rows_of(project) == []
    done = main("import", project, table, "--columns", "user=colour,assistant=shade", "--json")
    found = json.loads(done.stdout)
    assert (found["rows"], found["notes"]) == (1, ["Columns: question = colour, answer = shade."])
    assert rows_of(project) == ["red"]


def test_how_a_file_was_read_is_said_and_can_be_said_otherwise(tmp_path):
    project, table = tmp_path / "p.juku", tmp_path / "t.csv"
    main("new", project)
    table.write_bytes(
        "вопрос|ответ|id\nВо сколько открываются ворота?|Северные ворота открываются в шесть.|1\n".encode("cp1251")
    )
    done = main("import", project, table)
    for said in ("Read as cp1251.", "Columns left out: id.", "separated by “|”", "--encoding"):
        assert said in done.stdout
    done = main("check", table, "--delimiter", ";", "--encoding", "koi8-r")
    assert (done.returncode, "not understood" in done.stderr) == (2, True)
