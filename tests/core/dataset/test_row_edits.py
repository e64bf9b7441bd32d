"""Questions and answers are read from a row and written into it with all the rest kept to the letter."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checks import check_line
from core.errors import FormatError
from core.formats import jsonl


def test_question_and_answer_of_any_row() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    parts = [{"type": "text", "text": "one"}, {"type": "image_url"}, {"type": "text", "text": "two"}]
    value = {"messages": [{"role": "user", "content": parts}, {"role": "assitant", "tool_calls": [call]}]}
    assert (jsonl.question(value), jsonl.answer(value)) == ("one\ntwo", 'add({"a": 1})')
    assert jsonl.message_text({"role": "assistant", "content": None, "refusal": "No."}) == "No."
    for odd in (None, [], {}, {"messages": 7}, {"messages": [7, {}]}, {"messages": [{"role": []}]}):
        assert (jsonl.question(odd), jsonl.answer(odd)) == ("", "")


def test_a_new_row_has_only_the_problems_of_its_texts() -> None:
    rules = ["replacement-character", "whitespace"]  # half a character, and the break at the end
    for system in ("", "Be brief."):
        text = jsonl.new_row(system, "Q \ud83d", 'A "\n')
        assert [problem.rule for problem in check_line(text.encode()).problems] == rules
        assert jsonl.answer(json.loads(text)) == 'A "\n'
    assert json.loads(jsonl.new_row(" ", "Q", "A"))["messages"][0]["role"] == "user"


@pytest.mark.parametrize(
    ("role", "before", "after"),
    [
        (
            "user",
            '{"x":1.0, "messages" : [{"y":1e2,"content":"\\u3042","role":"user"}] ,"z":"\\/"}',
            '{"x":1.0, "messages" : [{"y":1e2,"content":"新","role":"user"}] ,"z":"\\/"}',
        ),
        (
            "assistant",
            '{"messages":[{"role":"assistant","content":"a"},{"role":"assitant","weight":1.0 }]}',
            '{"messages":[{"role":"assistant","content":"a"},{"role":"assitant","weight":1.0 , "content": "新"}]}',
        ),
        (
            "user",
            '{"messages":[{"role":"user","content":[{"type":"image_url","n":1e1},{"t":1,"text":"a"},{"text":"b"}]}]}',
            '{"messages":[{"role":"user","content":[{"type":"image_url","n":1e1}, {"t":1,"text":"新"}]}]}',
        ),
        (
            "user",
            '{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}',
            '{"messages":[{"role":"user","content":[{"type": "text", "text": "新"}, {"type":"image_url"}]}]}',
        ),
        (
            "user",
            '{"messages":[{"role":"system","content":"s"},{"role":"assistant","content":"a"}]}',
            '{"messages":[{"role":"system","content":"s"},{"role": "user", "content": "新"}, '
            '{"role":"assistant","content":"a"}]}',
        ),
        ("assistant", '{"messages":[7]}', '{"messages":[7, {"role": "assistant", "content": "新"}]}'),
        ("user", '{"messages":[ ]}', '{"messages":[{"role": "user", "content": "新"} ]}'),
        ("user", '{"messages":null}', '{"messages":[{"role": "user", "content": "新"}]}'),
        ("user", '{"messages":"old"}', '{"messages":["old", {"role": "user", "content": "新"}]}'),
        ("user", '{"a":1}', '{"a":1, "messages": [{"role": "user", "content": "新"}]}'),
        ("user", "{}", '{"messages": [{"role": "user", "content": "新"}]}'),
    ],
)
def test_setting_a_content_keeps_the_rest_to_the_letter(role: str, before: str, after: str) -> None:
    assert jsonl.set_content(before, role, "新") == after


def test_setting_what_is_there_already_changes_nothing() -> None:
    text = '{"messages":[{"role":"user","content":[{"type":"text","text":"\\u3042"},{"type":"text","text":"b"}]}]}'
    assert jsonl.set_content(text, "user", "あ\nb") == text


def test_a_text_that_is_no_row_cannot_be_edited() -> None:
    for text in ("", "[1]", '{"a": NaN}', "[" * 100_000):
        with pytest.raises(FormatError):
            jsonl.set_content(text, "user", "x")


KEYS = st.sampled_from(["messages", "role", "content", "x"]) | st.text(max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "assitant"])}, optional={"content": JSON, "x": JSON}
)
ROW = st.dictionaries(KEYS, JSON, max_size=3) | st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE, max_size=4)}, optional={"x": JSON}
)


@settings(max_examples=200)
@given(ROW, st.sampled_from(["user", "assistant"]), st.text(), st.sampled_from([None, 1]))
def test_set_content_sets_it_and_keeps_every_other_value(
    value: dict[str, Any], role: str, content: str, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent)
    edited = json.loads(jsonl.set_content(text, role, content))
    said = jsonl.question(edited) if role == "user" else jsonl.answer(edited)
    assert said == content
    assert {key: edited[key] for key in value if key != "messages"} == {
        key: value[key] for key in value if key != "messages"
    }
    before = value.get("messages")
    if isinstance(before, list):
        kept = [message for message in edited["messages"] if message in before]
        assert len(kept) >= len(before) - 1
