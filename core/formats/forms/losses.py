"""What a conversion leaves out, in words."""

from core.language import tr


def format_loss(reason: str) -> str:
    """What was left out of a row, or why it is no row, translated."""
    return {
        "branches": tr("other branches of a conversation"),
        "choices": tr("further answers to the same question"),
        "parts": tr("images, files and other parts that are not text"),
        "thinking": tr("the model's thoughts before the answer"),
        "hidden": tr("messages that the program hid"),
        "no-answer": tr("a question without an answer"),
        "no-question": tr("an answer without a question"),
        "failed": tr("a request that failed"),
        "unsupported": tr("a row of a form that cannot be trained on"),
    }[reason]
