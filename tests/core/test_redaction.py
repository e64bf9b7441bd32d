"""Keys are taken out of every text, and nothing else is."""

import pytest

from core import redaction
from core.redaction import HIDDEN, hide, redacted, redacted_in


@pytest.fixture(autouse=True)
def no_keys_of_others(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", set())


def test_a_key_in_use_is_in_no_text():
    hide("sk-0123456789abcdef")
    assert redacted("Bad key sk-0123456789abcdef, sk-0123456789abcdef!") == f"Bad key {HIDDEN}, {HIDDEN}!"


def test_a_key_that_is_a_part_of_another_leaves_no_rest():
    keys = ["sk-0123456789", "sk-0123456789-and-more", "a-key-and-its-end", "key-and-its-end"]
    for key in keys:
        hide(key)
    assert redacted(" ".join(keys)).split() == [HIDDEN] * 4


def test_a_short_key_would_blank_out_ordinary_words():
    hide("information")
    hide("y" * 12)
    assert redacted("information") == "information"
    assert redacted("y" * 12) == "…"


def test_a_servers_own_key_is_taken_out_of_its_answers_alone():
    assert redacted("key abcd", "abcd") == f"key {HIDDEN}"
    assert redacted("key abcd") == "key abcd"
    assert redacted("the rest", "the") == "the rest"
    assert redacted("nothing", "") == redacted("nothing", None) == "nothing"


def test_every_text_in_json_is_looked_at():
    hide("sk-0123456789abcdef")
    found = redacted_in({"error": ["sk-0123456789abcdef", {"message": "sk-0123456789abcdef is wrong"}], "code": 401})
    assert found == {"error": [HIDDEN, {"message": f"{HIDDEN} is wrong"}], "code": 401}
    assert redacted_in(None) is None
