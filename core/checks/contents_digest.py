"""A hash of what a row says, however it is written."""

import msgspec
import xxhash

from core.text.tokenizer import decode_plain_row


def compute_contents_digest(data: str) -> int:
    """A signed 64-bit hash of a row's JSON text, equal for rows that differ only in the order of keys, blanks and escapes."""
    try:
        messages = decode_plain_row(data).messages
        contents = msgspec.json.encode([(message.role, message.content) for message in messages])
    except msgspec.ValidationError:
        contents = msgspec.json.encode(msgspec.json.decode(data), order="deterministic")
    number: int = xxhash.xxh3_64_intdigest(contents)
    return number - 2**64 if number >= 2**63 else number
