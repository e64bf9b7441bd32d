"""Settings survive a restart and a broken file, and what is entered as a server's address is judged."""

import json
import subprocess
import sys

import pytest

from core import settings
from core.errors import JukuError, ProviderError
from core.keys import Keys
from core.paths import ROOT
from core.providers import connect
from core.settings import ProviderSettings, Settings, new_id, url_error, url_warning


def test_what_is_saved_is_loaded(tmp_path):
    chosen = Settings(language="ja", theme="dark", provider="team")
    chosen.providers.append(ProviderSettings("team", "Team", "https://llm.example.com/v1"))
    chosen.add_recent(tmp_path / "a.juku")
    settings.save(chosen)
    assert settings.load() == chosen


def test_there_are_defaults_without_a_file():
    assert settings.load() == Settings()
    assert settings.load().provider == "local"


@pytest.mark.parametrize("data", [b"", b"{", b'{"theme": 3}', b"\xff\xfe\x00", b'{"theme": "\xff"}'])
def test_a_broken_file_is_set_aside(data):
    file = settings.settings_file()
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    assert settings.load() == Settings()
    assert [path.read_bytes() for path in file.parent.iterdir()] == [data]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_file_that_cannot_be_read_now_is_neither_set_aside_nor_written_over():
    """As where too many files are open."""
    import resource

    mine = Settings(theme="dark", provider="team", providers=[ProviderSettings("team", "Team", "https://t.example/v1")])
    settings.save(mine)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        blind, changed = settings.load(), settings.reload(mine)
        with pytest.raises(JukuError):
            settings.save(blind)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert (blind, changed) == (Settings(), set())
    blind.language = "ja"
    settings.save(blind)
    found = settings.load()
    assert (found.language, found.theme, [entry.id for entry in found.providers]) == ("ja", "dark", ["team"])


def test_the_newest_project_comes_first_and_once(tmp_path):
    chosen = Settings()
    for name in ("a", "b", "a", *"cdefghijkl"):
        chosen.add_recent(tmp_path / name)
    assert len(chosen.recent) == 10
    assert chosen.recent[0].endswith("l")


@pytest.mark.parametrize(
    ("title", "id"),
    [
        ("OpenAI", "openai"),
        ("My Team (2)", "my-team-2"),
        ("local", "local-2"),
        ("社内", "server"),
        ("taken", "taken-3"),
    ],
)
def test_an_id_is_made_of_the_title(title, id):
    chosen = Settings(providers=[ProviderSettings("taken", "", ""), ProviderSettings("taken-2", "", "")])
    assert new_id(chosen, title) == id


@pytest.mark.parametrize(
    "url",
    ["", "api.openai.com", "ftp://example.com", "https://", "https://a b.com/v1", "http://[::1", "http://h:99999/v1",
     "https://me:secret@example.com/v1", "https://example.com/v1?key=secret", "javascript:alert(1)", "https://RESOURCE.openai.azure.com/openai/v1"],
)  # fmt: skip
def test_what_is_no_base_url_is_refused(url):
    assert url_error(url)


@pytest.mark.parametrize(
    ("url", "risky"),
    [
        ("https://api.openai.com/v1", False),
        ("http://127.0.0.1:8000/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://localhost:1234/v1", False),
        ("http://192.168.0.5/v1", True),
        ("http://localhost.example.com/v1", True),
    ],
)
def test_a_key_must_not_travel_unencrypted(url, risky):
    assert url_error(url) == ""
    assert bool(url_warning(url)) is risky


TEAM = ProviderSettings("team", "Team", "https://llm.example.com/v1")


def test_who_was_given_nothing_has_what_the_student_has():
    chosen = Settings(provider="team", student_model="small", providers=[TEAM])
    assert chosen.role("student") == ("team", "small")
    assert chosen.role("writer") == chosen.role("judge") == ("team", "")
    chosen.set_role("writer", "local", "large")
    chosen.set_role("judge", "", "other")
    assert (chosen.role("writer"), chosen.role("judge")) == (("local", "large"), ("team", "other"))
    settings.save(chosen)
    assert settings.load() == chosen


def test_a_server_that_is_gone_has_no_role():
    chosen = Settings(provider="team", providers=[TEAM])
    chosen.set_role("writer", "team", "large")
    chosen.set_role("judge", "gone", "large")
    assert chosen.role("judge") == ("team", "")
    chosen.remove_server("team")
    assert [chosen.role(name) for name in settings.MODEL_ROLES] == [("local", "")] * 3
    assert chosen.providers == []


def test_only_the_gap_itself_is_a_gap():
    assert url_error("https://resource.openai.azure.com/openai/v1") == ""
    assert url_error("https://my-resource.openai.azure.com/openai/v1") == ""


A, B = "https://a.example/v1", "https://b.example/v1"


@pytest.mark.parametrize(
    ("addresses", "entered_for"),
    [
        ([A, B], "https://a.example"),
        ([A, B, "https://c.example"], "https://a.example"),
        ([A, B, A], ""),
        ([A, "https://a.example/v2"], ""),
        ([A, "https://A.example:443/v1"], ""),
        ([A, "https://a.example:8443/v1"], "https://a.example"),
        ([A, "http://a.example/v1"], "https://a.example"),
        (["https://RESOURCE.openai.azure.com/v1", B], ""),
        (["", A], ""),
        (["http://[::1]:8000/v1", A], "http://[::1]:8000"),
    ],
)
def test_a_key_belongs_to_the_server_it_was_entered_for(addresses, entered_for):
    first, *others = addresses
    entry = ProviderSettings("x", "X", first)
    for url in others:
        entry.set_url(url)
    assert (entry.base_url, entry.key_origin) == (others[-1], entered_for)


