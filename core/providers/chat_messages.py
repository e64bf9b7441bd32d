"""One question as a model is asked it, everywhere: in training, playground and exam."""

from core.providers import Message


def messages(system_prompt: str, question: str) -> list[Message]:
    """The chat that asks `question`; a model tuned under a system prompt looks untrained under another."""
    system: list[Message] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*system, {"role": "user", "content": question}]
