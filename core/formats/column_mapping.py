"""Maps the columns of a table to fields, guessed from their names or chosen by the user, and builds rows from cells."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from core.checks.json_positions import dumps
from core.checks.line_parsing import decode_text
from core.formats import python_literals
from core.language import tr

METADATA = ("split", "kind", "status", "facts", "tags", "notes", "key_points", "quote")
TURN_FIELDS = ("conversation", "turn", "role", "content")  # of a table with one message in a line
FIELDS = ("data", "system", "question", "input", "answer", "rejected", *TURN_FIELDS, *METADATA)
ALIASES = {"user": "question", "assistant": "answer", "chosen": "answer"}  # what messages call the same
REQUIRED_FIELDS = ("question", "data", "content")  # a row comes of one of them
MAX_COLUMNS_NAMED = 12  # in a sentence

_NAMES = {
    "data": "data messages row json 行",
    "system": "system system_prompt システム システムプロンプト 系统 系统提示",
    "question": (
        "question prompt user query instruction human q user_prompt user_message user_input 質問 問い 問題 設問 ユーザー 指示 "
        "问题 问 提问 用户 frage pregunta domanda pergunta vraag pytanie otázka kérdés fråga spørgsmål spørsmål kysymys soru "
        "вопрос запитання 질문 câu_hỏi pertanyaan"
    ),
    "input": "input context 入力 文脈 输入 上下文",
    "answer": (
        "answer completion assistant response output reply a chosen preferred expected_answer model_response target "
        "assistant_response ideal ground_truth 回答 答え 解答 応答 返答 出力 アシスタント 答案 答 助手 输出 antwort respuesta réponse "
        "reponse risposta resposta antwoord odpowiedź odpověď válasz svar vastaus cevap yanıt ответ відповідь 답변 대답 "
        "câu_trả_lời jawaban"
    ),
    "rejected": "rejected rejected_response rejected_answer non_preferred dispreferred",
    "conversation": "conversation_id conversation dialog_id dialogue_id chat_id thread_id session_id conv_id 会話id 会話 对话id",
    "turn": "turn turn_id turn_index message_index message_number position order sequence seq step 順番 順序",
    "role": "role speaker from sender author 役割 話者 发言人 角色",
    "content": "content message text utterance value 内容 本文 発言",
    "split": "split subset 分割",
    "kind": "kind question_type 種類",
    "status": "status state 状態",
    "facts": "facts fact fact_id 事実",
    "tags": "tags tag labels label タグ",
    "notes": "notes note comment comments remarks メモ 備考 注記",
    "key_points": "key_points key_point points rubric 要点 キーポイント 採点基準",
    "quote": "quote passage 引用",
}
_SPLITS = {
    "train": "train training 学習 訓練",
    "validation": "validation valid val dev 検証",
    "test": "test exam 試験 テスト",
}
_STATUSES = {"draft": "draft 下書き", "approved": "approved 承認 承認済み", "rejected": "rejected 却下"}


def _index_by_name(names: Mapping[str, str]) -> dict[str, str]:
    return {name: field for field, words in names.items() for name in words.split()}


# Columns that hold no part of a row, under usual names.
_WITHOUT_ROWS = frozenset(
    [
        "id",
        "no",
        "no.",
        "nr",
        "number",
        "index",
        "idx",
        "#",
        "uuid",
        "row",
        "row_id",
        "source",
        "url",
        "link",
        "date",
        "time",
        "timestamp",
        "created",
        "created_at",
        "updated",
        "updated_at",
        "category",
        "topic",
        "title",
        "author",
        "language",
        "lang",
        "score",
        "rating",
        "difficulty",
        "license",
    ]
)
_FIELD_BY_NAME = _index_by_name(_NAMES)
_VALUE_BY_NAME = {"split": _index_by_name(_SPLITS), "status": _index_by_name(_STATUSES)}


def normalise_name(name: str) -> str:
    """A name normalised for comparison: `Key Points` is `key_points`, also in full-width letters."""
    return re.sub(r"[\s_\-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold())


def unique_names(head: Sequence[str]) -> list[str]:
    """The columns' names, made unique; the third column without a name is `#3`."""
    names: dict[str, None] = {}  # in their order; a list would be searched for each of a hundred thousand columns
    for place, cell in enumerate(head, start=1):
        name = cell.strip() or f"#{place}"
        while name in names:
            name = f"{name} #{place}"
        names[name] = None
    return list(names)


def number_columns(count: int) -> list[str]:
    """The names of the columns of a table without a head."""
    return [f"#{place}" for place in range(1, count + 1)]


def is_head(cells: Sequence[str]) -> bool:
    """Whether a table's first record names its columns."""
    return any(normalise_name(cell) in _FIELD_BY_NAME for cell in cells)


