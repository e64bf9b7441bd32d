"""Finds texts that are the same, or nearly so, among a million, without comparing all with all."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process

from core.progress import Reporter

MIN_SIMILARITY = 90.0  # per cent of the characters that two near duplicates share (rapidfuzz.fuzz.ratio)
BANDS, ROWS = (
    20,
    4,
)  # two texts are compared when one of 20 bands of 4 minima agrees: 99.6 % do at a Jaccard index of 0.7
UNLIKE = (
    44  # of the 80 minima, those in which a pair differs that is not worth comparing: 0.1 % do so at an index of 0.6
)
WINDOW = 24  # neighbours that a text is compared with in one bucket
MAX_COMPARED_CHARACTERS = 600  # characters of a text that are compared: of a longer one its first and last 300
BLOCK = 1 << 18  # characters hashed at once, candidates verified at once: bounds the memory

IntArray = npt.NDArray[np.int64]
Uint32Array = npt.NDArray[np.uint32]

_FIGURES = re.compile(r"\d+(?:[.,:/]\d+)*")
_MARKS = " .?!。…"
_CJK = 0x2E80  # from here on two characters say as much as three letters do
_RANDOM = np.random.Generator(np.random.PCG64(20))
_MASKS = _RANDOM.integers(0, 2**32, BANDS * ROWS, np.uint32)
_FACTORS = _RANDOM.integers(0, 2**32, BANDS * ROWS, np.uint32) | np.uint32(1)


@dataclass(frozen=True, slots=True)
class DuplicateGroups:
    """For each text the index of the first that is the `same`, and of the first of those `near` it.

    A group of `near` holds chains too: a and c may be further apart than `SIMILAR` where b lies between them.
    """

    same: IntArray
    near: IntArray


def normalise(text: str) -> str:
    """`text` without what makes no difference to a reader: width, case, how blanks are set, and the marks at its end."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    plain = " ".join(text.casefold().split())
    return plain.rstrip(_MARKS) or plain


def figures(text: str) -> list[str]:
    """The numbers in a normalised text, in order: questions that differ in one ask for different things."""
    return _FIGURES.findall(text)


def similarity(one: str, other: str) -> float:
    """Per cent of the characters that two normalised texts share; 0 below `SIMILAR`, or when their figures differ."""
    found = fuzz.ratio(_shorten(one), _shorten(other), score_cutoff=MIN_SIMILARITY)
    return found if found and figures(one) == figures(other) else 0.0


def find(texts: Iterable[str], reporter: Reporter) -> DuplicateGroups:
    """Group texts that are the same once normalised, and those that nearly are.

    MinHash of character n-grams with banding; each candidate is verified with `similarity`. A bucket of more than
    `WINDOW` texts is not dropped: they are sorted by their minima of the next band, and each is compared with its
    `WINDOW` neighbours; other bands sort them anew. Memory: about 200 bytes and `KEPT` characters a distinct text.
    """
    collected = _collect(texts, reporter)
    first, distinct = collected.first, collected.distinct
    return DuplicateGroups(first[distinct], first[_near(collected, reporter)][distinct])


@dataclass(frozen=True, slots=True)
class _Collected:
    distinct: IntArray  # for each text given, its number among the distinct ones
    first: IntArray  # for each distinct one, where it was given first,
    texts: list[str]  # what it is once normalised and shortened,
    lengths: IntArray  # how many characters that are,
    sums: IntArray  # and a hash of its figures


def _collect(given: Iterable[str], reporter: Reporter) -> _Collected:
    numbers: dict[int, int] = {}
    distinct, first, sums = array("q"), array("q"), array("q")
    texts: list[str] = []
    for index, text in enumerate(given):
        normal = normalise(text)
        number = numbers.setdefault(hash(normal), len(numbers))
        distinct.append(number)
        if number == len(texts):
            first.append(index)
            texts.append(_shorten(normal))
            sums.append(hash(tuple(figures(normal))))
        if index % 10_000 == 0:
            reporter.check()
    lengths = np.array([len(text) for text in texts], np.int64)
    return _Collected(_numbers(distinct), _numbers(first), texts, lengths, _numbers(sums))


def _numbers(values: array[int]) -> IntArray:
    return np.frombuffer(values, np.int64) if values else np.zeros(0, np.int64)


