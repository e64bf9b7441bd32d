"""A chat template in Go's language, for an Ollama Modelfile, found from what the Jinja template writes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.engine.http.protocol import Json

Render = Callable[[list[Json], bool], str]  # messages, and whether an answer is to follow
_SYSTEM, _USER, _ANSWER, _NEXT = "\ue000system\ue000", "\ue000user\ue000", "\ue000answer\ue000", "\ue000next\ue000"


@dataclass(frozen=True)
class TurnTexts:
    """What a template writes around the texts of a conversation. `start`: before the first turn without system prompt."""

    before_system: str
    after_system: str
    start: str
    before_user: str
    after_user: str
    after_answer: str
    end: str  # before the answer that is to follow

    def render(self, messages: list[Json]) -> str:
        """A conversation that ends with a question, as the Go template writes it."""
        first = messages[0]
        has_system = first["role"] == "system"
        text = self.before_system + first["content"] + self.after_system if has_system else self.start
        for message in messages[has_system:]:
            if message["role"] == "user":
                text += self.before_user + message["content"] + self.after_user
            else:
                text += self.end + message["content"] + self.after_answer
        return text + self.end


def find_go_template(render: Render, bos: str = "") -> str | None:
    """The Go template that writes the same as the Jinja template, or None where none of this simple form does.

    `bos`: the text of the token that Ollama itself puts first, which is left out.
    """
    try:
        texts = _find_texts(render)
        if texts is None or not all(texts.render(one) == render(one, True) for one in _samples()):
            return None
    except Exception:  # a template without system role, or one that wants something else
        return None
    return _write(
        replace(texts, start=texts.start.removeprefix(bos), before_system=texts.before_system.removeprefix(bos))
    )


def _find_texts(render: Render) -> TurnTexts | None:
    system = {"role": "system", "content": _SYSTEM}
    user, answer = {"role": "user", "content": _USER}, {"role": "assistant", "content": _ANSWER}
    following = {"role": "user", "content": _NEXT}
    after_user = render([user], False).partition(_USER)[2]
    after_answer = render([user, answer], False).partition(_ANSWER)[2]
    end = render([user], True).partition(_USER)[2].removeprefix(after_user)
    between = render([user, answer, following], False).partition(_ANSWER)[2].partition(_NEXT)[0]
    before_user = between.removeprefix(after_answer)
    start = render([user], False).partition(_USER)[0]
    before_system, _, rest = render([system, user], False).partition(_SYSTEM)
    middle = rest.partition(_USER)[0]
    if not start.endswith(before_user) or not middle.endswith(before_user):
        return None
    after_system, start = middle.removesuffix(before_user), start.removesuffix(before_user)
    return TurnTexts(before_system, after_system, start, before_user, after_user, after_answer, end)


def _samples() -> list[list[Json]]:
    """Conversations with and without system prompt, of one and of several turns, with texts that are easily changed."""
    texts = ["a {{ b }}", "two\n\nlines", "日本語 <b>&amp;</b>", "x"]
    turns: list[Json] = []
    samples = []
    for index, text in enumerate(texts[:3]):
        turns = [*turns, {"role": "user" if index % 2 == 0 else "assistant", "content": text}]
        if index % 2 == 0:
            samples += [turns, [{"role": "system", "content": texts[3]}, *turns]]
    return samples


def _write(texts: TurnTexts) -> str:
    system = f"{{{{ if .System }}}}{_go(texts.before_system)}{{{{ .System }}}}{_go(texts.after_system)}"
    system += f"{{{{ else }}}}{_go(texts.start)}{{{{ end }}}}" if texts.start else "{{ end }}"
    user = f"{_go(texts.before_user)}{{{{ .Content }}}}{_go(texts.after_user)}"
    answer = f"{_go(texts.end)}{{{{ .Content }}}}{_go(texts.after_answer)}"
    turns = (
        '{{ range .Messages }}{{ if eq .Role "user" }}'
        + user
        + '{{ else if eq .Role "assistant" }}'
        + answer
        + "{{ end }}"
    )
    return system + turns + "{{ end }}" + _go(texts.end)


def _go(text: str) -> str:
    """Text as a Go string inside an action: braces, quotes and line ends keep their meaning."""
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" if text else ""
