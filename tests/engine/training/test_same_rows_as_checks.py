"""The engine and `core/checks` refuse the same rows, but for the differences listed here.

Neither may import the other, so the rules are written twice. A row counts as refused by the checks when one of its
problems is an error.
"""

import copy
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checks.check_line import check_line
from core.checks.line_parsing import LINE_LIMIT
from core.checks.messages import ROLES
from core.checks.preferences import is_preference_row
from core.engine.http.chat_request import ROLES as CHAT_ROLES
from core.engine.http.parameters import IDEMPOTENCY_KEY
from core.engine.training import validate_rows
from core.providers.protocol_types import KEY

# (rule, path of the problem) of errors with which the engine trains nevertheless, and why.
CHECKED_BY_US_ONLY = [
    (r"tool-.*", r".*", "Tools are rendered by the model's chat template, which refuses what it cannot render."),
    (r"value-type", r".*\.(tools|functions|parallel_tool_calls|tool_calls|function_call)\b.*", "Tools, as above."),
    (r"image-.*|dpo-image", r".*", "The engine's models read text only: every image is refused when it is rendered."),
    (r"content-type", r".*\.image_url\.detail", "As every image."),
    (r"duplicate-key", r".*", "A JSON parser keeps the last value; only an editor must not lose the other one."),
    (r"too-deep", r".*", "Deep nesting is a danger for an editor that shows it; the engine reads no such value."),
]
# Warnings with which the engine refuses a row, and why.
REFUSED_BY_ENGINE_ONLY = {
    "key-unknown": "OpenAI and the engine refuse it, other servers ignore the key: no error for all of them.",
    "teacher-messages": "The engine checks these messages like others when a job is created.",
    "dpo-old-key": "OpenAI and the engine refuse the old names, other servers expect them.",
    "blank": "Blank lines are never uploaded: a row is written from its stored text.",
}


