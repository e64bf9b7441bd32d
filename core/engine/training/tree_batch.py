"""A batch as one sequence in which whatever several rows begin with stands once: a tree of tokens.

The rows of a project share their system prompt, two completions of a preference their whole prompt. A token sees
those before it in its own row only, at the positions they have there: each row's loss and gradients are those of the
row alone, for fewer tokens and without padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from core.engine.training.tokenize_rows import IGNORE_INDEX, TokenizedRow


@dataclass(frozen=True)
class TreeBatch:
    """The tree of some rows, with n tokens. `paths`: for each row, where in the tree its tokens stand.

    `label_places`, `labels`, `label_rows`: for each label of each row, the place whose next token it is, the token id
    and the row's index.
    """

    input_ids: list[int]
    position_ids: list[int]
    paths: list[list[int]]
    label_places: list[int]
    labels: list[int]
    label_rows: list[int]

    def visible(self, device: str, window: int | None = None) -> Any:
        """Which token (row) sees which (column): a bool tensor of shape (n, n). `window`: how many tokens of its row
        one sees at most, itself included."""
        import torch

        visible = torch.zeros(len(self.input_ids), len(self.input_ids), dtype=torch.bool)
        for path in self.paths:
            triangle = torch.ones(len(path), len(path), dtype=torch.bool).tril()
            if window is not None:
                triangle = triangle.triu(1 - window)
            place = torch.tensor(path)
            visible[place[:, None], place] |= triangle
        return visible.to(device)


def build_tree(rows: Sequence[TokenizedRow]) -> TreeBatch:
    """The tree of at least one row."""
    order = sorted(range(len(rows)), key=lambda index: rows[index].input_ids)
    ids: list[int] = []
    positions: list[int] = []
    paths: list[list[int]] = [[] for _ in rows]
    previous: list[int] = []  # the row before in this order, which shares the longest beginning of all before
    path: list[int] = []
    for index in order:
        row = rows[index].input_ids
        shared = _shared_length(previous, row)
        path = path[:shared] + list(range(len(ids), len(ids) + len(row) - shared))
        ids += row[shared:]
        positions += range(shared, len(row))
        paths[index], previous = path, row
    labels = [
        (path[place - 1], label, index)
        for index, (row_, path) in enumerate(zip(rows, paths, strict=True))
        for place, label in enumerate(row_.labels)
        if place and label != IGNORE_INDEX
    ]
    places, ids_of_labels, label_rows = (
        (list(column) for column in zip(*labels, strict=True)) if labels else ([], [], [])
    )
    return TreeBatch(ids, positions, paths, places, ids_of_labels, label_rows)


def tree_size(rows: Sequence[TokenizedRow]) -> int:
    """How many tokens the tree of these rows has."""
    ordered = sorted(row.input_ids for row in rows)
    return sum(map(len, ordered)) - sum(_shared_length(one, other) for one, other in pairwise(ordered))


def _shared_length(one: list[int], other: list[int]) -> int:
    """How many tokens both begin with."""
    for index, (first, second) in enumerate(zip(one, other, strict=False)):
        if first != second:
            return index
    return min(len(one), len(other))
