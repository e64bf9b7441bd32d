"""Each rule by its smallest example, each fix by what it must leave alone."""

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.checks import RULES, Problem, check, check_line, decode, fix, repair
from core.checks.check_line import is_clean
from core.checks.rule_registry import clip
from core.checks.rules_for_datasets import SET_RULES
from core.checks.rules_for_lines import FILE_RULES

Q: dict[str, Any] = {"role": "user", "content": "Q"}
A: dict[str, Any] = {"role": "assistant", "content": "A"}
CALL: dict[str, Any] = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLS: dict[str, Any] = {"role": "assistant", "tool_calls": [CALL]}
RESULT: dict[str, Any] = {"role": "tool", "tool_call_id": "c1", "content": ""}
IMAGE: dict[str, Any] = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}


def row(*messages: object, **keys: object) -> dict[str, object]:
    return {"messages": list(messages), **keys}


def call(function: object) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{**CALL, "function": function}]}


def dpo(**keys: object) -> dict[str, Any]:
    answers = {"preferred_output": [A], "non_preferred_output": [{"role": "assistant", "content": "B"}]}
    return {"input": {"messages": [Q]}, **answers, **keys}


def tool(name: object = "f", **keys: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **keys}}


def image(url: str) -> dict[str, Any]:
    return row({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}, A)


def png(size: int) -> str:
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n".ljust(size, b"\0")).decode()


def found(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.rule, problem.path) for problem in problems]


CLEAN = [
    row(Q, A),
    row({"role": "system", "content": "S"}, Q, A, Q, A),
    row({"role": "developer", "content": "S"}, {**Q, "name": "ann"}, {**A, "weight": 0}, Q, {**A, "weight": 1}),
    row(Q, CALLS, RESULT, A, tools=[{"type": "function", "function": {"name": "f"}}], parallel_tool_calls=False),
    row(Q, CALLS),
    row(Q, {**CALLS, "content": None}, RESULT, {**RESULT, "content": "2\n"}, A),
    row(Q, {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}, functions=[{"name": "f"}]),
    row({"role": "user", "content": [{"type": "text", "text": " a "}, IMAGE]}, A),
    row(Q, {"role": "assistant", "content": None, "refusal": "No."}),
    row(Q, {**A, "content": 'say "role": {"\\'}),
    dpo(),
    dpo(input={"messages": [Q, CALLS, RESULT, A, Q], "tools": [tool()], "parallel_tool_calls": True}),
    dpo(input={"messages": [Q], "tools": [], "parallel_tool_calls": True}),  # as OpenAI's own guide writes it
    row(Q, CALLS, RESULT, {**CALLS, "tool_calls": [{**CALL, "id": "c2"}]}, tools=[tool(parameters={"type": "object"})]),
    image(png(300)),
    image("data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/"),
]


@pytest.mark.parametrize("value", CLEAN)
def test_what_the_format_allows_has_no_problem(value: object) -> None:
    assert check(value) == []
    assert check_line(json.dumps(value).encode()).problems == []


