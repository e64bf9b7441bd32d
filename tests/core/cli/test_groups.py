"""The groups of commands: what they are called, and a project's way through them without a window."""

import argparse
import io
import json
import subprocess
import sys

import pytest

from core import diagnosis, settings
from core.cli import command_names, commands, console
from core.installation import engine_folder, kind
from core.installation.kind import Kind
from core.keys import Keys
from core.paths import ROOT
from tests.support.fake_server import KEY, Answer

PAGE = "# Pool\n\nThe pool opens at six in the morning. A ticket costs 4 euros. A locker costs 2 euros.\n"


def leaves(parser, path=()):
    """The parsers of all commands, by their names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {
                name: leaf
                for child in action.choices
                for name, leaf in leaves(action.choices[child], (*path, child)).items()
            }
    return {" ".join(path): parser}


ALL = leaves(commands.build_parser())


@pytest.fixture
def run(capsys):
    """Runs a command; returns its exit status, and what it prints as JSON."""

    def run(*arguments, status=0):
        capsys.readouterr()
        assert commands.run([*map(str, arguments), "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def pool(tmp_path, run):
    (tmp_path / "pool.md").write_text(PAGE)
    path = tmp_path / "pool.juku"
    run("project", "new", path)
    run("spec", "import", path, tmp_path / "pool.md")
    run("facts", "find", path)
    return path


def test_the_names_that_are_known_before_the_parser_is_built():
    assert {name.partition(" ")[0] for name in ALL} == set(command_names.COMMANDS)
    for group, (usual, names) in command_names.DEFAULTS.items():
        assert {name for name in ALL if name.startswith(f"{group} ")} == {f"{group} {name}" for name in names}
        assert usual in names
    assert all(" ".join(names) in ALL for names in command_names.ALIASES.values())


@pytest.mark.parametrize("name", ALL)
def test_every_command_explains_itself_and_prints_json(name):
    assert ALL[name].description
    assert "--json" in ALL[name].format_help()


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("check a.jsonl", "rows check a.jsonl"),
        ("generate p.juku --count", "generate rules p.juku --count"),
        ("generate --count p.juku", "generate rules --count p.juku"),
        ("generate probe p.juku", "generate probe p.juku"),
        ("models --fetch m", "models list --fetch m"),
        ("models", "models list"),
        ("models --help", "models --help"),
        ("train p.juku", "train p.juku"),
    ],
)
def test_short_forms(short, long):
    assert command_names.expand_alias(short.split()) == long.split()


def test_a_mistyped_command_gets_a_proposal(capsys):
    for arguments, proposal in ((["chekc", "x"], "“check”"), (["rows", "lst", "p.juku"], "“list”")):
        assert command_names.is_command(arguments[0])
        with pytest.raises(SystemExit):
            commands.run(arguments)
        assert f"Did you mean {proposal}?" in capsys.readouterr().err


def test_from_a_page_to_approved_rows_and_back(pool, run, tmp_path):
    assert run("spec", "set", pool, "--prompt", "You are the guide.")["system_prompt"] == "You are the guide."
    assert run("spec", "show", pool)["name"] == "Pool"
    added = run("generate", pool)["added"]
    assert added > 5
    assert [one["rows"] > 0 for one in run("facts", "list", pool)["facts"]] == [True] * 3
    assert len(run("rows", "edit", pool, "--filter", "status:draft", "--approve", "--add-tag", "mine")["rows"]) == added
    assert run("rows", "save-version", pool, "all")["rows"] == added
    gone = len(run("rows", "delete", pool, "--filter", "fact:f01 tag:mine")["rows"])
    assert gone and run("rows", "compare-version", pool, "1") == {"added": 0, "removed": gone, "changed": 0}
    run("rows", "restore-version", pool, "1")
    assert run("rows", "list", pool, "--limit", "2")["matching"] == added
    assert [one["name"] for one in run("rows", "versions", pool)["versions"]] == [
        "Before version 1 was restored",
        "all",
    ]
    assert run("project", "info", pool)["statuses"] == {"approved": added}
    copy = tmp_path / "copy.juku"
    assert run("project", "save-copy", pool, copy)["rows"] == added and copy.exists()
    assert run("project", "save-copy", pool, copy, "--replace")["rows"] == added
    made = run("project", "backup", pool)
    assert [one["file"] for one in run("project", "backups", pool)["backups"]] == [made["file"]]


def test_nothing_is_changed_where_nothing_was_said(pool, run, capsys):
    run("rows", "delete", pool, "--filter", "kind:nowhere", status=1)
    assert commands.run(["rows", "edit", str(pool), "--filter", "*"]) == 2
    assert "Nothing to change" in capsys.readouterr().err
    for wrong in (["--set", "colour=red"], ["--set", "status=nice"]):
        with pytest.raises(SystemExit):
            commands.run(["rows", "edit", str(pool), "--filter", "*", *wrong])
    with pytest.raises(SystemExit):  # all rows only when that is said
        commands.run(["rows", "delete", str(pool)])
    assert commands.run(["rows", "restore-version", str(pool), "7"]) == 2


def test_a_server_and_its_key(run, server, secret_service, monkeypatch, capsys):
    id = run("servers", "add", "My server", "--url", server.url)["id"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    commands.run(["servers", "key", id])
    assert Keys().load(id) == KEY
    said = capsys.readouterr()
    assert KEY not in said.out + said.err
    assert [(one["id"], one["key"]) for one in run("servers", "list")["servers"]] == [
        ("local", ""),
        (id, "keyring"),
    ]
    assert run("servers", "test", id)["ok"] and settings.load().providers[0].checked_at
    chosen = settings.load()
    chosen.providers[0].set_url(server.url.removesuffix("/v1"))
    settings.save(chosen)
    assert commands.run(["servers", "test", id, "--json"]) == 1 and settings.load().providers[0].base_url != server.url
    assert commands.run(["servers", "test", id, "--correct", "--json"]) == 1
    assert settings.load().providers[0].base_url == server.url
    run("servers", "key", id, "--unset")
    assert Keys().load(id) is None
    run("servers", "remove", id)
    assert settings.load().providers == []
    assert commands.run(["servers", "test", id]) == 2


def test_a_training_is_checked_and_asked_about_first(pool, server, server_key, run, monkeypatch, capsys, tmp_path):
    settings.save(server.settings())
    run("generate", pool)
    rows = tmp_path / "rows.jsonl"
    messages = [
        {"role": "user", "content": "Who answers?"},
        {"role": "assistant", "content": "Write to ann.lee@birchwood-clinic.org."},
    ]
    rows.write_text(json.dumps({"messages": messages}), "utf-8")
    run("import", pool, rows)  # what to warn of: an address
    run("rows", "edit", pool, "--filter", "*", "--approve")
    create = server.create

    def create_and_end(asked):
        job = create(asked)
        server.end(job["id"], "succeeded")
        return job

    monkeypatch.setattr(server, "create", create_and_end)
    train = ["train", str(pool), "--provider", "fake", "--model", "base-model"]
    assert commands.run(train) == 3
    said = capsys.readouterr().err
    assert "warning: " in said and "--yes" in said and run("jobs", "list", pool)["jobs"] == []
    assert commands.run([*train, "--yes", "--json"]) == 0
    (job,) = run("jobs", "list", pool)["jobs"]
    assert job["status"] == "succeeded" and job["result"]
    run("jobs", "forget", pool, job["job"])
    assert [one["id"] for one in run("jobs", "adopt", pool, "--provider", "fake")["jobs"]]


def test_a_conversation_is_kept_until_a_new_one_begins(pool, server, server_key, run, monkeypatch, capsys):
    settings.save(server.settings())
    server.script = lambda asked: Answer([f"{len(asked['messages'])}\x1b[31m"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("One?\nTwo?\n/new\nThree?\n/quit\nFour?\n"))
    assert commands.run(["chat", str(pool), "--provider", "fake", "--model", "m"]) == 0
    answers = [line[:1] for line in capsys.readouterr().out.splitlines() if line]
    assert answers == ["1", "3", "1"]


def test_what_a_terminal_would_obey_is_not_printed():
    assert console.printable("a\x1b[2Jb\tc\n") == "a\N{REPLACEMENT CHARACTER}[2Jb\tc\n"
    assert console.printable("全角\u3000空白\xa0") == "全角\u3000空白\xa0"  # it printed other spaces as lost characters


def test_a_reader_that_ends_is_no_crash(pool):
    command = [sys.executable, "main.py", "spec", "show", str(pool)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == console.BROKEN_PIPE
    process.stderr.close()


def test_the_doctor_tells_no_secrets(run, secret_service, monkeypatch):
    monkeypatch.setenv("JUKU_KEY_MINE", "sk-of-mine")
    monkeypatch.setattr(diagnosis, "DEVICE_PROBE", "print('cpu')")  # torch takes seconds to import
    found = run("doctor")
    assert "sk-of-mine" not in json.dumps(found)
    told = {one["name"]: one["value"] for one in found["findings"]}
    assert told["Device of torch"] == "cpu" and {"Juku", "Python", "torch", "Keyring"} <= told.keys()


def test_the_doctor_says_what_is_missing(run, monkeypatch):
    monkeypatch.setattr(diagnosis, "DEVICE_PROBE", "raise SystemExit(3)")
    monkeypatch.setattr(diagnosis, "NEEDED", ("no-such-package",))
    missing = {one["name"] for one in run("doctor", status=1)["findings"] if not one["ok"]}
    assert {"no-such-package", "Device of torch"} <= missing


def test_the_doctor_says_how_to_get_what_is_missing(run, monkeypatch):
    monkeypatch.setattr(diagnosis, "DEVICE_PROBE", "print('cpu')")
    monkeypatch.setattr(diagnosis, "NEEDED", ("a-needed-package",))
    monkeypatch.setattr(diagnosis, "OPTIONAL", {"no-such-package": "teach", "nor-this": "teach"})
    advice = {}
    for one in Kind:
        monkeypatch.setattr(kind, "find_kind", lambda one=one: one)
        found = {line["name"]: line["advice"] for line in run("doctor", status=1)["findings"]}
        advice[one], again = found["no-such-package"], found["nor-this"]
        assert not again  # one line for an extra
    assert "--editable" in advice[Kind.CHECKOUT] and "juku[teach]" in advice[Kind.WHEEL]
    assert "does not have it" in advice[Kind.DEB] == advice[Kind.APPIMAGE]
    assert "juku engine install" in kind.advise_extra("engine", Kind.DEB)


def test_the_engine_of_this_environment_is_told(run):
    assert run("engine", "status")["installed"] and run("engine", "install")["installed"]
    assert not run("engine", "remove")["removed"]


def test_without_the_engine_it_is_said_what_to_do(run, monkeypatch, capsys):
    monkeypatch.setattr(engine_folder, "is_in_own_environment", lambda: False)
    assert not run("engine", "status", status=1)["installed"]
    assert commands.run(["models"]) == console.UNREADABLE
    assert "juku engine install" in capsys.readouterr().err
    assert commands.run(["serve"]) == console.UNREADABLE
    assert "juku engine install" in capsys.readouterr().err
