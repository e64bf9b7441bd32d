"""What of a spec a request to a chat model carries: all of a short one, of a long one the passages about one thing."""

from collections.abc import Sequence
from functools import lru_cache

from core.exam import retrieval
from core.exam.retrieval import Passage, PassageIndex

MAX_CHARACTERS = 12_000  # of a spec that is sent whole; of a longer one as many
GAP = "\n\n[…]\n\n"  # between passages that are not neighbours


@lru_cache(maxsize=1)  # the requests of one run ask about the same text, one after the other
def _split_passages(text: str) -> Sequence[Passage]:
    return tuple(retrieval.split_passages(text))


def build_excerpt(text: str, about: str) -> str:
    """The whole text, or the passages that are nearest to `about`, in the order of the text, under their headings."""
    if len(text) <= MAX_CHARACTERS:
        return text.strip()
    index = PassageIndex(_split_passages(text))
    try:
        found = [one.passage for one in index.search(about, len(index.passages))]
    finally:
        index.close()
    chosen, left = [], MAX_CHARACTERS
    for passage in found:
        left -= len(passage.whole) + len(GAP)
        if left < 0:
            break
        chosen.append(passage)
    return GAP.join(passage.whole for passage in sorted(chosen, key=lambda one: one.start))
