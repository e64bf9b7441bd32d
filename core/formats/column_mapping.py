"""Which column of a table means what: guessed from its name, chosen by the person, and made a row."""

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


def _by_name(names: Mapping[str, str]) -> dict[str, str]:
    return {name: field for field, words in names.items() for name in words.split()}


_FIELD_OF = _by_name(_NAMES)
_VALUE_OF = {"split": _by_name(_SPLITS), "status": _by_name(_STATUSES)}


def normalise_name(name: str) -> str:
    """A name as it is compared: `Key Points` is `key_points`, whatever the width of its letters."""
    return re.sub(r"[\s_\-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold())


def unique_names(head: Sequence[str]) -> list[str]:
    """The columns' names, all different; `#3` is the third when it has none."""
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
    return any(normalise_name(cell) in _FIELD_OF for cell in cells)


def guess(names: Sequence[str]) -> dict[str, str]:
    """Field -> column, as the names suggest; of a table without a head the first two columns."""
    if list(names) == number_columns(len(names)):
        return dict(zip(("question", "answer"), names, strict=False))
    found: dict[str, str] = {}
    for words in (words.split() for words in _NAMES.values()):
        field = _FIELD_OF[words[0]]
        ranked = sorted((words.index(normalise_name(name)), name) for name in names if normalise_name(name) in words)
        if ranked:
            found[field] = ranked[0][1]
    if "question" not in found and "input" in found:
        found["question"] = found.pop("input")
    return found


def row_json(cells: Mapping[str, str]) -> str:
    """A row's JSON text from cells by field."""
    data = cells.get("data", "").strip()
    if data:
        return f'{{"messages": {data}}}' if data.startswith("[") else data
    asked = "\n\n".join(filter(None, (cells.get("question", ""), cells.get("input", ""))))
    said = [("system", cells["system"])] if cells.get("system", "").strip() else []
    said += [("user", asked)]
    said += [("assistant", cells["answer"])] if "answer" in cells else []
    return dumps({"messages": [{"role": role, "content": content} for role, content in said]})


def metadata(cells: Mapping[str, str]) -> dict[str, str]:
    """What the table says beside the row; a split or status that is none becomes a note, so that it is not lost."""
    found = {field: cells[field].strip() for field in METADATA if cells.get(field, "").strip()}
    for field, values in _VALUE_OF.items():
        if field in found:
            value = found.pop(field)
            if known := values.get(normalise_name(value)):
                found[field] = known
            else:
                found["notes"] = "\n".join(filter(None, (found.get("notes", ""), f"{field}: {value}")))
    for field in ("tags", "facts"):
        if field in found:
            found[field] = " ".join(re.split(r"[\s,;、，；]+", found[field].strip(" ,;、，；")))
    return found
