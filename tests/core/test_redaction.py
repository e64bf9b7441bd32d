"""Keys are taken out of every text, and nothing else is."""

import pytest

from core import redaction
from core.redaction import HIDDEN, SHORTEST, SHORTEST_OWN, hide, redacted, redacted_in


@pytest.fixture(autouse=True)
def no_keys_of_others(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", set())


def test_a_key_in_use_is_in_no_text():
    hide("sk-0123456789abcdef")
    assert redacted("Bad key sk-0123456789abcdef, sk-0123456789abcdef!") == f"Bad key {HIDDEN}, {HIDDEN}!"


def test_a_longer_key_that_begins_as_a_shorter_one_leaves_no_rest():
    short, long = "sk-0123456789", "sk-0123456789-and-more"
    for key in (short, long):
        hide(key)
    assert redacted(f"{long} {short}") == f"{HIDDEN} {HIDDEN}"


def test_a_short_key_would_blank_out_ordinary_words():
    hide("x" * (SHORTEST - 1))
    hide("y" * SHORTEST)
    assert redacted("x" * (SHORTEST - 1)) == "x" * (SHORTEST - 1)
    assert redacted("y" * SHORTEST) == HIDDEN


def test_a_servers_own_key_is_taken_out_of_its_answers_alone():
    own = "k" * SHORTEST_OWN
    assert redacted(f"key {own}", own) == f"key {HIDDEN}"
    assert redacted(f"key {own}") == f"key {own}"
    assert redacted("a tie", "ie"[:SHORTEST_OWN]) == "a tie"
    assert redacted("nothing", "") == redacted("nothing", None) == "nothing"


def test_every_text_in_json_is_looked_at():
    hide("sk-0123456789abcdef")
    found = redacted_in({"error": ["sk-0123456789abcdef", {"message": "sk-0123456789abcdef is wrong"}], "code": 401})
    assert found == {"error": [HIDDEN, {"message": f"{HIDDEN} is wrong"}], "code": 401}
    assert redacted_in(None) is None