def _shorten(text: str) -> str:
    return (
        text
        if len(text) <= MAX_COMPARED_CHARACTERS
        else text[: MAX_COMPARED_CHARACTERS // 2] + text[-MAX_COMPARED_CHARACTERS // 2 :]
    )


def _near(collected: _Collected, reporter: Reporter) -> IntArray:
    """For each distinct text, the number of the first one in its group."""
    signatures = _signatures(collected.texts, reporter)
    parents = np.arange(len(collected.texts))
    for band in range(BANDS):
        for pairs in _pairs(signatures.keys, band):
            reporter.update(band, BANDS)
            undecided = _find_undecided(collected, signatures, band, parents, pairs)
            _unite(parents, _verify(collected.texts, undecided))
    return _roots(parents, np.arange(len(parents)))


@dataclass(frozen=True, slots=True)
class _Signatures:
    """What is kept of the minima of each text."""

    keys: Uint32Array  # for each band and text a key that is equal where the minima of the band are
    sketches: npt.NDArray[np.uint64]  # for each text 4 bits of each minimum, to tell roughly how alike two are


def _signatures(texts: list[str], reporter: Reporter) -> _Signatures:
    found = _Signatures(
        np.empty((BANDS, len(texts)), np.uint32), np.zeros((len(texts), -(-BANDS * ROWS // 16)), np.uint64)
    )
    for start, end in _blocks(texts):
        reporter.check()
        grams, edges = _grams(texts[start:end])
        scratch = np.empty_like(grams)
        for number, (mask, factor) in enumerate(zip(_MASKS, _FACTORS, strict=True)):
            np.multiply(np.bitwise_xor(grams, mask, out=scratch), factor, out=scratch)
            # Every second segment is the padding between two texts.
            minima = np.minimum.reduceat(scratch, edges)[::2]
            key = found.keys[number // ROWS, start:end]
            key[:] = minima if number % ROWS == 0 else _mix(key ^ minima)
            nibbles = (minima & np.uint32(15)).astype(np.uint64)
            found.sketches[start:end, number // 16] |= nibbles << np.uint64(number % 16 * 4)
    return found


def _blocks(texts: list[str]) -> Iterator[tuple[int, int]]:
    start = size = 0
    for end, text in enumerate(texts):
        size += len(text)
        if size > BLOCK:
            yield start, end + 1
            start, size = end + 1, 0
    if start < len(texts):
        yield start, len(texts)


def _grams(texts: list[str]) -> tuple[Uint32Array, IntArray]:
    """Hashes of all n-grams: of two characters from CJK on, of three letters before; and where each text begins and ends."""
    lengths = np.array([len(text) for text in texts])
    ends = np.cumsum(lengths + 2) - 2
    padded = "".join(f"{text}\0\0" for text in texts)
    codes = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), np.uint32)
    grams = codes * np.uint32(0x9E3779B1)
    grams[:-1] += codes[1:] * np.uint32(0x85EBCA77)
    grams[:-2] += np.where(codes[:-2] < _CJK, codes[2:], 0) * np.uint32(0xC2B2AE3D)
    return _mix(grams), np.stack([ends - lengths, ends], axis=1).ravel()


def _mix(words: Uint32Array) -> Uint32Array:
    words ^= words >> np.uint32(16)
    words *= np.uint32(0x85EBCA6B)
    words ^= words >> np.uint32(13)
    words *= np.uint32(0xC2B2AE35)
    words ^= words >> np.uint32(16)
    return words


def _pairs(keys: Uint32Array, band: int) -> Iterator[IntArray]:
    """Pairs of texts that share a bucket of `band`, nearest neighbours first, in arrays of two rows."""
    order = np.lexsort((keys[(band + 1) % BANDS], keys[band]))
    sorted = keys[band][order]
    for distance in range(1, WINDOW + 1):
        found = np.flatnonzero(sorted[distance:] == sorted[:-distance])
        if not len(found):
            return
        for start in range(0, len(found), BLOCK):
            part = found[start : start + BLOCK]
            yield np.stack([order[part], order[part + distance]])
    beyond = np.flatnonzero(sorted[WINDOW + 1 :] == sorted[: -WINDOW - 1])
    _forget(keys[band], np.unique(sorted[beyond]))


def _forget(band: Uint32Array, crowded: Uint32Array) -> None:
    """Not all texts of a crowded bucket were compared: give them keys of their own, so that later bands may do so."""
    texts = np.flatnonzero(np.isin(band, crowded))
    band[texts] = texts


def _find_undecided(
    collected: _Collected, signatures: _Signatures, band: int, parents: IntArray, pairs: IntArray
) -> IntArray:
    """Those of `pairs` that may be similar, are not in one group yet, and were not compared in an earlier band."""
    pairs = pairs[:, collected.sums[pairs[0]] == collected.sums[pairs[1]]]
    lengths, others = collected.lengths[pairs]
    pairs = pairs[:, 200 * np.minimum(lengths, others) >= MIN_SIMILARITY * (lengths + others)]
    pairs = pairs[:, _differing(signatures.sketches, pairs) < UNLIKE]
    for earlier in signatures.keys[:band]:
        pairs = pairs[:, earlier[pairs[0]] != earlier[pairs[1]]]
    return pairs[:, _roots(parents, pairs[0]) != _roots(parents, pairs[1])]


def _differing(sketches: npt.NDArray[np.uint64], pairs: IntArray) -> IntArray:
    """How many of their minima differ, of each pair."""
    bits = sketches[pairs[0]] ^ sketches[pairs[1]]
    bits |= bits >> np.uint64(1)
    bits |= bits >> np.uint64(2)
    counts: IntArray = np.bitwise_count(bits & np.uint64(0x1111111111111111)).sum(axis=1, dtype=np.int64)
    return counts


def _verify(texts: list[str], pairs: IntArray) -> IntArray:
    """Those of `pairs` whose texts are similar."""
    if not pairs.size:
        return pairs
    ones, others = ([texts[number] for number in numbers] for numbers in pairs.tolist())
    return pairs[:, process.cpdist(ones, others, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY) > 0]


def _roots(parents: IntArray, numbers: IntArray) -> IntArray:
    """The first of the group of each of `numbers`; the way there is made shorter for the next time."""
    roots = parents[numbers]
    while not np.array_equal(roots, above := parents[roots]):
        roots = above
    parents[numbers] = roots
    return roots


def _unite(parents: IntArray, pairs: IntArray) -> None:
    while pairs.size:
        pairs = np.stack([_roots(parents, numbers) for numbers in pairs])
        pairs = np.sort(pairs[:, pairs[0] != pairs[1]], axis=0)
        # Of several pairs with the same higher root the last one wins; the others come round again.
        parents[pairs[1]] = pairs[0]