ROWS: list[tuple[str, str, object]] = [
    ("not-object", "$", [1]),
    ("messages-missing", "$", {}),
    ("messages-missing", "$.messages", {"messages": "hello"}),
    ("messages-empty", "$.messages", row()),
    ("message-not-object", "$.messages[0]", row("hello", A)),
    ("role-missing", "$.messages[0]", row({"content": "Q"}, A)),
    ("role-unknown", "$.messages[0].role", row({"role": "human", "content": "Q"}, A)),
    ("role-unknown", "$.messages[1].role", row(Q, {"role": "assitant", "content": "A"})),
    ("role-unknown", "$.messages[0].role", row({"role": None, "content": "Q"}, A)),
    ("content-missing", "$.messages[0]", row({"role": "user"}, A)),
    ("content-missing", "$.messages[1]", row(Q, {"role": "assistant", "content": None})),
    ("content-empty", "$.messages[1].content", row(Q, {"role": "assistant", "content": ""})),
    ("content-empty", "$.messages[0].content", row({"role": "user", "content": " \n\u3000"}, A)),
    ("content-empty", "$.messages[0].content", row({"role": "user", "content": []}, A)),
    ("content-empty", "$.messages[0].content[0].text", row({**Q, "content": [{"type": "text", "text": ""}]}, A)),
    ("content-type", "$.messages[0].content", row({"role": "user", "content": 7}, A)),
    ("content-type", "$.messages[0].content[0]", row({"role": "user", "content": ["Q"]}, A)),
    ("content-type", "$.messages[0].content[0].type", row({**Q, "content": [{"type": "video"}]}, A)),
    ("content-type", "$.messages[0].content[0]", row({**Q, "content": [{"type": "image_url"}]}, A)),
    ("assistant-missing", "$.messages", row(Q)),
    ("assistant-missing", "$.messages", row(Q, {**A, "weight": 0})),
    ("last-not-assistant", "$.messages[2]", row(Q, A, Q)),
    ("turn-order", "$.messages[0]", row(A, Q, A)),
    ("turn-order", "$.messages[2]", row(Q, A, A)),
    ("turn-order", "$.messages[1]", row(Q, Q, A)),
    ("turn-order", "$.messages", row({"role": "system", "content": "S"}, A)),
    ("turn-order", "$.messages", row(A)),
    ("turn-order", "$.messages[1]", row(Q, {"role": "system", "content": "S"}, A)),
    ("turn-order", "$.messages[1]", row(*2 * [{"role": "system", "content": "S"}], Q, A)),
    ("weight-invalid", "$.messages[1].weight", row(Q, {**A, "weight": 0.5})),
    ("weight-invalid", "$.messages[1].weight", row(Q, {**A, "weight": True})),
    ("weight-invalid", "$.messages[0].weight", row({**Q, "weight": 1}, A)),
    ("key-unknown", "$.id", row(Q, A, id=7)),
    ("key-unknown", '$.messages[0]["a b"]', row({**Q, "a b": 7}, A)),
    ("key-unknown", "$.messages[0].tool_calls", row({**Q, "tool_calls": []}, A)),
    ("teacher-messages", "$.teacher_messages", row(Q, A, teacher_messages=[Q])),
    ("value-type", "$.teacher_messages", row(Q, A, teacher_messages=[])),
    ("value-type", "$.messages[0].name", row({**Q, "name": 7}, A)),
    ("value-type", "$.tools", row(Q, A, tools={})),
    ("value-type", "$.tools[0]", row(Q, A, tools=[{"name": "f"}])),
    ("value-type", "$.parallel_tool_calls", row(Q, A, parallel_tool_calls="no")),
    ("value-type", "$.messages[1].tool_calls[0]", row(Q, {"role": "assistant", "tool_calls": [{"id": "c1"}]})),
    ("value-type", "$.messages[1].tool_calls[0].function", row(Q, call({}))),
    ("special-token", "$.messages[1].content", row(Q, {**A, "content": "a<|im_end|>"})),
    ("control-token", "$.messages[1].content", row(Q, {**A, "content": "a<end_of_turn>"})),
    ("replacement-character", "$.messages[1].content", row(Q, {**A, "content": "b\ufffdten"})),
    ("mojibake", "$.messages[1].content", row(Q, {**A, "content": "bÃ¥ten är grÃ¶n"})),
    ("invisible-character", "$.messages[1].content", row(Q, {**A, "content": "a\u200bb"})),
    ("html-entity", "$.messages[1].content", row(Q, {**A, "content": "a &amp; b"})),
    ("empty-value", "$.messages[1].content", row(Q, {**A, "content": "nan"})),
    ("tool-call-unanswered", "$.messages[1].tool_calls", row(Q, CALLS, A)),
    ("tool-call-unanswered", "$.messages[1].tool_calls", row(Q, CALLS, Q, A)),
    ("tool-call-id-unknown", "$.messages[1].tool_call_id", row(Q, RESULT, A)),
    ("tool-call-id-unknown", "$.messages[1]", row(Q, {"role": "tool", "content": "x"}, A)),
    ("tool-arguments-invalid", "$.messages[1].tool_calls[0].function.arguments", row(Q, call({"name": "f"}))),
    (
        "tool-arguments-invalid",
        "$.messages[1].tool_calls[0].function.arguments",
        row(Q, call({"name": "f", "arguments": "{'a': 1}"})),
    ),
    (
        "tool-arguments-invalid",
        "$.messages[1].tool_calls[0].function.arguments",
        row(Q, call({"name": "f", "arguments": "[" * 100_000})),
    ),
    (
        "tool-arguments-invalid",
        "$.messages[1].function_call.arguments",
        row(Q, {"role": "assistant", "function_call": {"name": "f", "arguments": {}}}),
    ),
    ("image-role", "$.messages[1].content[0]", row(Q, {"role": "assistant", "content": [IMAGE]})),
    ("image-url-invalid", "$.messages[0].content[0].image_url.url", image("ftp://example.org/a.png")),
    ("image-url-invalid", "$.messages[0].content[0].image_url.url", image("http://[::1/a.png")),
    ("image-url-invalid", "$.messages[0].content[0].image_url.url", image("data:image/png,abc")),
    ("image-url-invalid", "$.messages[0].content[0].image_url.url", image("data:image/png;base64,@@@@")),
    ("image-type", "$.messages[0].content[0].image_url.url", image("https://example.org/a.gif?x=1")),
    ("image-type", "$.messages[0].content[0].image_url.url", image("data:image/gif;base64,R0lGODlh")),
    ("image-type", "$.messages[0].content[0].image_url.url", image("data:image/png;base64,R0lGODlh")),
    ("image-size", "$.messages[0].content[0].image_url.url", image(png(10 * 1024 * 1024 + 3))),
    ("image-count", "$.messages", row({"role": "user", "content": [IMAGE] * 11}, A)),
    ("tool-count", "$.tools", row(Q, A, tools=[])),
    ("tool-count", "$.functions", row(Q, A, functions=[{"name": f"f{n}"} for n in range(129)])),
    ("tool-name-invalid", "$.tools[0]", row(Q, A, tools=[tool("get weather")])),
    ("tool-name-invalid", "$.messages[1].tool_calls[0].function.name", row(Q, call({"name": "", "arguments": "{}"}))),
    ("tool-twice", "$.tools[1]", row(Q, A, tools=[tool(), tool()])),
    ("tool-parameters-invalid", "$.tools[0]", row(Q, A, tools=[tool(parameters={"type": "string"})])),
    ("tool-undeclared", "$.messages[1]", row(Q, CALLS, tools=[tool("g")])),
    ("tool-call-id-twice", "$.messages[3].tool_calls", row(Q, CALLS, RESULT, CALLS)),
    ("dpo-input-missing", "$", {key: value for key, value in dpo().items() if key != "input"}),
    ("dpo-input-missing", "$.input", dpo(input={"messages": []})),
    ("dpo-input-answered", "$.input.messages[1]", dpo(input={"messages": [Q, A]})),
    ("dpo-output-missing", "$", {key: value for key, value in dpo().items() if key != "non_preferred_output"}),
    ("dpo-output-missing", "$.preferred_output", dpo(preferred_output=[A, A])),
    ("dpo-output-missing", "$.preferred_output", dpo(preferred_output=A)),
    ("dpo-output-role", "$.preferred_output[0].role", dpo(preferred_output=[Q])),
    ("dpo-outputs-equal", "$.non_preferred_output", dpo(non_preferred_output=[A])),
    ("dpo-image", "$.input.messages[0]", dpo(input={"messages": [{"role": "user", "content": [IMAGE]}]})),
    ("dpo-old-key", "$.preferred_completion", {**dpo(), "preferred_completion": [A]}),
    ("role-unknown", "$.preferred_output[0].role", dpo(preferred_output=[{**A, "role": "assitant"}])),
    ("content-empty", "$.input.messages[0].content", dpo(input={"messages": [{**Q, "content": ""}]})),
    ("value-type", "$.input.tools", dpo(input={"messages": [Q], "tools": 7})),
    ("key-unknown", "$.source", dpo(source="x")),
    ("old-format", "$", {"prompt": "Q", "completion": "A"}),
    ("whitespace", "$.messages[1].content", row(Q, {**A, "content": "A\n"})),
]


