"""Makes the rows of a page in its language."""

from core.text.questions import english, english_parser, japanese, japanese_words
from core.text.questions.rows import Page, QuestionRow
from core.text.questions.shared_passages import Passages


def make_rows(page: Page, language: str, seed: int = 1) -> list[QuestionRow]:
    """The rows of all facts, the same for the same seed. `language` is 'en' or 'ja'; another one is read as English."""
    rows = japanese.make_rows(page, seed) if language == "ja" else english.make_rows(page, seed)
    return [*read_passages(page, language).widen(rows)]


def state_facts(page: Page, language: str) -> dict[str, str]:
    """By its name, each fact as a row states it: a sentence that stands alone. A fact that is only a label has none."""
    return japanese.state_facts(page) if language == "ja" else english.state_facts(page)


def read_passages(page: Page, language: str) -> Passages:
    """What rows of a page recite."""
    return Passages(page, state_facts(page, language), language)


def has_analyser(language: str) -> bool:
    """Whether sentences of this language are parsed (the extra `teach`); without it there are fewer questions."""
    return japanese_words.is_available() if language == "ja" else english_parser.is_installed()
