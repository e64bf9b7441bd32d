"""What servers say when they refuse a request: their own words out of any body, and walls that only their words tell of."""

import re
from typing import Any

from core.errors import LICENCE_CODE, TERMS_CODE
from core.language import tr

MAX_FIELDS = 5  # fields of a refused request that are named
MAX_CHARACTERS = 500  # of the server's own words

_DOCUMENT = r"licen[cs]es?|terms|eula|agreement|conditions of use"
_TERMS = re.compile(
    rf"\b(?:accept|agree|sign)\w*\b[^.]*\b(?:{_DOCUMENT})\b|\b(?:{_DOCUMENT})\b[^.]*\b(?:accept|agreed|sign)\w*"
    r"|\bgated\b|同意[^。]*(?:规约|协议|条款|規約|ライセンス)|(?:规约|协议|条款|規約|ライセンス)[^。]*同意",
    re.IGNORECASE,
)
_LICENCE = re.compile(
    r"\b(?:premium|enterprise)\b[^.]*\b(?:users?|features?|licen[cs]e|plan)\b|licen[cs]e key|[A-Z]+_LICENSE\b",
    re.IGNORECASE,
)


def find_wall(status: int, text: str) -> str:
    """`TERMS_CODE` where terms must be accepted first, `LICENCE_CODE` where the server's owner must buy a licence; else ''."""
    if status in (401, 402, 403, 451) and _TERMS.search(text):
        return TERMS_CODE
    return LICENCE_CODE if _LICENCE.search(text) else ""


def describe_wall(server: str, code: str) -> tuple[str, str]:
    """The title and the advice for a code of `find_wall`."""
    if code == TERMS_CODE:
        return (
            tr("“{server}” wants its terms or the model's licence to be accepted first", server=server),
            tr("Nothing was lost. Accept them on its website, with the account that the API key belongs to, and start "
               "again; or take another model."),
        )  # fmt: skip
    return (
        tr("“{server}” does this only with a paid licence", server=server),
        tr("Nothing was lost. Whoever runs the server can enter one; or choose another server, or this computer."),
    )


def read_words(body: Any) -> str:
    """The server's own words in an error's body; '' where it has none.

    OpenAI has them in `message`; others in `detail` (FastAPI: a list with a place and a text each), `error` or `msg`, or
    send plain text.
    """
    if isinstance(body, str):
        return "" if body.lstrip().startswith("<") else body.strip()[:MAX_CHARACTERS]
    if isinstance(body, list):
        return "; ".join(filter(None, map(_read_field, body[:MAX_FIELDS])))
    if isinstance(body, dict):
        return next(
            (words for name in ("message", "detail", "error", "msg") if (words := read_words(body.get(name)))), ""
        )
    return ""


def _read_field(found: Any) -> str:
    """One complaint of FastAPI: the field's path and what is wrong with it, `training_file: field required`."""
    if not isinstance(found, dict) or not isinstance(found.get("loc"), list):
        return read_words(found)
    place = ".".join(str(part) for part in found["loc"] if part != "body")
    return ": ".join(filter(None, (place, read_words(found.get("msg")))))
