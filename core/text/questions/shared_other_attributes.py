"""Looks up in the whole page whether what it says of one thing it leaves open of another one."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

HIDDEN = "\0"  # stands for the name of another thing


@dataclass(frozen=True, slots=True)
class Saying:
    """A statement of the page. `owner` is the name of the thing that it is about, '' where that isn't certain.

    With `has_subject` it is about something that it names itself, also where that is none of the things.
    """

    text: str
    headings: tuple[str, ...]
    owner: str = ""
    has_subject: bool = False


class WholePage:
    """All that a page says. `rules` finds headings of what holds for everything, `opens` texts that begin with “It”."""

    def __init__(
        self,
        said: Sequence[Saying],
        names: Iterable[str],
        sections: Iterable[tuple[str, ...]],
        rules: re.Pattern[str],
        opens: re.Pattern[str],
    ) -> None:
        self._said, self._sections = said, {*sections}
        self._names = sorted({*names}, key=len, reverse=True)
        self._rules, self._opens = rules, opens

    def is_open(
        self, name: str, headings: tuple[str, ...], evidence: re.Pattern[str], concerns: Callable[[str], bool]
    ) -> bool:
        """Whether no statement that has evidence can be about the thing with this name, under these headings.

        `concerns` tells whether a text, in which the names of other things are hidden, may be about it: it has words of
        its name, its kind, or of a rule for all.
        """
        return not any(
            evidence.search(one.text) and self._may_answer(one, name, headings, concerns) for one in self._said
        )

    def _may_answer(self, said: Saying, name: str, headings: tuple[str, ...], concerns: Callable[[str], bool]) -> bool:
        if said.owner.lower() == name.lower():
            return True
        is_near = said.headings == headings
        rest = said.text if is_near else " ".join((said.text, *said.headings[1:]))
        for other in self._names:
            if name.lower() not in other.lower():
                rest = re.sub(re.escape(other), HIDDEN, rest, flags=re.IGNORECASE)
        if concerns(rest):
            return True
        if is_near:
            return not said.owner
        if said.owner or (HIDDEN in rest and not self._opens.match(said.text)):
            return False
        # What no thing of its section is the subject of may hold for all things, but for a section about other ones.
        heading = said.headings[-1] if said.headings[1:] else ""
        is_own = said.headings in self._sections or said.has_subject
        return not heading or not is_own or self._rules.search(heading) is not None
