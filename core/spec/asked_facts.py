"""Which of a row's facts its question asks for: an answer that recites a passage states others beside them."""


def split_facts(names: str, recited: str) -> tuple[list[str], list[str]]:
    """The facts that a row asks for, and those that its answer also states, each once.

    `names` are all that it is linked to (`example.facts`), `recited` those that are also stated (`example.recited`);
    both are names with spaces between. A row that a person has linked to such facts alone asks for them.
    """
    every, beside = list(dict.fromkeys(names.split())), set(recited.split())
    asked = [name for name in every if name not in beside] or every
    return asked, [name for name in every if name not in asked]