def test_a_key_is_not_sent_to_another_server_than_it_was_entered_for():
    chosen, keys = Settings(providers=[ProviderSettings("x", "X", A)]), Keys()
    keys.keep_for_session("x", "sk-secret-of-a-1234")
    connect("x", chosen, keys)
    chosen.providers[0].set_url(B)
    with pytest.raises(ProviderError, match="entered for another address"):
        connect("x", chosen, keys)
    assert connect("x", Settings(providers=[ProviderSettings("x", "X", B)]), keys).base_url == B


OTHER = ProviderSettings("other", "Other", "https://other.example.com/v1")


def two_windows(**chosen):
    settings.save(Settings(**chosen))
    return settings.load(), settings.load()


def test_two_windows_keep_each_others_settings(tmp_path):
    first, second = two_windows(providers=[TEAM], theme="dark")
    first.providers.append(OTHER)
    first.add_recent(tmp_path / "first.juku")
    first.set_role("judge", "team", "large")
    settings.save(first)
    second.theme = "light"
    second.providers[0].limit = 7
    second.add_recent(tmp_path / "second.juku")
    settings.save(second)
    found = settings.load()
    assert [(entry.id, entry.limit) for entry in found.providers] == [("team", 7), ("other", 3)]
    assert (found.theme, found.judge.model) == ("light", "large")
    assert [path.rpartition("/")[2] for path in found.recent] == ["second.juku", "first.juku"]


def test_a_server_removed_in_one_window_is_not_brought_back_by_the_other():
    first, second = two_windows(providers=[TEAM, OTHER])
    first.remove_server("team")
    settings.save(first)
    second.geometry = "moved"
    settings.save(second)
    assert [entry.id for entry in settings.load().providers] == ["other"]


def test_a_provider_goes_with_its_model():
    first, second = two_windows(provider="team", student_model="small", providers=[TEAM, OTHER])
    first.set_role("student", "other", "")
    settings.save(first)
    second.student_model = "large"
    settings.save(second)
    assert settings.load().role("student") == ("team", "large")


def test_what_another_window_saved_is_taken_over_and_what_is_not_saved_here_stays():
    first, second = two_windows(providers=[TEAM])
    edited = second.providers[0]
    first.providers[0].limit = 9
    first.providers.append(OTHER)
    first.set_role("writer", "team", "large")
    settings.save(first)
    second.theme = "dark"
    assert settings.reload(second) == {"providers", "writer"}
    assert second.providers[0] is edited
    assert edited.limit == 9
    assert (second.theme, second.role("writer")) == ("dark", ("team", "large"))
    assert settings.reload(second) == set()
    settings.save(second)
    assert (settings.load().theme, settings.load().providers[1].id) == ("dark", "other")


def test_what_only_a_newer_juku_knows_stays():
    settings.save(Settings(theme="dark"))
    file = settings.settings_file()
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({**whole, "invented_later": [1]}))
    chosen = settings.load()
    chosen.theme = "light"
    settings.save(chosen)
    assert json.loads(file.read_text()) == {**whole, "theme": "light", "invented_later": [1]}


def test_a_file_that_broke_meanwhile_is_written_whole():
    settings.save(Settings(theme="dark", providers=[TEAM]))
    chosen = settings.load()
    settings.settings_file().write_bytes(b"\0" * 300)
    chosen.language = "ja"
    settings.save(chosen)
    assert settings.load() == chosen
    assert settings.reload(chosen) == set()


def test_windows_that_save_at_once_lose_nothing(tmp_path):
    """Each of several processes adds a server of its own, again and again read anew."""
    code = (
        "import sys\nfrom core import settings\nfrom core.settings import ProviderSettings\nchosen = settings.load()\n"
        "for n in range(10):\n"
        "    chosen.providers.append(ProviderSettings(f'{sys.argv[1]}-{n}', '', 'https://a.example.com'))\n"
        "    settings.save(chosen)\n    settings.reload(chosen)\n"
    )
    root = settings.settings_file().parent.parent
    assert root == tmp_path
    running = [subprocess.Popen([sys.executable, "-c", code, name], cwd=ROOT) for name in ("a", "b", "c")]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(settings.load().providers) == 30


def test_two_windows_that_change_one_server_keep_both_changes():
    """One looks at what the server can do while the other moves it: its old address must not come back."""
    settings.save(Settings(providers=[ProviderSettings("team", "Team", "https://old.example.com/v1")]))
    one, other = settings.load(), settings.load()
    one.providers[0].set_url("https://new.example.com/v1")
    settings.save(one)
    other.providers[0].capabilities = {"jobs": True}
    settings.save(other)
    (found,) = settings.load().providers
    assert (found.base_url, found.key_origin) == ("https://new.example.com/v1", "https://old.example.com")
    assert found.capabilities == {"jobs": True}
    one.providers[0].title = "Mine"
    assert settings.reload(one) == {"providers"}
    assert (one.providers[0].title, one.providers[0].capabilities) == ("Mine", {"jobs": True})