@pytest.mark.parametrize(("rule", "path", "value"), ROWS)
def test_each_row_rule_by_its_smallest_example(rule: str, path: str, value: object) -> None:
    assert found(check(value)) == [(rule, path)]
    assert check_line(json.dumps(value).encode()).problems


LINES: list[tuple[str, str, bytes]] = [
    ("blank", "", b" \t"),
    ("encoding", "", '{"a": "日本語です"}'.encode("cp932")),
    ("encoding", "", '{"a": "b"}'.encode("utf-16-le")),
    ("encoding", "", b'{"ro\xff\xfele": 1}'),
    ("json-broken", "", b'{"a": 1,}'),
    ("json-broken", "", b'{"a": "b'),
    ("json-broken", "", '{"a": "あ'.encode()[:-1]),
    ("json-broken", "", b'{"a": "\0"}'),
    ("json-broken", "", b'\xef\xbb\xbf{"a": 1}'),
    ("not-object", "", b'["a"]'),
    ("too-deep", "", b'{"a":' + b"[" * 100_000),
    ("too-deep", "", b'{"a":' + b"[" * 100 + b"]" * 100 + b"}"),
    ("lone-surrogate", "$.a[1].b", b'{"a": [0, {"b": "\\ud83d"}]}'),
    ("lone-surrogate", "$.a", b'{"a": "\\udc00\\ud83d"}'),
    ("number-invalid", "", b'{"a": NaN}'),
    ("number-invalid", "", b'{"a": -Infinity}'),
    ("number-invalid", "", b'{"a": 1e400}'),
    ("number-invalid", "", b'{"a": ' + b"1" * 5000 + b"}"),
    ("too-long", "", b'{"a": "' + b"a" * (16 * 1024 * 1024) + b'"}'),
]


