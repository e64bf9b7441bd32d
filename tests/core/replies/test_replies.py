"""What is read out of a model's reply, in every shape models were seen to write."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import replies
from core.dataset.examples import KINDS
from core.replies import MAX_PARSED_CHARACTERS, Pair
from tests.support.patience import effort

EN = [("How many players?", "A team has three players."), ("How big is the ball?", "It is 18 centimetres across.")]
JA = [("1チームは何人ですか？", "1チームは3人です。"), ("ボールの直径は？", "ボールの直径は18センチメートルです。")]
MIXED = [EN[0], JA[1]]
(Q1, A1), (Q2, A2) = EN
(J1, K1), (J2, K2) = JA
OBJECTS = [{"question": question, "answer": answer} for question, answer in EN]
THREE = [*OBJECTS, {"question": "Who leads the match?", "answer": "Two referees lead the match."}]


def dump(value, **options):
    return json.dumps(value, ensure_ascii=False, **options)


def named(question, answer, pairs=EN):
    return dump([{question: q, answer: a} for q, a in pairs])


SHAPES = {
    "array": (dump(OBJECTS), EN),
    "object": (dump({"examples": OBJECTS}), EN),
    "one-object": (dump(OBJECTS[0]), EN[:1]),
    "fenced": (f"```json\n{dump({'examples': OBJECTS}, indent=2)}\n```", EN),
    "fenced-prose": (f"Sure! Here are two.\n\n```json\n{dump(OBJECTS)}\n```\n\nLet me know if you want more!", EN),
    "fences": (f"First:\n```json\n{dump(OBJECTS[0])}\n```\nSecond:\n```\n{dump(OBJECTS[1])}\n```", EN),
    "fence-open": (f"```json\n{dump(OBJECTS)}", EN),
    "tildes": (f"~~~JSON\n{dump(OBJECTS)}\n~~~", EN),
    "prose-around": (f"Here you are [as asked]: {dump(OBJECTS)} I hope this helps {{really}}.", EN),
    "json-lines": ("\n".join(map(dump, OBJECTS)), EN),
    "json-lines-one-broken": (f'{dump(OBJECTS[0])}\n{{"question": oops\n{dump(OBJECTS[1])}', EN),
    "objects-without-array": (f"{dump(OBJECTS[0])},\n{dump(OBJECTS[1])}", EN),
    "cut-string": (dump({"examples": THREE})[:-30], EN),
    "cut-key": (dump(THREE)[: dump(THREE).index('ion": "Who')], EN),
    "cut-brackets": (dump({"examples": OBJECTS})[:-3], EN),
    "trailing-commas": (f'[{{"question": "{Q1}", "answer": "{A1}",}}, {{"question": "{Q2}", "answer": "{A2}",}},]', EN),
    "missing-commas": (f'[{{"question": "{Q1}"\n "answer": "{A1}"}}\n{{"question": "{Q2}" "answer": "{A2}"}}]', EN),
    "single-quotes": (str(OBJECTS), EN),
    "apostrophes": ("[{'question': 'Whose ball?', 'answer': 'It's the other team's ball.'}]",
                    [("Whose ball?", "It's the other team's ball.")]),
    "curly-quotes": (f"{{“examples”: [{{“question”: “{Q1}”, “answer”: “{A1}”}}]}}", EN[:1]),
    "quotes-inside": ('[{"question": "What is "one foot"?", "answer": "It is a "duty", not a foul."}]',
                      [('What is "one foot"?', 'It is a "duty", not a foul.')]),
    "comments": (f'[ // the first\n{{"question": "{Q1}", /* so */ "answer": "{A1}"}}, # next\n{dump(OBJECTS[1])}]', EN),
    "newlines-in-strings": ('{"question": "First line\nsecond?", "answer": "One\n\ntwo."}',
                            [("First line\nsecond?", "One\n\ntwo.")]),
    "nan": (f'[{{"question": "{Q1}", "answer": "{A1}", "score": NaN}}]', EN[:1]),
    "number-answer": ('[{"question": "How many?", "answer": 3}, {"question": "How wide?", "answer": 4.50}]',
                      [("How many?", "3"), ("How wide?", "4.50")]),
    "bare-keys": (f'[{{question: "{Q1}", answer: "{A1}"}}]', EN[:1]),
    "double-braces": (f'{{{{"question": "{Q1}", "answer": "{A1}"}}}}', EN[:1]),
    "full-width-colons": (f'[{{"question"： "{Q1}"， "answer"： "{A1}"}}]', EN[:1]),
    "latex": (r'[{"question": "What is \(x\)?", "answer": "It is \\(2\\)."}]', [(r"What is \(x\)?", r"It is \(2\).")]),
    "json-in-json": (dump(dump(OBJECTS)), EN),
    "keys-q-a": (named("q", "a"), EN),
    "keys-Q-A": (named("Q", "A"), EN),
    "keys-prompt": (named("prompt", "completion"), EN),
    "keys-input": (named("input", "output"), EN),
    "keys-instruction": (named("instruction", "response"), EN),
    "keys-user": (named("user", "assistant"), EN),
    "keys-Title_Case": (named("Question Text", "Expected Answer"), EN),
    "keys-japanese": (named("質問", "回答", JA), JA),
    "keys-short-japanese": (named("問", "答", JA), JA),
    "keys-toi": (named("問い", "答え", JA), JA),
    "keys-numbered": (dump({"question1": Q1, "answer1": A1, "question2": Q2, "answer2": A2}), EN),
    "keys-numbered-japanese": (dump([{"質問1": J1, "回答1": K1}, {"質問2": J2, "回答2": K2}]), JA),
    "keys-repeated": (f'{{"question": "{Q1}", "answer": "{A1}", "question": "{Q2}", "answer": "{A2}"}}', EN),
    "messages": (dump({"messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": Q1},
                                    {"role": "assistant", "content": A1}]}), EN[:1]),
    "messages-lines": ("\n".join(dump({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]})
                                 for q, a in EN), EN),
    "message-array": (dump([{"role": role, "content": said} for pair in EN
                            for role, said in zip(("user", "assistant"), pair, strict=True)]), EN),
    "message-parts": (dump([{"role": "user", "content": [{"type": "text", "text": Q1}]},
                            {"role": "assistant", "content": A1}]), EN[:1]),
    "sharegpt": (dump({"conversations": [{"from": "human", "value": Q1}, {"from": "gpt", "value": A1}]}), EN[:1]),
    "nested": (dump({"status": "ok", "data": {"items": OBJECTS}}), EN),
    "wrapper-with-words": (dump({"response": "Here they are.", "examples": OBJECTS}), EN),
    "question-to-answer": (dump(dict(JA)), JA),
    "lists-of-two": (dump([list(pair) for pair in EN]), EN),
    "parallel-lists": (dump({"questions": [Q1, Q2], "answers": [A1, A2]}), EN),
    "wordings": (dump({"questions": ["How many?", "What number?"], "answer": A1}),
                 [("How many?", A1), ("What number?", A1)]),
    "table": (f"Here:\n\n| Question | Answer |\n|---|---|\n| {Q1} | {A1} |\n| {Q2} | {A2} |\n\nDone.", EN),
    "table-japanese": (f"| 質問 | 回答 |\n| :-- | --: |\n| {J1} | {K1} |\n| {J2} | {K2} |", JA),
    "table-other-order": (f"| No. | 回答 | 備考 | **質問** |\n|-|-|-|-|\n| 1 | {K1} | – | {J1} |\n| 2 | {K2} | | {J2} |", JA),
    "table-fenced": (f"```markdown\n| Question | Answer |\n|---|---|\n| {Q1} | {A1} |\n```", EN[:1]),
    "table-unknown-head": (f"| # | Kysymys | Vastaus |\n|---|---|---|\n| 1 | {Q1} | {A1} |\n| 2 | {Q2} | {A2} |", EN),
    "table-no-head": (f"| {Q1} | {A1} |\n| {Q2} | {A2} |", EN),
    "table-rows-as-head": (f"| {Q1} | {A1} |\n|---|---|\n| {Q2} | {A2} |", EN),
    "table-escapes": ("| Q | A |\n|---|---|\n| a \\| b? | one<br>two |", [("a | b?", "one\ntwo")]),
    "csv": (f'```csv\nquestion,answer\n"{Q1}","{A1}"\n"He said ""why""?","So, yes."\n```',
            [EN[0], ('He said "why"?', "So, yes.")]),
    "csv-no-head": (f'```csv\n"{Q1}", "{A1}"\n"{Q2}", "{A2}"\n```', EN),
    "csv-unfenced": (f'Here is the CSV:\n\n質問,回答\n{J1},{K1}\n{J2},{K2}\n', JA),
    "tsv": (f"```tsv\n質問\t回答\n{J1}\t{K1}\n{J2}\t{K2}\n```", JA),
    "numbered-inline": (f"1. Q: {Q1} A: {A1}\n2. Q: {Q2} A: {A2}", EN),
    "numbered-lines": (f"1. Q: {Q1}\n   A: {A1}\n\n2. Q: {Q2}\n   A: {A2}\n\nWould you like more?", EN),
    "one-line": (f"Q: {Q1} A: {A1} Q: {Q2} A: {A2}", EN),
    "Q1-A1": (f"Q1: {Q1}\nA1: {A1}\n\nQ2: {Q2}\nA2: {A2}", EN),
    "Q1-dots": (f"Q1. {Q1}\nA1. {A1}\nQ2. {Q2}\nA2. {A2}", EN),
    "bold-labels": (f"**Question:** {Q1} **Answer:** {A1}\n\n**Question:** {Q2}\n**Answer:** {A2}", EN),
    "bold-whole": (f"**Q: {Q1}**\nA: {A1}\n\n**Q: {Q2}**\nA: {A2}", EN),
    "slash": (f"質問1：{J1}／回答1：{K1}\n質問2：{J2}／回答2：{K2}", JA),
    "inline-japanese": (f"問：{J1}答：{K1}\n問：{J2}答：{K2}", JA),
    "lenticular": (f"【質問】{J1}\n【回答】{K1}\n\n【質問】{J2}\n【回答】{K2}", JA),
    "toi-numbered": (f"問1 {J1}\n答1 {K1}\n問2 {J2}\n答2 {K2}", JA),
    "headings": (f"### Question\n{Q1}\n### Answer\n{A1}\n\n### Question\n\n{Q2}\n\n### Answer\n\n{A2}", EN),
    "headings-numbered": (f"## Pair 1\n### Question 1: {Q1}\n### Answer 1: {A1}\n\n---\n\n## Pair 2\n"
                          f"### Question 2: {Q2}\n### Answer 2: {A2}\n\n---", EN),
    "user-assistant": (f"User: {Q1}\nAssistant: {A1}\n\nUser: {Q2}\nAssistant: {A2}", EN),
    "bulleted": (f"- **Q:** {Q1}\n  - **A:** {A1}\n- **Q:** {Q2}\n  - **A:** {A2}", EN),
    "long-answer": ("Q: How do I throw?\nA: Like this:\n```python\nthrow({'ball': 1})\n```",
                    [("How do I throw?", "Like this:\n```python\nthrow({'ball': 1})\n```")]),
    "colon-in-question": ("Q: What is the answer: 3 or 4?\nA: It is 3.", [("What is the answer: 3 or 4?", "It is 3.")]),
    "definitions": (f"- {Q1} — {A1}\n- {Q2} — {A2}", EN),
    "definitions-bold": (f"1. **{Q1}** {A1}\n2. **{Q2}**\n   {A2}", EN),
    "definitions-bold-numbers": (f"Here:\n\n**1. {Q1}**\n{A1}\n\n**2. {Q2}**\n{A2}\n\nI hope this helps!", EN),
    "yaml": (f'examples:\n  - question: "{Q1}"\n    answer: "{A1}"\n  - question: "{Q2}"\n    answer: "{A2}"', EN),
    "tags": (f"<qa><question>{Q1}</question><answer>{A1}</answer></qa>\n<qa><question>{Q2}</question>"
             f"<answer>{A2}</answer></qa>", EN),
    "definitions-arrow": (f"・{J1} → {K1}\n・{J2} → {K2}", JA),
    "numbered-questions": (f"1. {Q1}\n   {A1}\n2. {Q2}\n   {A2}", EN),
    "thought": (f"<think>\nQ: Not this? A: No.\n{dump(OBJECTS[::-1])}\n</think>\n\n{dump(OBJECTS)}", EN),
    "thought-headless": (f"Let me think: [1, 2] …\n</think>\n\n{dump(OBJECTS)}", EN),
    "mixed-languages": (f"了解です。\n\n```json\n{named('質問', 'answer', MIXED)}\n```\n以上です。", MIXED),
    "mixed-labels": (f"Q1：{Q1}\n回答1：{A1}\n質問2: {J2}\nA2：{K2}", MIXED),
    "bom-crlf": ("\ufeff" + f"Q: {Q1}\r\nA: {A1}\r\n\r\nQ: {Q2}\r\nA: {A2}\r\n", EN),
    "bom-json-crlf": ("\ufeff" + dump(OBJECTS, indent=1).replace("\n", "\r\n"), EN),
}  # fmt: skip


@pytest.mark.parametrize(("reply", "expected"), SHAPES.values(), ids=SHAPES)
def test_shapes(reply, expected):
    assert [(pair.question, pair.answer) for pair in replies.parse_pairs(reply).pairs] == expected


@pytest.mark.parametrize(
    ("reply", "reasons"),
    [
        (SHAPES["cut-string"][0], ["cut off"]),
        (SHAPES["cut-brackets"][0], []),
        (dump([{"question": "Why?", "answer": " "}, {"question": "", "answer": "So."}]), ["no answer", "no question"]),
        (dump([{"question": "Why?"}, {"answer": "So."}, {"question": None, "answer": "So."}]),
         ["no answer", "no question", "no question"]),
        ("Q: Why?\nQ: Who?\nA: They.", ["no answer"]),
        ("質問：なぜですか？\n回答：\n質問：誰ですか？\n回答：審判です。", ["no answer"]),
        ("| Q | A |\n|---|---|\n| Why? | |\n| Who? | a | b |\n| Wh", ["no answer", "3 cells", "1 cell"]),
        ("I'm sorry, but I can't help with that.", ["declined"]),
        ("申し訳ありませんが、その依頼にはお応えできません。", ["declined"]),
        ("The game is fun. What do you want to know?", ["No questions with answers"]),
        ("", ["wrote nothing"]),
        (" \n\ufeff", ["wrote nothing"]),
        ("[]", ["No questions with answers"]),
        ("<think>\nThe person wants", ["finished thinking"]),
    ],
)  # fmt: skip
def test_what_cannot_be_used_says_why(reply, reasons):
    refused = replies.parse_pairs(reply).refused
    assert len(refused) == len(reasons)
    assert all(any(reason in one.reason for one in refused) for reason in reasons), refused
    assert all(len(one.text) <= 120 for one in refused)


def test_kind_and_quote():
    rows = [
        {"question": "a?", "answer": "b", "kind": "Reverse", "quote": " Two\nballs. "},
        {"質問": "c?", "回答": "d", "種類": "言い換え", "根拠": "2個"},
        {"question": "e?", "answer": "f", "type": "not stated", "source": ["g.", "h."]},
        {"question": "i?", "answer": "j", "kind": "funny"},
    ]
    assert replies.parse_pairs(dump(rows)).pairs == [
        Pair("a?", "b", "reverse", "Two\nballs."),
        Pair("c?", "d", "reworded", "2個"),
        Pair("e?", "f", "not_stated", "g.\nh."),
        Pair("i?", "j"),
    ]
    by_kind = {"direct": OBJECTS[:1], "applied_questions": [{"q": "k?", "a": "l"}]}
    assert [pair.kind for pair in replies.parse_pairs(dump(by_kind)).pairs] == ["direct", "applied"]
    labelled = "Q: a?\nA: b\nKind: applied\nQuote: “c”\n\nQ: d?\nA: e\nExplanation: f"
    assert replies.parse_pairs(labelled).pairs == [Pair("a?", "b", "applied", "“c”"), Pair("d?", "e")]
    table = "| 種類 | 質問 | 回答 | 引用 |\n|--|--|--|--|\n| 逆 | m? | n | o |"
    assert replies.parse_pairs(table).pairs == [Pair("m?", "n", "reverse", "o")]


def test_alpaca_input_belongs_to_the_question():
    reply = dump([{"instruction": "Sum up.", "input": "Two balls.", "output": "Balls."}])
    assert replies.parse_pairs(reply).pairs == [Pair("Sum up.\n\nTwo balls.", "Balls.")]


@pytest.mark.parametrize("cut", range(1, len(dump({"examples": THREE})), 7))
def test_cut_off_anywhere_leaves_the_whole_pairs_before(cut):
    parsed = replies.parse_pairs(f"```json\n{dump({'examples': THREE})[:cut]}")
    wanted = [(one["question"], one["answer"]) for one in THREE]
    assert [(pair.question, pair.answer) for pair in parsed.pairs] == wanted[: len(parsed.pairs)]
    assert len(parsed.refused) <= 1


texts = st.text(max_size=40).map(str.strip).filter(bool)
rows = st.lists(st.tuples(texts, texts, st.sampled_from(["", *KINDS]), st.text(max_size=20).map(str.strip)), min_size=1)
WRAPPERS = {
    "array": lambda rows: dump(rows),
    "escaped": lambda rows: json.dumps({"examples": rows}),
    "indented": lambda rows: f"```json\n{dump({'data': {'items': rows}}, indent=2)}\n```\nMore?",
    "prose": lambda rows: f"Here you are:\n{dump(rows)}\nMore?",
    "lines": lambda rows: "\n".join(map(dump, rows)),
    "trailing-comma": lambda rows: "[" + "".join(f"{dump(row)},\n" for row in rows) + "]",
}


@given(rows, st.sampled_from(sorted(WRAPPERS)))
def test_json_comes_back_identical(rows, wrapper):
    objects = [dict(zip(("question", "answer", "kind", "quote"), row, strict=True)) for row in rows]
    assert replies.parse_pairs(WRAPPERS[wrapper](objects)).pairs == [Pair(*row) for row in rows]


@given(st.lists(st.tuples(texts, texts), min_size=1))
def test_csv_comes_back_identical(rows):
    rows = [tuple(" ".join(text.replace("`", "").split()) or "x" for text in row) for row in rows]
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([("question", "answer"), *rows])
    found = replies.parse_pairs(f"```csv\n{file.getvalue()}```").pairs
    assert [(pair.question, pair.answer) for pair in found] == rows


PIECES = ["Q:", "A1：", "質問", "回答：", "？", "\n", "\n\n", "{", "}", "[", "]", '"', "'", "\\", ",", ":", "|", "---", "```",
          "json", "<think>", "</think>", "question", "answer", "- ", "1. ", "**", "“", "”", "\ufeff", "\r\n", "\0", "\ud800",
          " ", "—", "/*", "//", "#", '{"q": "a?", "a": "b"}', "csv", "\t", "not supported", "矛盾"]  # fmt: skip


@settings(max_examples=400)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=60).map("".join)))
def test_any_text_is_read_without_an_error(reply):
    parsed = replies.parse_pairs(reply)
    assert parsed.pairs or parsed.refused
    assert all(pair.question and pair.answer and pair.kind in ("", *KINDS) for pair in parsed.pairs)
    assert all(statement == statement.strip() and statement for statement in replies.parse_statements(reply))
    replies.parse_verdict(reply)
    dump([[pair.question, pair.answer] for pair in parsed.pairs]).encode()


BOMBS = ["[", "{", '{"a":', "\\", '"', '["', "'", "{'", "`", "```\n", "<think>", "<think>\n", "</think>\n", "|", "| ", "|\n",
         "|-|-|\n", "Q: ", "Q:\n", "Q: a? A: b ", "A:", "質問：", " ", "　", "\t", "\n", "- ", "- a?\n", "1. ", "*", "**", "/*",
         '[/*', "//", "#", ",", ",\n", '"\n', "question,answer\n\"", "?", "か", "か。", ":", "-", "- - ", "{a:", '["a"\n', '{"q":"', "“",
         "支持", "not ", "contradict ", "\ud83d", "{[", "]}", "[]", "{}", "\\u", '["\\', "a" * 50 + "?\n", "![](", "$"]  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_read_fast(bomb):
    """A reading whose time grows with the square of the length would take minutes."""
    reply = bomb * (100_000 // len(bomb))

    def read():
        parsed = replies.parse_pairs(reply)
        assert parsed.pairs or parsed.refused
        replies.parse_statements(reply)
        replies.parse_verdict(reply)

    assert effort(read) < 10


@pytest.mark.parametrize("sign", ["[", "\\", "{a:"])
def test_five_megabytes_are_read_fast(sign):
    def read():
        assert "too long" in replies.parse_pairs(sign * (5_000_000 // len(sign))).refused[-1].reason

    assert effort(read) < 20


def test_what_is_too_long_is_said():
    parsed = replies.parse_pairs(dump(OBJECTS) + " " * MAX_PARSED_CHARACTERS + dump(OBJECTS))
    assert len(parsed.pairs) == 2
    assert "too long" in parsed.refused[-1].reason


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('["Two balls are used.", "There are two referees."]', 2),
        ('```json\n{"statements": ["Two balls are used.", "There are two referees."]}\n```', 2),
        ('Here:\n{"facts": [{"id": "f1", "text": "Two balls are used."}, {"fact": "There are two referees."}]}', 2),
        ('{"statements": ["Two balls are used.", "There are two referees.", "A match', 2),
        ("Here they are:\n1. Two balls are used.\n2) There are two referees.\n\nAnything else?", 2),
        ("- Two balls are used.\n* There are two\n  referees.", 2),
        ("・Two balls are used.\n・There are two referees.", 2),
        ("<think>\n- no\n</think>\nThese hold:\nTwo balls are used.\nThere are two referees.", 2),
        ("- Two balls are used. [1]\n- There are two referees. [2]", -2),
        ("I'm sorry, but I can't help with that.", 0),
        ("[]", 0),
        ("", 0),
    ],
)
def test_statements(reply, expected):
    found = replies.parse_statements(reply)
    if expected < 0:
        assert len(found) == -expected
    else:
        assert found == ["Two balls are used.", "There are two referees."][:expected]


def test_statements_in_japanese():
    wanted = ["審判は2人です。", "ボールは2個です。"]
    assert replies.parse_statements(dump({"事実": wanted})) == wanted
    assert replies.parse_statements("１．審判は2人です。\n２．ボールは2個です。") == wanted
    assert replies.parse_statements("①審判は2人です。\n②ボールは2個です。") == wanted


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"verdict": "supported", "reason": "Same figure."}', ("supported", "Same figure.")),
        ('```json\n{"reason": "5 is not 3.", "verdict": "contradicts"}\n```', ("contradicts", "5 is not 3.")),
        ('{"verdict": "Not in text"}', ("not_in_text", "")),
        ("{'判定': '矛盾', '理由': '数字が違います。'}", ("contradicts", "数字が違います。")),
        ('{"supported": false, "contradicts": true, "not_in_text": false}', ("contradicts", "")),
        ("**Verdict:** contradicts\n**Reason:** It says five.", ("contradicts", "It says five.")),
        ("Supported. The answer repeats the fact.", ("supported", None)),
        ("The answer is not supported by the fact.", ("not_in_text", None)),
        (
            "<think>contradicts?</think>\nThe answer is fully supported; it does not contradict the fact.",
            ("supported", None),
        ),
        ("判定：支持されます\n理由：数字が同じです。", ("supported", "数字が同じです。")),
        ("答えは事実と矛盾しています。", ("contradicts", None)),
        ("この内容は本文に書かれていません。", ("not_in_text", None)),
        ("事実と矛盾はありませんが、裏付けられていません。", ("not_in_text", None)),
        ('{"verdict": "maybe"}', None),
        ('{"verdict": "supported or contradicts"}', None),
        ("It could be supported, or it contradicts.", None),
        ('{"verdict": "suppor', None),
        ("", None),
    ],
)
def test_verdicts(reply, expected):
    found = replies.parse_verdict(reply)
    if expected is None:
        assert found is None
    else:
        assert found and found.verdict == expected[0]
        assert expected[1] is None or found.reason == expected[1]


def test_schemas_are_strict_and_what_they_describe_is_read():
    for schema in (replies.PAIRS_SCHEMA, replies.STATEMENTS_SCHEMA, replies.VERDICT_SCHEMA):
        assert schema["strict"] and schema["schema"]["additionalProperties"] is False
        assert schema["schema"]["required"] == list(schema["schema"]["properties"])
    item = replies.PAIRS_SCHEMA["schema"]["properties"]["examples"]["items"]
    assert item["additionalProperties"] is False and set(item["properties"]["kind"]["enum"]) <= {*KINDS, "exam"}


@pytest.mark.parametrize(
    ("reply", "score", "reason"),
    [
        ('{"score": 80, "reason": "Right."}', 80, "Right."),
        ('{"points": 80, "explanation": "Right."}', 80, "Right."),
        ('{"result": {"Score": "80/100", "Reason": "Right."}}', 80, "Right."),
        ('{"score": "4 of 5", "reason": ["Right.", "Mostly."]}', 80, "Right.; Mostly."),
        ('```json\n{"点数": 80, "理由": "正しい。"}\n```', 80, "正しい。"),
        ('{"mark": "80 %", "comment": {"short": "Right."}}', 80, "Right."),
        ('{"note": "Right.", "total_score": 80}', 80, "Right."),
        ("Score: 80. Right, mostly.", 80, "Score: 80. Right, mostly."),
    ],
)
def test_a_judges_reason_is_never_json(reply, score, reason):
    found = replies.parse_score(reply)
    assert (found.score, found.reason) == (score, reason)


@pytest.mark.parametrize(
    ("reply", "better", "reason"),
    [
        ('{"better": "first", "reason": "Shorter."}', "first", "Shorter."),
        ('{"verdict": {"winner": "Second", "why": "Longer."}}', "second", "Longer."),
        ('{"preferred": "tie"}', "tie", ""),
    ],
)
def test_a_preference_has_a_reason_in_words(reply, better, reason):
    found = replies.parse_preference(reply)
    assert (found.better, found.reason) == (better, reason)


@given(st.text(max_size=200))
def test_words_stay_words(text):
    if text.strip()[:1] not in ("{", "[", '"') and "```" not in text:
        assert replies.format_reason(text) == text.strip()


@pytest.mark.parametrize(
    ("reply", "pairs"),
    [
        (
            "1. **direct**\nQ: How long?\nA: Five days.\n2. **reverse**\nQ: What lasts five days?\nA: The tour.",
            [("How long?", "Five days.", "direct"), ("What lasts five days?", "The tour.", "reverse")],
        ),
        (
            "1. direct\nQ: How long?\nA: Five days.\n\n2. reverse\nQ: What?\nA: The tour.",
            [("How long?", "Five days.", "direct"), ("What?", "The tour.", "reverse")],
        ),
        (
            "【直接】\n質問：何日ですか。\n答え：五日です。\n【逆】\n質問：五日のものは？\n答え：旅です。",
            [("何日ですか。", "五日です。", "direct"), ("五日のものは？", "旅です。", "reverse")],
        ),
        (
            "1. (direct) How long?\n- Five days.\n2. (statement) State the rule.\n- The tour lasts five days.",
            [("How long?", "Five days.", "direct"), ("State the rule.", "The tour lasts five days.", "statement")],
        ),
        (
            "1. [direct] Q: How long? A: Five days.\n2. [reverse] Q: What lasts five days? A: The tour.",
            [("How long?", "Five days.", "direct"), ("What lasts five days?", "The tour.", "reverse")],
        ),
        (
            "### Direct\nQ: a?\nA: b.\n\nQ: c?\nA: d.\n\n### Not stated\nQ: e?\nA: f.",
            [("a?", "b.", "direct"), ("c?", "d.", "direct"), ("e?", "f.", "not_stated")],
        ),
        ('[{"k": "direct", "q": "a?", "a": "b."}]', [("a?", "b.", "direct")]),
        (
            '```json\n[{"q": "a?", "a": "b."}]\n```\nCorrected:\n```json\n[{"q": "a?", "a": "c."}]\n```',
            [("a?", "c.", "")],
        ),
        ("Q: How long?\nA: Five days.\n3. What else\nQ: b?\nA: c.", [("b?", "c.", "")]),
        (
            "### Direct\nHere is one:\nQ: a?\nA: b.\n\n### Reverse\nAnd another.\n\nQ: c?\nA: d.",
            [("a?", "b.", "direct"), ("c?", "d.", "reverse")],
        ),
        (
            "**direct** (2)\nQ: a?\nA: b.\nQ: c?\nA: d.\n\n**Reverse (one example):**\nQ: e?\nA: f.",
            [("a?", "b.", "direct"), ("c?", "d.", "direct"), ("e?", "f.", "reverse")],
        ),
        (
            "direct (2 examples)\n- a? — b.\n- c? — d.\n\n### 2. Not stated (1)\n- e? — f.",
            [("a?", "b.", "direct"), ("c?", "d.", "direct"), ("e?", "f.", "not_stated")],
        ),
        ("【直接】（1問）\n質問：何日ですか。\n答え：五日です。", [("何日ですか。", "五日です。", "direct")]),
        ('{"applied (1)": [{"q": "a?", "a": "b."}]}', [("a?", "b.", "applied")]),
        ("Direct (how far?)\nQ: a?\nA: b.", [("a?", "b.", "")]),  # a question is no count
    ],
)
def test_a_kind_on_its_line_or_before_a_question_is_a_boundary(reply, pairs):
    found = replies.parse_pairs(reply)
    assert [(pair.question, pair.answer, pair.kind) for pair in found.pairs] == pairs


def fence_rows(*rows):
    return f"```json\n{dump([dict(zip(('q', 'a', 'kind'), row, strict=False)) for row in rows])}\n```"


@pytest.mark.parametrize(
    ("parts", "pairs"),
    [
        # Different questions: both fences are taken.
        ([fence_rows(("a?", "b.")), "And two more:", fence_rows(("c?", "d."))], [("a?", "b."), ("c?", "d.")]),
        # The same questions: the last version alone.
        ([fence_rows(("a?", "b."), ("c?", "d.")), "I checked it again.", fence_rows(("A?", "x."), ("c ？", "y."))],
         [("A?", "x."), ("c ？", "y.")]),
        # One of them is written again: the others stay.
        ([fence_rows(("a?", "b."), ("c?", "d.")), "The first is better so:", fence_rows(("a?", "x."))],
         [("c?", "d."), ("a?", "x.")]),
        ([fence_rows(("What is C?", "b.")), "", fence_rows(("What is C++?", "d."))], [("What is C?", "b."), ("What is C++?", "d.")]),
        # Another version without an answer replaces nothing.
        ([fence_rows(("a?", "b.")), "Again:", fence_rows(("a?", ""))], [("a?", "b.")]),
        # The same question of another kind is another row.
        ([fence_rows(("a?", "b.", "direct")), "", fence_rows(("a?", "c.", "applied"))], [("a?", "b."), ("a?", "c.")]),
        *(([fence_rows(("a?", "b.")), words, fence_rows(("c?", "d."))], [("c?", "d.")])
          for words in ("Corrected:", "The final version:", "修正版です。", "訂正：", "改訂したもの：")),
    ],
)  # fmt: skip
def test_of_two_versions_in_fences_the_last_counts(parts, pairs):
    found = replies.parse_pairs("\n".join(parts)).pairs
    assert [(pair.question, pair.answer) for pair in found] == pairs


ROUND, RULE = "- How long? — Five days.", ("State the rule.", "The ball is round.", "")
FIVE = ("How long?", "Five days.", "")


@pytest.mark.parametrize(
    ("reply", "pairs", "refused"),
    [
        (f"{ROUND}\n- State the rule. — The ball is round.", [FIVE, RULE], 0),
        (f"{ROUND}\n- **State the rule.** The ball is round.", [FIVE, RULE], 0),
        (f"{ROUND}\n- Name its size: 18 cm.", [FIVE, ("Name its size", "18 cm.", "")], 0),
        (f"{ROUND}\n- Describe offside → A foul.", [FIVE, ("Describe offside", "A foul.", "")], 0),
        (f"{ROUND}\n- State the rule for 5–7 players. — Two balls.",
         [FIVE, ("State the rule for 5–7 players.", "Two balls.", "")], 0),
        ("How long? — Five days.\nState the rule. — The ball is round.", [FIVE, RULE], 0),
        ("1. How long?\n   Five days.\n2. State the rule.\n   The ball is round.", [FIVE, RULE], 0),
        (f"{ROUND}\n\n- State the rule.\n\n  The ball is round.", [FIVE, RULE], 0),
        (f"### Direct\n{ROUND}\n### Statement\n- State the rule. — The ball is round.",
         [(*FIVE[:2], "direct"), (*RULE[:2], "statement")], 0),
        ("Q: How long?\nA: Five days.\n\n### Statement\n- State the rule. — The ball is round.\n\n### Reverse\nQ: c?\nA: d.",
         [FIVE, (*RULE[:2], "statement"), ("c?", "d.", "reverse")], 0),
        ("1. [direct] Q: How long? A: Five days.\n- (statement) State the rule. — The ball is round.\nQ: c?\nA: d.",
         [(*FIVE[:2], "direct"), (*RULE[:2], "statement"), ("c?", "d.", "direct")], 0),
        ("・何日ですか。→ 五日です。\n・規則を述べてください。→ 球は丸い。\n・規則を一つ挙げよ。\n　球は丸い。",
         [("何日ですか。", "五日です。", ""), ("規則を述べてください。", "球は丸い。", ""), ("規則を一つ挙げよ。", "球は丸い。", "")], 0),
        # What cannot be told apart is refused: a row of its own, or instructions of the answer before?
        (f"{ROUND}\n- State the rule.\n- The ball is round.", [FIVE], 1),
        (f"{ROUND}\n- State the rule. The ball is round.\nThat is all.", [FIVE], 1),
        (f"{ROUND}\n- State the rule.", [FIVE], 1),
        ("- How do I report?\n- Take the phone.\n- State the fault.\n- Call the desk.", [], 1),
        ("- How do I report?\n- Name the machine: its number.\n- Call the desk.", [], 1),
        ("1. How long? — Five days.\n- State the rule. — The ball is round.", [FIVE], 1),
        # Bullets of one answer, instructions among them.
        ("1. How do I report?\n- Name the machine: its number.\n- Describe the fault — in a word.",
         [("How do I report?", "Name the machine: its number.\nDescribe the fault — in a word.", "")], 0),
        ("- How do I report? In steps:\n- State the machine.\n\n- How long? — Five days.",
         [("How do I report?", "In steps:\nState the machine.", ""), FIVE], 0),
        ("1. How do I report?\n   In steps:\n\n   - Name the machine: its number.\n   - Call.",
         [("How do I report?", "In steps:\nName the machine: its number.\nCall.", "")], 0),
        ("- How do I report?\n- State the machine.\n- Say what is broken.",
         [("How do I report?", "State the machine.\nSay what is broken.", "")], 0),
        ("**How do I report?**\n- Name the machine: its number.",
         [("How do I report?", "Name the machine: its number.", "")], 0),
        ("- Which colours? \n  - Red — at home.\n  - State parks — green.",
         [("Which colours?", "Red — at home.\nState parks — green.", "")], 0),
        ("Q: How do I report?\nA: So:\n- State the machine. — Its number.\n- Call.",
         [("How do I report?", "So:\n- State the machine. — Its number.\n- Call.", "")], 0),
        ("1. どう報告しますか。\n- 電話してください。\n- 番号を言ってください。",
         [("どう報告しますか。", "電話してください。\n番号を言ってください。", "")], 0),
    ],
)  # fmt: skip
def test_a_request_in_a_list_is_a_row_or_refused(reply, pairs, refused):
    found = replies.parse_pairs(reply)
    assert [(pair.question, pair.answer, pair.kind) for pair in found.pairs] == pairs
    assert len(found.refused) == refused, found.refused


def test_a_question_of_a_list_without_an_answer_is_said():
    found = replies.parse_pairs("1. How long? — Five days.\n2. How far?\n3. How big? — Two.")
    assert [pair.question for pair in found.pairs] == ["How long?", "How big?"]
    assert [(one.text, one.reason) for one in found.refused] == [("How far?", "There is no answer to this question.")]


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("Key point 24 is there. Score: 100", 100),
        ("score: 0.9", 90),
        ('{"score": 0.9}', 90),
        ("8.5/10", 85),
        ("100 points", 100),
        ("80点です。", 80),
        ("It makes 2 points of 3. Score: 60/100", 60),
        ("I cannot say.", None),
        ("85", 85),
        ("85/100", 85),
        ("**85**", 85),
        ("８５点", 85),
        ("85%.", 85),
        ("85\nThe figure is right, the unit is missing.", 85),
        ("The figure is right.\nThe unit is missing.\n\n85", 85),
        ("85\nIt makes 2/3 points.", 85),
        ("1\nScore: 60", 60),
        ("40\nNo, it is better than that.\n85", None),
        ("120", None),
        ("The tour lasts five days.\n24\nThat is all.", None),
    ],
)
def test_points_are_found_in_words(reply, score):
    found = replies.parse_score(reply)
    assert (found.score if found else None) == score


@pytest.mark.parametrize(
    ("reply", "better"),
    [
        ("The first answer is better.", "first"),
        ('{"better": "A"}', "first"),
        ('{"winner": "answer B"}', "second"),
        ("Better: B", "second"),
        ("Winner: the second answer", "second"),
        ("第一の答えのほうが正確です。", "first"),
        ("The first is better in form, but the second is better.", None),
        ("A", "first"),
        ("**B**.", "second"),
        ("first", "first"),
        ("The second.", "second"),
        ("Answer B", "second"),
        ("tie", "tie"),
        ("Equal", "tie"),
        ("「A」", "first"),
        ("「1」", "first"),
        ("２", "second"),
        ("「同じ」", "tie"),
        ("引き分けです。", "tie"),
        ("どちらも同じ", "tie"),
        ("二つ目の回答", "second"),
        ('{"better": "引き分け"}', "tie"),
        ("B\nIt gives the figure.", "second"),
        ("Both name the figure.\n\nA", "first"),
        ("Neither answer is better.", "tie"),
        ("Both answers are equally good.", "tie"),
        ("どちらが良いとは言えません。", "tie"),
        ("Neither is better in form, but the second is better.", None),
        ("A\nBut the second is better.", None),
        ("A\nB", None),
        ("A player is named.", None),
        ("The same player is named.", None),
        ("1. It names the player.", None),
    ],
)
def test_a_preference_is_found_in_words(reply, better):
    found = replies.parse_preference(reply)
    assert (found.better if found else None) == better


def test_none_found_is_no_statement():
    reply = "**Contradictions**\n- None found.\n\n**Gaps**\n- The price is not given.\n- 特になし\n- 矛盾は見つかりませんでした。"
    assert replies.parse_statements(reply) == ["The price is not given."]
