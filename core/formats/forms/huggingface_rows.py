"""The rows that the Hugging Face dataset viewer's API returns: each in an object with its number.

Source: https://huggingface.co/docs/dataset-viewer/rows
"""

from core.formats.forms.form import Json


def is_row(value: Json) -> bool:
    """Whether an object wraps a row with its number."""
    return isinstance(value.get("row"), dict) and "row_idx" in value


def unwrap(value: Json) -> Json:
    """The row itself, which can have any form."""
    return dict(value["row"])
