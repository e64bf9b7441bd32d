"""Objects whose keys name a question and an answer, by the same names as the columns of tables.

Prompt and response, question and answer, input and output, and the Dolly set's instruction, context and response.
"""

import json
from functools import lru_cache

from core.formats import column_mapping
from core.formats.forms.form import Converted, Json, without


@lru_cache(maxsize=256)  # rows of a file have the same keys
def _map(keys: tuple[str, ...]) -> dict[str, str]:
    return column_mapping.guess_mapping(list(keys))


def _mapping(value: Json) -> dict[str, str]:
    return _map(tuple(key for key, entry in value.items() if isinstance(entry, str)))


def is_row(value: Json) -> bool:
    """Whether two keys name a question and its answer, both texts."""
    return {"question", "answer"} <= _mapping(value).keys()


def read(value: Json) -> list[Converted]:
    """Convert a row; a context or an input follows the question after a blank line."""
    mapping = {field: key for field, key in _mapping(value).items() if field not in column_mapping.METADATA}
    row = json.loads(column_mapping.build_row_json({field: value[key] for field, key in mapping.items()}))
    return [Converted(row, without(value, *mapping.values()))]