def is_above_numbers(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first record of a table has a word where all others have a number: then it names the columns."""
    first, *rest = sample or [[]]
    columns = ((name, [row[place] for row in rest if place < len(row)]) for place, name in enumerate(first))
    return len(rest) > 1 and any(
        any(char.isalpha() for char in name) and all(_is_number(cell) for cell in cells) for name, cells in columns
    )


def _is_number(cell: str) -> bool:
    plain = unicodedata.normalize("NFKC", cell).strip().rstrip(".)")
    return plain.replace(".", "", 1).isdecimal()


def guess_mapping(names: Sequence[str]) -> dict[str, str]:
    """Field -> column, guessed from the names; without a head the first two columns are question and answer."""
    if list(names) == number_columns(len(names)):
        return dict(zip(("question", "answer"), names, strict=False))
    mapping: dict[str, str] = {}
    for words in (words.split() for words in _NAMES.values()):
        field = _FIELD_BY_NAME[words[0]]
        ranked = sorted((words.index(normalise_name(name)), name) for name in names if normalise_name(name) in words)
        if ranked:
            mapping[field] = ranked[0][1]
    if "question" not in mapping and "input" in mapping:
        mapping["question"] = mapping.pop("input")
    return _choose_layout(mapping)


def _choose_layout(mapping: dict[str, str]) -> dict[str, str]:
    """Keep the fields of messages in lines of their own, or those of questions and answers."""
    has_turns = "role" in mapping and "content" in mapping and "answer" not in mapping
    left_out = ("question", "input", "answer", "rejected", "system") if has_turns else TURN_FIELDS
    return {field: name for field, name in mapping.items() if field not in left_out}


def propose_mapping(names: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, str]:
    """Field -> column for a table whose names say nothing: the first two columns with words are question and answer."""
    cells = {name: [row[place] for row in sample if place < len(row)] for place, name in enumerate(names)}
    wordy = [name for name in names if _has_words(cells[name])]
    is_numbered = list(names) == number_columns(len(names))
    known = {} if is_numbered and len(wordy) > 1 else guess_mapping(names)  # a running number is no question
    free = [name for name in wordy if name not in known.values() and normalise_name(name) not in _WITHOUT_ROWS]
    wanted = [field for field in ("question", "answer") if field not in known]
    return known | dict(zip(wanted, free, strict=False))


def _has_words(cells: Sequence[str]) -> bool:
    """Whether most of the cells that are filled have letters: a column of running numbers may have a heading among them."""
    filled = [cell for cell in cells if cell.strip()]
    return 2 * sum(any(char.isalpha() for char in cell) for cell in filled) > len(filled)


def field_title(field: str) -> str:
    """The screen text of a field of a row."""
    titles = {
        "data": tr("whole row as JSON"), "system": tr("system prompt"), "question": tr("question"),
        "input": tr("more of the question"), "answer": tr("answer"), "rejected": tr("rejected answer"),
        "conversation": tr("conversation"), "turn": tr("place in the conversation"), "role": tr("role"),
        "content": tr("text of the message"), "split": tr("split"), "kind": tr("kind"),
        "status": tr("status"), "facts": tr("facts"), "tags": tr("tags"), "notes": tr("notes"),
        "key_points": tr("key points"),
        "quote": tr("passage"),
    }  # fmt: skip
    return titles[field]


def list_left_out(names: Sequence[str], mapping: Mapping[str, str]) -> list[str]:
    """The columns whose cells no field takes."""
    return [name for name in names if name not in mapping.values()]


def find_doubt(names: Sequence[str], mapping: Mapping[str, str]) -> bool:
    """Whether it must be asked what the columns mean.

    That is where none of them is known, where there is no question, and where there may be an answer under an unknown name.
    """
    if list(names) == number_columns(len(names)) or not any(field in mapping for field in REQUIRED_FIELDS):
        return True
    if "content" in mapping:
        return "conversation" not in mapping
    unknown = [name for name in list_left_out(names, mapping) if normalise_name(name) not in _WITHOUT_ROWS]
    return "answer" not in mapping and "data" not in mapping and bool(unknown)


def format_mapping(mapping: Mapping[str, str]) -> str:
    """A mapping as the option `--columns` takes it."""
    names = {field: name for name, field in ALIASES.items() if name != "chosen"}
    return ",".join(f"{names.get(field, field)}={name}" for field, name in mapping.items())


def build_row_json(cells: Mapping[str, str]) -> str:
    """Build a row's JSON text from cells by field."""
    data = cells.get("data", "").strip()
    if data:
        row = _wrap_messages(data)
        as_json = python_literals.to_json(data) if decode_text(row).text is None else None
        return _wrap_messages(as_json) if as_json else row
    if cells.get("rejected", "").strip():
        return dumps(_build_preference(cells))
    messages = _build_prompt(cells)
    messages += [_message("assistant", cells["answer"])] if "answer" in cells else []
    return dumps({"messages": messages})


def _wrap_messages(data: str) -> str:
    return f'{{"messages": {data}}}' if data.startswith("[") else data


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _build_prompt(cells: Mapping[str, str]) -> list[dict[str, str]]:
    question = "\n\n".join(filter(None, (cells.get("question", ""), cells.get("input", ""))))
    system = [_message("system", cells["system"])] if cells.get("system", "").strip() else []
    return [*system, _message("user", question)]


def _build_preference(cells: Mapping[str, str]) -> dict[str, object]:
    return {
        "input": {"messages": _build_prompt(cells)},
        "preferred_output": [_message("assistant", cells.get("answer", ""))],
        "non_preferred_output": [_message("assistant", cells["rejected"])],
    }


def build_metadata(cells: Mapping[str, str]) -> dict[str, str]:
    """The metadata fields in the cells, without empty ones; an unknown split or status is kept in `notes`."""
    metadata = {field: cells[field].strip() for field in METADATA if cells.get(field, "").strip()}
    for field, values in _VALUE_BY_NAME.items():
        if field in metadata:
            value = metadata.pop(field)
            if name := values.get(normalise_name(value)):
                metadata[field] = name
            else:
                metadata["notes"] = "\n".join(filter(None, (metadata.get("notes", ""), f"{field}: {value}")))
    for field in ("tags", "facts"):
        if field in metadata:
            metadata[field] = " ".join(re.split(r"[\s,;、，；]+", metadata[field].strip(" ,;、，；")))
    return metadata
