"""Keys are random, stored as hashes, and end at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.engine.team import users_command
from core.engine.team.settings import Limits, SettingsFile
from core.engine.team.users import OWNER, User, UserError, UserStore
from core.paths import ROOT


def test_a_key_is_not_on_the_disk_and_ends_when_it_is_renewed_or_removed(tmp_path: Path) -> None:
    engine, command_line = UserStore(tmp_path), UserStore(tmp_path)
    first = command_line.add("Anna")
    anna = engine.find_by_key(first)
    assert anna and anna.name == "Anna" and not anna.is_admin and len(first) > 40
    assert first.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    second = command_line.renew("Anna")
    renewed = engine.find_by_key(second)
    assert renewed and renewed.id == anna.id and engine.find_by_key(first) is None
    command_line.remove("Anna")
    assert engine.find_by_key(second) is None and engine.find_by_key("") is None
    command_line.add("Anna")
    assert engine.all()[0].id != anna.id  # inherits nothing
    assert engine.get(anna.id) == User(anna.id, f"removed ({anna.id})") and engine.get("") == OWNER


@pytest.mark.parametrize("name", ["", " ", "a ", "a\nb", "x" * 65, "owner", "Anna"])
def test_a_name_that_is_taken_or_unusable_is_refused(tmp_path: Path, name: str) -> None:
    users = UserStore(tmp_path)
    users.add("Anna")
    with pytest.raises(UserError):
        users.add(name)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        status = users_command.run(["--home", str(tmp_path), *arguments], tmp_path)
        return status, capsys.readouterr().out

    _, key = run("add", "Anna", "--admin")
    user = UserStore(tmp_path).find_by_key(key.strip())
    assert user and user.is_admin
    status, listed = run("list")
    assert status == 0 and listed.startswith("Anna\tadministrator\tuser-") and user.key_hash not in listed
    assert run("renew", "Anna")[1] != key
    assert run("remove", "Ben")[0] == 1
    assert run("remove", "Anna")[0] == 0 and run("list") == (0, "")


def test_the_engine_passes_the_command_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "core.engine", "users", "--home", str(tmp_path), "add", "Anna"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert UserStore(tmp_path).find_by_key(done.stdout.strip())


@pytest.mark.parametrize("name", ["users.json", "team.toml"])
def test_a_damaged_file_ends_the_start_with_words(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{")
    command = [sys.executable, "-m", "core.engine", "--child", "--home", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, input="x\n", capture_output=True, text=True, check=False)
    assert done.returncode == 1 and str(tmp_path / name) in done.stderr and "Traceback" not in done.stderr


@pytest.mark.logs
def test_a_file_that_is_damaged_later_changes_nothing(tmp_path: Path) -> None:
    users = UserStore(tmp_path)
    key = users.add("Anna")
    assert users.find_by_key(key)
    text = (tmp_path / "users.json").read_text()
    (tmp_path / "users.json").write_text(text[: len(text) // 2])
    assert users.find_by_key(key)
    (tmp_path / "users.json").write_text(json.dumps(json.loads(text)))
    assert users.find_by_key(key)


def test_one_person_may_have_other_limits(tmp_path: Path) -> None:
    settings = SettingsFile(tmp_path)
    anna, ben = User("1", "Anna"), User("2", "Ben")
    assert settings.value.limits_of(anna) == Limits()
    (tmp_path / "team.toml").write_text("[limits]\njobs_per_day = 5\n[users.Anna]\nfile_bytes = 7\n")
    assert settings.value.limits_of(anna) == Limits(file_bytes=7, jobs_per_day=5)
    assert settings.value.limits_of(ben) == Limits(jobs_per_day=5)


@pytest.mark.parametrize(
    "text", ["[limits]\njobs = 3", "[limits]\nfile_bytes = -1", "[users.Anna]\nfile_bytes = 'x'", "[x]", "limits = 1"]
)
def test_a_setting_that_is_not_known_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "team.toml").write_text(text)
    with pytest.raises(ValueError, match=r"team\.toml"):
        SettingsFile(tmp_path)