@pytest.mark.parametrize(("rule", "path", "raw"), LINES, ids=lambda value: str(value)[:20])
def test_each_unreadable_line_says_why(rule: str, path: str, raw: bytes) -> None:
    decoded = decode(raw)
    assert found(decoded.problems) == [(rule, path)]
    assert decoded.text is None
    assert check_line(raw) == (None, decoded.problems)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b'{"a": 1, "a": 2}', "$.a"),
        (b'{"messages": [{"role": "user", "role": "user", "content": "a"}]}', "$.messages[0].role"),
        (b'{"messages": [{"role": "user", "content": "a", "cont\\u0065nt": "b"}]}', "$.messages[0].content"),
    ],
)
def test_a_key_that_stands_twice_is_named_and_the_row_stays_readable(raw: bytes, path: str) -> None:
    decoded = decode(raw)
    assert decoded.text == raw.decode()
    assert found(decoded.problems) == [("duplicate-key", path)]
    assert ("duplicate-key", path) in found(check_line(raw).problems)


def test_a_key_twice_is_seen_on_the_short_way_too() -> None:
    twice = '{"messages": [{"role": "user", "content": "a \\"b\\\\"}, {"role": "assistant", "content": "a"%s}]}'
    assert is_clean((twice % "").encode())
    assert found(check_line((twice % ', "content": "b"').encode()).problems) == [
        ("duplicate-key", "$.messages[1].content")
    ]


def test_every_rule_has_words_and_an_example() -> None:
    shown = {rule for rule, *_ in [*ROWS, *LINES]} | {"duplicate-key"}
    elsewhere = {rule.id for rule in [*FILE_RULES, *SET_RULES]}
    assert shown | elsewhere == RULES.keys()
    assert all(rule.title() and rule.explanation() for rule in RULES.values())


def test_messages_say_what_is_meant_and_where() -> None:
    misspelt = check(row(Q, {"role": "assitant", "content": "A"}))[0]
    assert misspelt.message == "Unknown role assitant: did you mean assistant?"
    assert "CP932" in decode('{"a": "日本語です"}'.encode("cp932")).problems[0].message
    assert "UTF-16" in decode('{"a": "b"}'.encode("utf-16-be")).problems[0].message
    assert "byte 5" in decode(b'{"ro\xff\xfele": 1}').problems[0].message
    assert decode(b'{"a": 1 "b": 2}').problems[0].message == "Column 9: a comma or a closing bracket is missing."


def test_foreign_text_in_a_message_cannot_steer_a_terminal() -> None:
    problems = check(row({"role": "\x1b[2J\n" + "x" * 1000, "content": "Q", "\x1b[0m": 1}, A))
    shown = "".join(problem.path + problem.message for problem in problems)
    assert shown.isprintable()
    assert len(shown) < 300


@pytest.mark.parametrize("blank", [" ", "\u3000", "\u00a0"])
def test_a_blank_of_any_language_stays_in_a_short_text(blank: str) -> None:
    assert clip(f"霧の灯台{blank}遊び方") == f"霧の灯台{blank}遊び方"
    assert clip("a\nb\u2028c\u202ed") == "a\ufffdb\ufffdc\ufffdd"


def test_a_row_broken_in_a_million_places_gives_a_hundred_problems() -> None:
    assert len(check({"messages": [{}] * 100_000})) == 100


# --- fixes ---

MISSPELT = (
    '{ "x": 1.0,"messages" :[{"role":"assitant","content":"\\u3042","y":1e2},{"role":"usr","content":" a"}],"z":{}}'
)


