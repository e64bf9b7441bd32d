"""Keys are taken out of every text, and nothing else is."""

import pytest

from core import redaction
from core.redaction import REDACTION_MARK, redact, redact_json, register_secret


@pytest.fixture(autouse=True)
def no_keys_of_others(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", set())


def test_a_key_in_use_is_in_no_text():
    register_secret("sk-0123456789abcdef")
    assert redact("Bad key sk-0123456789abcdef, sk-0123456789abcdef!") == f"Bad key {REDACTION_MARK}, {REDACTION_MARK}!"


def test_a_key_that_is_a_part_of_another_leaves_no_rest():
    keys = ["sk-0123456789", "sk-0123456789-and-more", "a-key-and-its-end", "key-and-its-end"]
    for key in keys:
        register_secret(key)
    assert redact(" ".join(keys)).split() == [REDACTION_MARK] * 4


def test_a_short_key_would_blank_out_ordinary_words():
    register_secret("information")
    register_secret("y" * 12)
    assert redact("information") == "information"
    assert redact("y" * 12) == "…"


def test_a_servers_own_key_is_taken_out_of_its_answers_alone():
    assert redact("key abcd", "abcd") == f"key {REDACTION_MARK}"
    assert redact("key abcd") == "key abcd"
    assert redact("the rest", "the") == "the rest"
    assert redact("nothing", "") == redact("nothing", None) == "nothing"


def test_every_text_in_json_is_looked_at():
    register_secret("sk-0123456789abcdef")
    found = redact_json({"error": ["sk-0123456789abcdef", {"message": "sk-0123456789abcdef is wrong"}], "code": 401})
    assert found == {"error": [REDACTION_MARK, {"message": f"{REDACTION_MARK} is wrong"}], "code": 401}
    assert redact_json(None) is None