def engine_refusal(line: bytes, method: str) -> str:
    """Why the engine refuses a line of a file; '' when it trains on it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(line + b"\n")
        try:
            validate_rows.validate_file(path, "validation", method)
        except validate_rows.InvalidFileError as error:
            return str(error)
    return ""


def is_meant(rule: str, path: str) -> bool:
    return any(re.fullmatch(rules, rule) and re.fullmatch(paths, path) for rules, paths, _ in CHECKED_BY_US_ONLY)


def require_agreement(line: bytes) -> None:
    problems = check_line(line).problems
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    method = "dpo" if isinstance(row, dict) and is_preference_row(row) else "supervised"
    refusal = engine_refusal(line, method)
    errors = [(one.rule, one.path) for one in problems if one.severity == "error"]
    if unmet := [error for error in errors if not is_meant(*error)]:
        assert refusal, f"The checks refuse {line[:300]!r} for {unmet}, the engine does not."
    if refusal and not errors:
        assert {one.rule for one in problems} & REFUSED_BY_ENGINE_ONLY.keys(), (
            f"The engine refuses {line[:300]!r}: {refusal} The checks do not."
        )


def to_line(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
PNG = "data:image/png;base64,iVBORw0KGgoAAAAA"
IMAGE = {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}
QUESTION = {"role": "user", "content": "What is juku?"}
ANSWER = {"role": "assistant", "content": "A school.", "weight": 1}
OTHER = {"role": "assistant", "content": "A snake."}
ROWS: list[dict[str, Any]] = [
    {"messages": [QUESTION, ANSWER]},
    {"messages": [{"role": "system", "content": "Short.", "name": "s"}, QUESTION, {**ANSWER, "weight": 0}, OTHER]},
    {"messages": [{"role": "developer", "content": [{"type": "text", "text": "塾"}]}, QUESTION, ANSWER]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "See:"}, IMAGE]}, ANSWER]},
    {
        "messages": [
            QUESTION,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "", "tool_call_id": "c1"},
            ANSWER,
        ],
        "tools": [TOOL],
        "parallel_tool_calls": False,
    },
    {
        "messages": [
            QUESTION,
            {"role": "assistant", "function_call": CALL["function"]},
            {"role": "function", "name": "f", "content": "1\n"},
            ANSWER,
        ],
        "functions": [TOOL["function"]],
    },
    {"messages": [QUESTION, {"role": "assistant", "refusal": "I will not say."}]},
    {"messages": [QUESTION, ANSWER], "teacher_messages": [{"role": "system", "content": "Juku is a school."}, OTHER]},
    {
        "input": {"messages": [QUESTION], "tools": [], "parallel_tool_calls": True},
        "preferred_output": [{"role": "assistant", "content": "A school."}],
        "non_preferred_output": [OTHER],
    },
]


@pytest.mark.parametrize("row", ROWS)
def test_good_rows_are_accepted_by_both(row: dict[str, Any]) -> None:
    assert not [one for one in check_line(to_line(row)).problems if one.severity == "error"]
    assert not engine_refusal(to_line(row), "dpo" if is_preference_row(row) else "supervised")


def chat(**changes: Any) -> dict[str, Any]:
    return {"messages": [QUESTION, {**ANSWER, **changes}]}


def pair(**changes: Any) -> dict[str, Any]:
    return {**ROWS[-1], **changes}


TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"]
BY_HAND: list[Any] = [
    *(chat(content=f"a {token} b") for token in [*TOKENS, "<|eot_id|>", "<|im_END|>"]),
    *(chat(content=[{"type": "text", "text": token}]) for token in TOKENS),
    *({"messages": [{"role": role, "content": "x"}, ANSWER]} for role in [*ROLES, "assitant", "User", "", None, 1, []]),
    *(chat(weight=weight) for weight in (0, 1, 2, -1, True, False, 1.0, 0.0, None, "1")),
    *({"messages": [{"role": role, "content": "x", "weight": 1}, ANSWER]} for role in ROLES),
    *(chat(content=content) for content in ("", " ", "\n", "\u3000", None, 7, True, {}, [], [IMAGE], ["x"], [{}])),
    *({"messages": [{"role": "tool", "content": content, "tool_call_id": "c"}, ANSWER]} for content in ("", [], None)),
    *({"messages": [{"role": "function", "content": content}, ANSWER]} for content in ("", " ", [], None)),
    *(chat(content=[{"type": kind, "text": "x"}]) for kind in ("text", "input_text", "", None, 1, [])),
    *(chat(content=[{"type": "text", "text": text}]) for text in ("", " ", None, 1)),
    *(chat(content=[{"type": "image_url", **image}]) for image in ({}, {"image_url": "x"}, {"image_url": {}})),
    *(chat(**{key: value}) for key in ("name", "refusal") for value in ("x", "", None, 1, {}, [])),
    *(chat(content="", **{key: "x"}) for key in ("name", "refusal")),
    *(chat(content=None, **{key: value}) for key in ("refusal", "tool_calls") for value in ("x", "", [], [CALL], None)),
    *(chat(tool_calls=calls) for calls in ([], {}, "", 0, [1], [{}], [{"function": {}}], [{**CALL, "id": 1}])),
    *(chat(function_call=call) for call in ({}, "", 1, {"name": "f"}, {"name": "f", "arguments": "{"})),
    *({**ROWS[0], key: value} for key in ("tools", "functions", "weight", "extra", "prompt") for value in ([], None)),
    *({**ROWS[0], "parallel_tool_calls": value} for value in (True, 1, None)),
    *({**ROWS[0], "teacher_messages": value} for value in (None, [], "x", [{}], [{**QUESTION, "content": " "}])),
    {"messages": [QUESTION]},
    {"messages": [ANSWER, QUESTION]},
    {"messages": [QUESTION, {**ANSWER, "weight": 0}]},
    *({"messages": messages} for messages in ([], {}, None, "x", [[]], ["x"], [None], [{}])),
    {},
    {"prompt": "a", "completion": "b"},
    {"input": {}},
    *(pair(input=value) for value in (None, {}, [], {"messages": []}, {"messages": [ANSWER]}, {"messages": [{}]})),
    pair(input={"messages": [QUESTION], "functions": []}),
    pair(input={"messages": [{"role": "user", "content": [IMAGE]}]}),
    *(pair(preferred_output=value) for value in (None, {}, [], [OTHER], [OTHER, OTHER], [QUESTION], ["x"], [ANSWER])),
    pair(messages=[]),
    {"input": {"messages": [QUESTION]}, "preferred_completion": [ANSWER], "non_preferred_completion": [OTHER]},
    {"input": {"messages": [QUESTION]}, "preferred_output": [ANSWER]},
    *([], [1], "x", 1, None, True),
]


@pytest.mark.parametrize("row", BY_HAND)
def test_rows_made_by_hand(row: Any) -> None:
    """`require_agreement` asks the engine and the checks about the same line."""
    require_agreement(to_line(row))


LINES = [
    b"",
    b" ",
    b"{",
    b'{"messages": [',
    b"\xff\xfe",
    to_line(ROWS[2]).decode().encode("cp932"),
    to_line(ROWS[0]).decode().encode("utf-16-le"),
    to_line(chat(content="\ud800")),
    b'{"messages": [{"role": "user", "content": "\\ud800"}, {"role": "assistant", "content": "x"}]}',
    b'{"messages": [{"role": "user", "content": "\\ud83d\\udc0d"}, {"role": "assistant", "content": "x"}]}',
    b'{"messages": [{"role": "user", "content": "a\tb"}, {"role": "assistant", "content": "x"}]}',
    b'{"messages": [{"role": "assistant", "content": "x", "weight": NaN}]}',
    *(
        b'{"messages": [{"role": "assistant", "content": "x"}], "tools": [{"type": "function", "function": '
        b'{"name": "f", "parameters": {"type": "object", "x": ' + value + b"}}}]}"
        for value in (b"NaN", b"Infinity", b"1e999", b"9" * 5000, b"1e3", b"01", b"[" * 70 + b"]" * 70, b"[" * 90_000)
    ),
    b'{"messages": [{"role": "user", "role": "assistant", "content": "x"}]}',
    to_line(ROWS[0]) + b" x",
    b"  " + to_line(ROWS[0]) + b"\r",
]


@pytest.mark.parametrize("line", LINES)
def test_lines_made_by_hand(line: bytes) -> None:
    """`require_agreement` asks the engine and the checks about the same line."""
    require_agreement(line)


@pytest.mark.parametrize("extra", [0, 1])
def test_a_line_is_too_long_for_both_or_for_neither(extra: int) -> None:
    frame = len(to_line(chat(content="")))
    require_agreement(to_line(chat(content="x" * (LINE_LIMIT + extra - frame))))
    assert bool(engine_refusal(to_line(chat(content="x" * (LINE_LIMIT + extra - frame))), "supervised")) == bool(extra)


ODD_TEXTS = st.sampled_from(["", " ", "x", "user", "assistant", "text", "image_url", "塾🐍", *TOKENS]) | st.text(
    max_size=3
)
ODD_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False, allow_infinity=False) | ODD_TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(ODD_TEXTS, inner, max_size=2),
    max_leaves=4,
) | st.sampled_from([CALL, TOOL, IMAGE, QUESTION, ANSWER, ROWS[0]["messages"]])
KEYS = st.sampled_from(
    [
        "role",
        "content",
        "name",
        "weight",
        "refusal",
        "tool_calls",
        "function_call",
        "tool_call_id",
        "tools",
        "type",
        "x",
    ]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[tuple[Any, Any]] = []
    for key, inner in items:
        found += [(value, key), *places(inner)]
    return found


@st.composite
def broken_rows(draw: st.DrawFn) -> dict[str, Any]:
    """A good row with one or two changes anywhere in it."""
    row = copy.deepcopy(draw(st.sampled_from(ROWS)))
    for _ in range(draw(st.integers(1, 2))):
        container, key = draw(st.sampled_from(places(row) or [(row, "messages")]))
        match draw(st.sampled_from(["set", "delete", "add", "repeat"])):
            case "set":
                container[key] = copy.deepcopy(draw(ODD_VALUES))
            case "delete":
                container.pop(key, None) if isinstance(container, dict) else container.pop(key)
            case "add" if isinstance(container, dict):
                container[draw(KEYS)] = copy.deepcopy(draw(ODD_VALUES))
            case _ if isinstance(container, list):
                container.append(copy.deepcopy(container[key]))
    return row


@settings(max_examples=400, deadline=None)
@given(broken_rows())
def test_rows_with_a_change_anywhere(row: dict[str, Any]) -> None:
    """`require_agreement` asks the engine and the checks about the same line."""
    require_agreement(to_line(row))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ROWS), st.data())
def test_lines_with_a_change_of_bytes(row: dict[str, Any], data: st.DataObject) -> None:
    """`require_agreement` asks the engine and the checks about the same line."""
    line = to_line(row)
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, min(len(line), start + 3)))
    new = data.draw(
        st.sampled_from([b"", b'"', b"\\", b"{", b"}", b"[", b",", b":", b"0", b"\\u", b"\xe5", b"\x00", b" "])
    )
    require_agreement((line[:start] + new + line[end:]).replace(b"\n", b""))


def test_the_constants_are_the_same() -> None:
    assert set(validate_rows.MESSAGE_KEYS) == set(ROLES) == set(CHAT_ROLES)
    assert set(validate_rows.CONTROL_TOKENS) == set(TOKENS)
    assert validate_rows.MAX_LINE_BYTES == LINE_LIMIT
    assert IDEMPOTENCY_KEY == KEY