def test_fixing_roles_changes_nothing_else() -> None:
    assert fix("role-unknown", MISSPELT) == MISSPELT.replace("assitant", "assistant").replace("usr", "user")


def test_fixing_blanks_keeps_every_other_escape_as_it_was_spelled() -> None:
    text = '{"messages":[{"content":" \\n\\u3000\\u0041\\n\\"\\\\ \\t ","role":"user"},{"role":"tool","content":"a "}]}'
    assert fix("whitespace", text) == text.replace(" \\n\\u3000\\u0041", "\\u0041").replace("\\\\ \\t ", "\\\\")


SAYS = '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", '


@pytest.mark.parametrize(
    ("rule", "text", "mended"),
    [
        ("weight-invalid", SAYS + '"weight": true, "content": "A"}]}', SAYS + '"weight": 1, "content": "A"}]}'),
        ("weight-invalid", SAYS + '"weight" :"0" , "content": "A"}]}', SAYS + '"weight" :0 , "content": "A"}]}'),
        ("weight-invalid", SAYS + '"weight":1.0,"content":"A"}]}', SAYS + '"weight":1,"content":"A"}]}'),
        (
            "tool-arguments-invalid",
            SAYS
            + '"tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"あ":1e2}}}]}]}',
            SAYS
            + '"tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\\"あ\\":1e2}"}}]}]}',
        ),
        (
            "old-format",
            '{"n": 1.0, "completion": "\\u3042", "prompt" : "Q", "x":[]}',
            '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "\\u3042"}], "n": 1.0, "x":[]}',
        ),
        (
            "dpo-old-key",
            '{"preferred_completion":[1], "non_preferred_completion" : [], "x": "preferred_completion"}',
            '{"preferred_output":[1], "non_preferred_output" : [], "x": "preferred_completion"}',
        ),
        (
            "role-unknown",
            '{"input": {"messages": [{"role": "usr"}]}, "preferred_output": [{"role": "assitant"}]}',
            '{"input": {"messages": [{"role": "user"}]}, "preferred_output": [{"role": "assistant"}]}',
        ),
    ],
)
def test_each_fix_changes_its_own_place_only(rule: str, text: str, mended: str) -> None:
    assert RULES[rule].fixable
    assert fix(rule, text) == mended
    assert fix(rule, mended) is None


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("weight-invalid", '{"messages": [{"role": "assistant", "weight": 0.5}, {"role": "user", "weight": "1"}]}'),
        ("tool-arguments-invalid", '{"messages": [{"role": "assistant", "function_call": {"arguments": "{"}}]}'),
        ("old-format", '{"prompt": "Q", "completion": 7}'),
        ("old-format", '{"prompt": "Q", "completion": "A", "completion": "B"}'),
        ("dpo-old-key", '{"preferred_completion": [1], "preferred_output": [2]}'),
        ("role-unknown", '{"messages": [{"role": "human"}]}'),
        ("role-unknown", '{"messages": [{"role": "user"}]}'),
        ("role-unknown", '{"messages": 7}'),
        ("whitespace", '{"messages": [{"role": "user", "content": "  "}]}'),
        ("whitespace", "{"),
        ("content-empty", '{"messages": [{"role": "user", "content": ""}]}'),
        ("json-broken", '{"a": 1}'),
        ("json-broken", '{"a": 1 "b": 2}'),
        ("json-broken", "{“a”: “say “b” twice”}"),
        ("no-such-rule", "{}"),
    ],
)
def test_what_cannot_be_mended_safely_is_left_alone(rule: str, text: str) -> None:
    assert fix(rule, text) is None


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ('{"a": [1, 2,], "b": ",]",}', '{"a": [1, 2], "b": ",]"}'),
        ('{"a": 1},', '{"a": 1}'),
        ('{“a”: "“b”", „c”: “d”}', '{"a": "“b”", "c": "d"}'),
        ('\ufeff{"a": 1}', '{"a": 1}'),
    ],
)
def test_slips_of_hand_are_mended(broken: str, mended: str) -> None:
    assert fix("json-broken", broken) == mended
    assert repair(broken.encode()) == mended.encode()


@pytest.mark.parametrize("encoding", ["cp932", "utf-16-le", "utf-16-be", "utf-16"])
def test_a_line_in_another_encoding_is_repaired(encoding: str) -> None:
    text = '{"messages": [{"role": "user", "content": "表とソと返品です"}]}'
    assert repair(text.encode(encoding)) == text.encode()


