"""What a statement and a page are about, in a few words: names, topics, and the small changes that put them into a question."""

import re
from collections import defaultdict

from core.text.questions.english_context import Told
from core.text.questions.english_sentences import Reader
from core.text.questions.rows import Page


def find_names(page: Page, reader: Reader) -> tuple[set[str], list[str]]:
    """The words of a page that are always capitalised, and the full names of its people."""
    texts = [fact.text for fact in page.facts]
    names = {match[0] for text in texts for match in re.finditer(r"(?<=[a-z,] )[A-Z][\w’-]+", text)}
    title = page.subject.split(":")[0]
    runs = re.findall(r"(?:[A-Z][\w’-]*)(?: [A-Z][\w’-]*)+", title)
    names |= {word for run in runs for word in run.split()}
    names -= {"The", "A", "An", "I"}
    subject = {word for run in runs for word in run.split()}
    counts: dict[str, int] = defaultdict(int)
    for text in texts:
        for name in reader.find_people(text):
            words = name.split()
            if (
                all(word in names or word[0].isupper() for word in words)
                and not subject & set(words)
                and len(words) <= 3
            ):
                counts[name] += 1
    full = {name for name in counts if " " in name}
    people = [name for name in counts if " " in name or any(name in one.split() for one in full)]
    return names, people


def end_sentence(text: str) -> str:
    """The text with a mark at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def lower_article(text: str) -> str:
    """The text with a small article at its beginning, to stand within a sentence."""
    return re.sub(r"^(?:A|An|The) ", lambda match: match[0].lower(), text)


def add_plural(genus: str) -> str:
    """“row of scales” for several: “rows of scales”."""
    head, of, rest = genus.partition(" of ")
    return f"{head}s{of}{rest}" if not head.endswith("s") else genus


def is_told_whole(told: Told) -> bool:
    """Whether a statement can stand behind “that”: no request, and nothing in it that points to another statement."""
    requests = any(clause.is_main and not clause.subject for clause in told.clauses)
    return (bool(told.term) or (bool(told.clauses) and not requests)) and len(told.names) == (2 if told.term else 1)


def name_topic(told: Told) -> str:
    """What a statement is about, in a few words; '' where that isn't certain."""
    if told.term:
        return (
            told.answer.split(" is ")[0].split(" are ")[0]
            if told.term.startswith("The ")
            else f"the word “{told.term}”"
        )
    if told.label:
        return told.label[0].lower() + told.label[1:] if not re.search("[A-Z]", told.label[1:]) else told.label
    if told.cells:
        return told.cells[0][1]
    subjects = [c.subject for c in told.clauses if c.is_main and c.subject]
    vague = (
        re.match(
            r"(?:it|they|we|you|i|he|she|nobody|nothing|no|both|either|whoever|this|one|everyone|somebody)\b",
            subjects[0],
            re.IGNORECASE,
        )
        if subjects
        else True
    )
    return "" if vague or len(subjects[0].split()) > 7 else subjects[0]
