"""The prompts for chat models: shipped, changed by the person, filled."""

import os

import pytest

from core import prompts, replies
from core.errors import JukuError

BOTH = [(name, language) for name in prompts.PROMPT_NAMES for language in prompts.PROMPT_LANGUAGES]


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_shipped_prompts_are_whole(name, language):
    text = prompts.load_default(name, language)
    assert prompts.load(name, language) == text
    assert not prompts.missing_placeholders(name, text)
    known = (*prompts.REQUIRED_PLACEHOLDERS[name], *prompts.OPTIONAL_PLACEHOLDERS[name])
    filled = prompts.fill(text, **dict.fromkeys(known, "(VALUE)"))
    assert all(f"{{{one}}}" in text for one in known)
    assert not prompts._PLACEHOLDER.search(filled)
    assert prompts.title(name)


@pytest.mark.parametrize("language", prompts.PROMPT_LANGUAGES)
def test_the_shape_a_prompt_asks_for_is_read(language):
    """The example of a reply in the prompt is what `replies` reads."""
    lines = prompts.load_default("examples", language).split("\n")
    (shape,) = (line for line in lines if line.startswith('{"examples"'))
    assert [pair.kind for pair in replies.parse_pairs(shape).pairs] == ["direct"]
    assert '{"statements": ["…", "…"]}' in prompts.load_default("facts", language)
    for kind in replies.PAIRS_SCHEMA["schema"]["properties"]["examples"]["items"]["properties"]["kind"]["enum"]:
        assert f"- {kind}" in prompts.load_default("examples", language)
    for verdict in ("supported", "contradicts", "not_in_text"):
        assert f"- {verdict}" in prompts.load_default("judge", language)


def test_other_languages_are_english():
    assert (
        prompts.load_default("judge", "de") == prompts.load_default("judge", "") == prompts.load_default("judge", "en")
    )
    assert prompts.load_default("judge", "../ja") == prompts.load_default("judge", "en")
    assert prompts.load_default("judge", "ja") != prompts.load_default("judge", "en")


def test_an_own_version_is_kept_and_reset():
    own = 'Judge {answer} to {question} by {fact}.\nJSON: {"verdict": …} 判定'
    prompts.save("judge", "ja", own)
    assert prompts.load("judge", "ja") == own
    assert prompts.is_customized("judge", "ja") and not prompts.is_customized("judge", "en")
    assert [path.name for path in prompts.custom_file("judge", "ja").parent.iterdir()] == ["judge.md"]
    prompts.reset("judge", "ja")
    prompts.reset("judge", "ja")
    assert prompts.load("judge", "ja") == prompts.load_default("judge", "ja")


def test_saving_the_shipped_text_is_no_change():
    prompts.save("facts", "en", "only {statements}")
    prompts.save("facts", "en", prompts.load_default("facts", "en"))
    assert not prompts.custom_file("facts", "en").exists()


def test_a_lost_placeholder_is_named():
    with pytest.raises(JukuError) as caught:
        prompts.save("judge", "en", "Judge {answer} by {facts}.")
    assert "{fact}, {question}" in caught.value.message
    assert not prompts.is_customized("judge", "en")


@pytest.mark.parametrize("raw", [b"\xff\xfe broken", b"no placeholder", b""])
def test_an_unusable_own_version_is_passed_over(raw):
    path = prompts.custom_file("spec", "en")
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)
    assert prompts.load("spec", "en") == prompts.load_default("spec", "en")
    assert not prompts.is_customized("spec", "en")


def test_an_own_version_edited_in_windows_is_read():
    path = prompts.custom_file("spec", "en")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xef\xbb\xbfFirst\r\n{spec}\r\n")
    assert prompts.load("spec", "en") == "First\n{spec}\n"


def test_a_disk_that_refuses_is_told_of(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("JUKU_CONFIG", os.fspath(blocked))
    with pytest.raises(JukuError):
        prompts.save("spec", "en", "{spec}")
    with pytest.raises(JukuError):
        prompts.reset("spec", "en")
    assert prompts.load("spec", "en") == prompts.load_default("spec", "en")


def test_filling_leaves_other_braces_and_values_alone():
    template = 'Say {fact} and {quote}: {"a": {b}} {unknown} {{fact}}'
    filled = prompts.fill(template, fact="{quote} {fact}", quote="\\1 {x}")
    assert filled == 'Say {quote} {fact} and \\1 {x}: {"a": {b}} {unknown} {{quote} {fact}}'


def test_wanted():
    assert prompts.format_counts({"direct": 1, "reworded": 4, "reverse": 0}) == "- direct: 1\n- reworded: 4"