def test_a_utf16_line_cut_at_its_newline_byte_is_repaired() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        pieces = '{"a": 1}\n{"b": 2}\n'.encode(encoding).split(b"\n")
        assert [repair(piece) for piece in pieces[:2]] == [b'{"a": 1}', b'{"b": 2}']


def test_what_is_readable_or_hopeless_is_not_repaired() -> None:
    for raw in (b'{"a": 1}', b"[1]", b"", b"\xff\xfe\xff", b'{"a": NaN}', '{"a": "na\u00efve"}'.encode("cp1252")):
        assert repair(raw) is None


# --- any input at all ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ROLE = st.sampled_from(["system", "user", "assistant", "assitant", "tool", "human", ""])
PART = st.fixed_dictionaries({}, optional={"type": st.sampled_from(["text", "image_url"]) | JSON, "text": JSON})
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "role": ROLE | JSON,
        "content": st.text() | st.lists(PART, max_size=3) | JSON,
        "weight": st.sampled_from([0, 1, 2]) | JSON,
        "tool_calls": st.lists(st.fixed_dictionaries({}, optional={"id": JSON, "function": JSON}), max_size=2) | JSON,
        "tool_call_id": JSON,
        "function_call": JSON,
        "name": JSON,
    },
)
MESSAGES = st.lists(MESSAGE | JSON, max_size=4)
TOOLS = st.lists(st.fixed_dictionaries({"function": st.fixed_dictionaries({}, optional={"name": JSON})}), max_size=2)
CHAT = st.fixed_dictionaries({"messages": MESSAGES}, optional={"tools": TOOLS | JSON})
COMPARED = st.fixed_dictionaries(
    {"preferred_output": MESSAGES | JSON},
    optional={"input": CHAT | JSON, "non_preferred_output": MESSAGES, "non_preferred_completion": MESSAGES | JSON},
)
PAIR = st.fixed_dictionaries({"prompt": st.text(max_size=4) | JSON, "completion": JSON}, optional={"x": JSON})
ROW = CHAT | COMPARED | PAIR
FIXABLE = ["role-unknown", "whitespace", "weight-invalid", "tool-arguments-invalid", "old-format", "dpo-old-key"]


@given(ROW | JSON)
def test_no_value_makes_check_raise(value: object) -> None:
    assert all(problem.rule in RULES for problem in check(value))


@settings(max_examples=200)
@given(ROW, st.binary(max_size=3), st.integers(0, 200))
def test_no_bytes_make_a_line_raise(value: object, noise: bytes, at: int) -> None:
    raw = json.dumps(value, ensure_ascii=True).encode()
    raw = raw[:at] + noise + raw[at + len(noise) :]
    text, problems = check_line(raw)
    assert text is not None or problems
    mended = repair(raw)
    assert mended is None or (text is None and decode(mended).text == mended.decode())


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "assitant"]), st.text(max_size=6)), max_size=3))
def test_the_short_way_and_the_long_one_agree(said: list[tuple[str, str]]) -> None:
    value = {"messages": [{"role": role, "content": content} for role, content in said]}
    raw = json.dumps(value).encode()
    decoded = decode(raw)
    assert is_clean(raw) == (decoded.text is not None and not check(decoded.value))


UNCHECKED = [{}, {"role": "assitant"}]  # more than one message: no answer that is looked into


@example({"preferred_output": UNCHECKED}, "role-unknown")
@example({"preferred_output": [{"role": "assistant"}], "preferred_completion": [{"role": "assitant"}]}, "role-unknown")
@example({"messages": [], "preferred_output": [{"role": "assitant"}]}, "role-unknown")
@example({"input": {"messages": [{"role": "assitant"}]}}, "role-unknown")
@example({"messages": [], "preferred_completion": []}, "dpo-old-key")
@given(ROW, st.sampled_from(FIXABLE))
def test_a_fix_ends_its_problem_or_leaves_the_row(value: object, rule: str) -> None:
    decoded = decode(json.dumps(value).encode())
    if decoded.text is None:
        return
    mended = fix(rule, decoded.text)
    before = [problem for problem in check(decoded.value) if problem.rule == rule]
    if mended is not None:
        after = [problem for problem in check(json.loads(mended)) if problem.rule == rule]
        assert len(after) < len(before)
        assert fix(rule, mended) is None
