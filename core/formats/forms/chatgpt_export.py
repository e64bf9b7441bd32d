"""The conversations that ChatGPT and Claude give out as a file: a tree of messages, and a plain list."""

from typing import Any

from core.formats.forms.content_parts import join_texts
from core.formats.forms.form import Converted, Json, message

_SENDERS = {"human": "user", "assistant": "assistant"}


def is_row(value: Json) -> bool:
    """Whether an object is one conversation of such a file."""
    mapping = value.get("mapping")
    is_tree = isinstance(mapping, dict) and all(
        isinstance(node, dict) and "message" in node for node in mapping.values()
    )
    return is_tree or isinstance(value.get("chat_messages"), list)


def read(value: Json) -> list[Converted]:
    """Convert a conversation: of a tree, the branch that was last open."""
    rest = {key: value[key] for key in ("title", "name") if value.get(key)}
    if "chat_messages" in value:
        turns = [
            message(
                _SENDERS.get(str(one.get("sender")), str(one.get("sender"))),
                one.get("text") or join_texts(one.get("content"))[0],
            )
            for one in value["chat_messages"]
        ]
        return _finish(turns, rest, set())
    lost: set[str] = set()
    nodes = value["mapping"]
    path = _find_path(nodes, value.get("current_node"))
    if any(len(node.get("children") or []) > 1 for node in nodes.values()):
        lost.add("branches")
    turns = [turn for node in path if (turn := _read_node(node, lost))]
    return _finish(turns, rest, lost)


def _finish(turns: list[Json], rest: Json, lost: set[str]) -> list[Converted]:
    while turns and turns[-1]["role"] != "assistant":
        turns.pop()
        lost.add("no-answer")
    return [
        Converted(
            {"messages": turns} if turns else None, rest, tuple(sorted(lost or {"no-answer"} if not turns else lost))
        )
    ]


def _find_path(nodes: dict[str, Any], last: Any) -> list[Json]:
    """The nodes from the root to `last`, or along the last children where that is not given."""
    if last not in nodes:
        roots = [id for id, node in nodes.items() if node.get("parent") not in nodes]
        last = roots[0] if roots else next(iter(nodes), None)
        seen = set()
        while last in nodes and (children := nodes[last].get("children")) and last not in seen:
            seen.add(last)
            last = children[-1]
    path: list[Json] = []
    while last in nodes and len(path) < len(nodes):
        path.append(nodes[last])
        last = nodes[last].get("parent")
    return path[::-1]


def _read_node(node: Json, lost: set[str]) -> Json | None:
    said = node.get("message")
    if not isinstance(said, dict):
        return None
    role = (said.get("author") or {}).get("role")
    content = said.get("content") or {}
    text, is_lost = join_texts(content.get("parts", content.get("text", "")))
    is_hidden = (said.get("metadata") or {}).get("is_visually_hidden_from_conversation")
    if (
        role not in ("user", "assistant", "system")
        or is_hidden
        or content.get("content_type") not in (None, "text", "multimodal_text")
    ):
        lost.add("hidden") if text.strip() else None
        return None
    if is_lost:
        lost.add("parts")
    return message(role, text) if text.strip() else None
