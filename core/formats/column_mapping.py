"""Maps the columns of a table to fields, guessed from their names or chosen by the user, and builds rows from cells."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from core.checks.json_positions import dumps

METADATA = ("split", "kind", "status", "facts", "tags", "notes", "key_points", "quote")
FIELDS = ("data", "system", "question", "input", "answer", *METADATA)

_NAMES = {
    "data": "data messages row json 行",
    "system": "system system_prompt システム システムプロンプト",
    "question": (
        "question prompt user query instruction human q 質問 問い 問題 設問 ユーザー 指示 問题 问题 提问 frage pregunta domanda"
    ),
    "input": "input context 入力 文脈",
    "answer": (
        "answer completion assistant response output reply a 回答 答え 解答 応答 返答 出力 アシスタント 答案 "
        "antwort respuesta réponse risposta"
    ),
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


_FIELD_BY_NAME = _index_by_name(_NAMES)
_VALUE_BY_NAME = {"split": _index_by_name(_SPLITS), "status": _index_by_name(_STATUSES)}


def normalise_name(name: str) -> str:
    """A name normalised for comparison: `Key Points` is `key_points`, also in full-width letters."""
    return re.sub(r"[\s_\-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold())


def unique_names(head: Sequence[str]) -> list[str]:
    """The columns' names, made unique; the third column without a name is `#3`."""
    names: list[str] = []
    for place, cell in enumerate(head, start=1):
        name = cell.strip() or f"#{place}"
        names.append(f"{name} #{place}" if name in names else name)
    return names


def number_columns(count: int) -> list[str]:
    """The names of the columns of a table without a head."""
    return [f"#{place}" for place in range(1, count + 1)]


def is_head(cells: Sequence[str]) -> bool:
    """Whether a table's first record names its columns."""
    return any(normalise_name(cell) in _FIELD_BY_NAME for cell in cells)


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
    return mapping


def build_row_json(cells: Mapping[str, str]) -> str:
    """Build a row's JSON text from cells by field."""
    data = cells.get("data", "").strip()
    if data:
        return f'{{"messages": {data}}}' if data.startswith("[") else data
    question = "\n\n".join(filter(None, (cells.get("question", ""), cells.get("input", ""))))
    messages = [("system", cells["system"])] if cells.get("system", "").strip() else []
    messages += [("user", question)]
    messages += [("assistant", cells["answer"])] if "answer" in cells else []
    return dumps({"messages": [{"role": role, "content": content} for role, content in messages]})


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
