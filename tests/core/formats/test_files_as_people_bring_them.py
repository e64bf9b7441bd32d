"""Files as people bring them, by the kind of what is unusual: read and said, or refused with the way out; never taken wrongly."""

import json
from pathlib import Path
from typing import Any

import pytest

from core import checks, formats
from core.errors import FormatError
from core.progress import Reporter
from tests.support.row_files import chat_row

ROW = chat_row("Which gate opens at six?", "The north gate opens at six.")
PAIR = ("q", "a")


def read(path: Path, content: str | bytes, name: str, **options: Any) -> list[formats.FileRow]:
    file = path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(formats.read(file, Reporter(), formats.ReadingOptions(**options)))


def texts_of(row: formats.FileRow) -> list[str]:
    """The texts of a row's messages, of a preference row with both answers."""
    value = json.loads(row.text or "{}")
    messages = value.get("messages") or [
        *value["input"]["messages"], *value["preferred_output"], *value["non_preferred_output"]
    ]  # fmt: skip
    return [message.get("content", "") for message in messages]


def rules_of(path: Path, content: str | bytes, name: str = "t.jsonl") -> set[str]:
    (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return {problem.rule for _line, problem in formats.check_file(path / name, Reporter())}


# --- A: headings, separators, and one message in a line ---

TABLES = {
    "one message in a line": ("conversation_id,role,content\n1,user,q\n2,user,r\n1,assistant,a\n2,assistant,b\n", [PAIR, ("r", "b")]),
    "in the order of turns": ("chat_id,turn,speaker,text\n1,2,bot,a\n1,1,human,q\n", [PAIR]),
    "an id that stands once": ("thread_id,role,message\n1,user,q\n,assistant,a\n", [PAIR]),
    "Excel's own first line": ("sep=;\nquestion;answer\nq;a\n", [PAIR]),
    "pipes": ("question | answer\nq | a\n", [PAIR]),
    "full-width commas": ("问题，答案\nq，a\n", [PAIR]),
    "full-width headings": ("ｑｕｅｓｔｉｏｎ,ａｎｓｗｅｒ\nq,a\n", [PAIR]),
    "headings in Russian": ("вопрос;ответ\nq;a\n", [PAIR]),
    "messages as Python prints them": ("""messages,id\n"[{'role': 'user', 'content': 'q'}, {'role': 'assistant', 'content': 'a'}]",1\n""", [PAIR]),
    "messages as numpy prints them": ("""messages,id\n"[{'role': 'user', 'content': 'x} {y'}\n {'role': 'assistant', 'content': ""it's""}]",1\n""",
                                      [("x} {y", "it's")]),
    "preferences": ("prompt,chosen,rejected\nq,a,b\n", [("q", "a", "b")]),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLES)
def test_tables_are_read(tmp_path: Path, case: str) -> None:
    text, rows = TABLES[case]
    assert [tuple(texts_of(row)) for row in read(tmp_path, text, "t.csv")] == rows


@pytest.mark.parametrize(
    ("name", "text", "proposal"),
    [
        ("t.csv", "colour,shade\nred,dark\n", "user=colour,assistant=shade"),
        ("t.tsv", "colour\tshade\nred\tdark\n", "user=colour,assistant=shade"),
        ("t.csv", "id,question,shade\n1,q,dark\n", "assistant=shade"),
        ("t.csv", "role,content\nuser,q\nassistant,a\n", "content=content"),
        ("t.jsonl", '{"colour": "red", "shade": "dark"}\n', "user=colour,assistant=shade"),
    ],
)
def test_what_is_not_understood_is_asked_and_nothing_is_read(
    tmp_path: Path, name: str, text: str, proposal: str
) -> None:
    with pytest.raises(FormatError, match="Nothing was read") as error:
        read(tmp_path, text, name)
    assert proposal in error.value.message
    columns = {"question": "colour", "answer": "shade"}
    if "colour" in text:
        assert [texts_of(row) for row in read(tmp_path, text, name, columns=columns)] == [["red", "dark"]]


def test_columns_left_out_are_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("question;answer;answer\nq;a;b\n")
    said = " ".join(formats.describe_reading(formats.detect(tmp_path / "t.csv")))
    assert "left out: answer #3" in said
    assert "“;”" in said


# --- B: encodings ---

CHINESE, RUSSIAN, POLISH = (
    "北门几点开？北门六点开。",
    "Во сколько открываются ворота?",
    "Która brama otwiera się o szóstej?",
)
ENCODED = [("gb18030", CHINESE), ("big5", "北門幾點開？北門六點開。"), ("euc_jp", "北門は何時に開きますか。"), ("cp1251", RUSSIAN),
           ("iso2022_jp", "北門は何時に開きますか。"), ("koi8-r", RUSSIAN), ("cp949", "북문은 몇 시에 열리나요?"), ("cp1250", POLISH),
           ("utf-32-le", "\ufeff" + CHINESE), ("mac_roman", "Wann öffnet das Tor? Über Nacht.")]  # fmt: skip


@pytest.mark.parametrize(("encoding", "text"), ENCODED)
def test_an_encoding_is_found_and_said(tmp_path: Path, encoding: str, text: str) -> None:
    file = tmp_path / "t.csv"
    mark, text = text[: text.startswith("\ufeff")], text.lstrip("\ufeff")
    rows = read(tmp_path, f"{mark}question;answer\n{text};{text}\n".encode(encoding), file.name)
    assert [texts_of(row) for row in rows] == [[text, text]]
    said = " ".join(formats.describe_reading(formats.detect(file)))
    assert encoding.replace("-", "_") in said.replace("-", "_")


def test_an_encoding_that_is_unsure_is_asked(tmp_path: Path) -> None:
    row = chat_row("איזה שער?", "שער")
    with pytest.raises(FormatError, match="--encoding"):
        read(tmp_path, row.encode("cp1255"), "t.jsonl")
    assert texts_of(read(tmp_path, row.encode("cp1255"), "t.jsonl", encoding="Windows-1255")[0])[0] == "איזה שער?"
    ebcdic = read(tmp_path, f"{ROW}\n".encode("cp037"), "t.jsonl", encoding="cp037")
    assert [texts_of(row)[1] for row in ebcdic] == ["The north gate opens at six."]


# --- C and G: readable, but no JSON Lines; unclear refusals ---

LAYOUTS = {
    "a list": json.dumps([json.loads(ROW)] * 2, indent=1),
    "inside an object": json.dumps({"version": 1, "data": [json.loads(ROW)] * 2, "n": 2}),
    "over several lines": (json.dumps(json.loads(ROW), indent=1) + "\n") * 2,
    "lines with commas": f"{ROW},\n{ROW},\n",
    "joined": ROW + ROW,
    "carriage returns": f"{ROW}\r{ROW}\r",
    "as Python writes it": f"{json.loads(ROW)!r}\n" * 2,
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_what_services_refuse_is_read_and_said(tmp_path: Path, case: str) -> None:
    name = "t.json" if case == "inside an object" else "t.jsonl"
    rows = read(tmp_path, LAYOUTS[case], name)
    assert [texts_of(row)[0] for row in rows] == ["Which gate opens at six?"] * 2
    assert "not-json-lines" in rules_of(tmp_path, LAYOUTS[case], name)
    assert formats.describe_reading(formats.detect(tmp_path / name))


def test_a_git_lfs_pointer_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="git lfs pull"):
        read(tmp_path, "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1\n", "t.jsonl")


# --- D: vendors' own forms ---


def test_a_stored_completion_is_clean_but_for_a_note(tmp_path: Path) -> None:
    stored = json.loads(ROW) | {"tools": None, "tool_choice": None, "metadata": {"team": "harbour"}}
    stored["messages"][1] |= {"refusal": None, "audio": None, "tool_calls": None, "annotations": []}
    found = rules_of(tmp_path, json.dumps(stored) + "\n") - {"too-few-rows"}
    assert {checks.RULES[rule].severity for rule in found} == {"note"}
    (row,) = read(tmp_path, json.dumps(stored), "t.jsonl")
    assert (row.problems, row.fields) == ([], {"notes": '{"metadata": {"team": "harbour"}}'})


# --- E: forms ---

USER, ANSWER, WORSE = (
    {"role": role, "content": text} for role, text in (("user", "q"), ("assistant", "a"), ("assistant", "b"))
)
TURNS = [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]
TREE = {
    "r": {"message": None, "parent": None, "children": ["u"]},
    "u": {"message": {"author": {"role": "user"}, "content": {"parts": ["q"]}}, "parent": "r", "children": ["a", "b"]},
    "a": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["a"]}}, "parent": "u", "children": []},
    "b": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["b"]}}, "parent": "u", "children": []},
}  # fmt: skip
LANGCHAIN = {"id": ["langchain", "schema", "AIMessage"], "kwargs": {"content": "a"}}
FORMS: dict[str, tuple[Any, list[str]]] = {
    "trl explicit": ({"prompt": "q", "chosen": "a", "rejected": "b"}, ["q", "a", "b"]),
    "trl implicit": ({"chosen": [USER, ANSWER], "rejected": [USER, WORSE]}, ["q", "a", "b"]),
    "trl conversational": ({"prompt": [USER], "chosen": [ANSWER], "rejected": [WORSE]}, ["q", "a", "b"]),
    "hh-rlhf": ({"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"}, ["q", "a", "b"]),
    "alpaca preferences": ({"instruction": "q", "input": "", "chosen": "a", "rejected": "b"}, ["q", "a", "b"]),
    "sharegpt preferences": ({"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"},
                              "rejected": {"from": "gpt", "value": "b"}}, ["q", "a", "b"]),
    "ms-swift preferences": ({"messages": [USER, ANSWER], "rejected_response": "b"}, ["q", "a", "b"]),
    "trl prompt and completion": ({"prompt": [USER], "completion": [ANSWER]}, ["q", "a"]),
    "prompt and response": ({"prompt": "q", "response": "a"}, ["q", "a"]),
    "question and answer": ({"question": "q", "answer": "a", "topic": "x"}, ["q", "a"]),
    "input and output": ({"input": "q", "output": "a"}, ["q", "a"]),
    "dolly": ({"instruction": "q", "context": "c", "response": "a", "category": "open_qa"}, ["q\n\nc", "a"]),
    "query and history": ({"query": "q", "response": "a", "history": [["x", "y"]]}, ["x", "y", "q", "a"]),
    "gemini": ({"systemInstruction": {"parts": [{"text": "s"}]}, "contents": TURNS}, ["s", "q", "a"]),
    "anthropic": ({"system": "s", "messages": [USER, {"role": "assistant", "content": [{"type": "text", "text": "a"}]}]},
                  ["s", "q", "a"]),
    "bedrock": ({"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "s"}], "messages": [
        {"role": "user", "content": [{"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]}, ["s", "q", "a"]),
    "responses": ({"instructions": "s", "input": "q", "output": [{"type": "reasoning", "summary": []}, {
        "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]}, ["s", "q", "a"]),
    "evals": ({"input": [USER], "ideal": "a"}, ["q", "a"]),
    "batch": ({"custom_id": "1", "body": {"messages": [USER]}, "response": {"body": {"choices": [{"message": ANSWER}]}}}, ["q", "a"]),
    "chatgpt": ({"title": "t", "mapping": TREE, "current_node": "a"}, ["q", "a"]),
    "claude": ({"chat_messages": [{"sender": "human", "text": "q"}, {"sender": "assistant", "text": "a"}]}, ["q", "a"]),
    "label studio": ({"data": {"text": "q"}, "annotations": [{"result": [{"type": "textarea", "value": {"text": ["a"]}}]}]}, ["q", "a"]),
    "argilla": ({"fields": {"instruction": "q"}, "responses": {"reply": [{"value": "an answer", "status": "submitted"}]}},
                ["q", "an answer"]),
    "langsmith": ({"inputs": {"messages": [{"type": "human", "data": {"content": "q"}}]},
                   "outputs": {"generations": [[{"message": LANGCHAIN}]]}}, ["q", "a"]),
    "langfuse": ({"input": {"messages": [USER]}, "expectedOutput": "a", "metadata": {}}, ["q", "a"]),
    "hugging face rows": ({"row_idx": 0, "row": {"question": "q", "answer": "a"}, "truncated_cells": []}, ["q", "a"]),
    "squad": ({"paragraphs": [{"context": "c", "qas": [{"question": "q", "answers": [{"text": "a"}]}]}]}, ["c\n\nq", "a"]),
    "flat squad": ({"context": "c", "question": "q", "answers": {"text": ["a"], "answer_start": [0]}}, ["c\n\nq", "a"]),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_forms_are_converted_and_said(tmp_path: Path, case: str) -> None:
    value, texts = FORMS[case]
    (row,) = read(tmp_path, json.dumps(value), "t.jsonl")
    assert texts_of(row) == texts
    assert row.problems == []
    assert "form-other" in rules_of(tmp_path, json.dumps(value))


def test_what_a_conversion_leaves_out_is_told(tmp_path: Path) -> None:
    (row,) = read(tmp_path, json.dumps(FORMS["chatgpt"][0]), "t.jsonl")
    assert [formats.format_loss(reason) for reason in row.lost] == ["other branches of a conversation"]
    (unanswered,) = read(tmp_path, json.dumps({"context": "c", "question": "q", "answers": {"text": []}}), "t.jsonl")
    assert (unanswered.text, [problem.rule for problem in unanswered.problems]) == (None, ["form-unsupported"])


@pytest.mark.parametrize(
    ("value", "way"),
    [
        ({"prompt": "q", "responses": ["a", "b"], "scores": [1, 2]}, "best and the worst"),
        ({"prompt": "q", "completion": "a", "label": True}, "prompt and response"),
        ({"text": "Ann sails", "entities": [[0, 3, "NAME"]]}, "question about the text"),
        ({"text": "only a text"}, "into the spec"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line_with_the_way(tmp_path: Path, value: dict[str, Any], way: str) -> None:
    with pytest.raises(FormatError, match=way):
        read(tmp_path, (json.dumps(value) + "\n") * 12, "t.jsonl")


def test_a_mixed_file_is_said_and_each_row_is_converted_by_its_own_form(tmp_path: Path) -> None:
    lines = f"{ROW}\n" + json.dumps(FORMS["gemini"][0]) + "\n" + json.dumps(FORMS["dolly"][0]) + "\n"
    assert [texts_of(row)[-1] for row in read(tmp_path, lines, "t.jsonl")] == ["The north gate opens at six.", "a", "a"]
    assert "form-mixed" in rules_of(tmp_path, lines)


# --- F and H: control tokens and damaged text ---

TOKENS = [
    "<|im_end|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "[/INST]",
    "</s>",
    "<｜User｜>",
    "<|return|>",
    "<|START_OF_TURN_TOKEN|>",
]
DAMAGED = {
    "B\ufffdten": ("replacement-character", None),
    "Ã¤r bÃ¥ten grÃ¶n?": ("mojibake", "är båten grön?"),
    "Р’Рѕ СЃРєРѕР»СЊРєРѕ?": ("mojibake", "Во сколько?"),
    "a\u200bb": ("invisible-character", "ab"),
    "a \u202eb": ("invisible-character", "a b"),
    "salt &amp; pepper": ("html-entity", "salt & pepper"),
    "nan": ("empty-value", None),
}


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("text", [*TOKENS, *DAMAGED])
def test_control_tokens_and_damaged_text_are_found_in_every_row(tmp_path: Path, text: str, escaped: bool) -> None:
    """Also where rows are checked many at once, whose texts are searched for a few bytes only."""
    bad = json.dumps(json.loads(chat_row("What is it?", text)), ensure_ascii=escaped)
    rows = "".join(f"{chat_row(f'Question {n}?', f'Answer {n}')}\n" for n in range(12)) + f"{bad}\n"
    rule, repaired = DAMAGED.get(text, ("special-token" if text == "<|im_end|>" else "control-token", None))
    assert rules_of(tmp_path, rows) == {rule}
    assert checks.check_line(bad.encode()).problems
    if repaired:
        fixed = checks.fix(rule, bad)
        assert fixed
        assert json.loads(fixed)["messages"][1]["content"] == repaired


@pytest.mark.parametrize(
    "text", ["👩‍💻 café—oui", "می‌خواهم", "AT&T & R&D", "São é", "‏שלום‏", "x < 3 and [y]", "None of them."]
)
def test_whole_text_is_left_in_peace(tmp_path: Path, text: str) -> None:
    rows = "".join(f"{chat_row(f'Question {n}?', f'{text} {n}')}\n" for n in range(12))
    assert rules_of(tmp_path, rows) == set()
