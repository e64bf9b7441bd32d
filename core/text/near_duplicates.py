"""Finds equal and nearly equal texts among a million (MinHash with banding), without comparing all pairs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from core.lazy_loading import lazy_pattern
from core.lazy_numpy import np, npt
from core.lazy_rapidfuzz import fuzz, process
from core.progress import Reporter
from core.spilled_columns import NumberColumn, NumberTable, TextColumn, iterate_parts

MIN_SIMILARITY = 90.0  # per cent of the characters that two near duplicates share (rapidfuzz.fuzz.ratio)
NUM_BANDS, ROWS_PER_BAND = (
    20,
    4,
)  # two texts are compared when one of 20 bands of 4 minima agrees: 99.6 % do at a Jaccard index of 0.7
MAX_DIFFERING_MINIMA = (
    44  # of the 80 minima; a pair that differs in more is not compared: 0.1 % do so at an index of 0.6
)
MAX_NEIGHBOURS = 24  # that a text is compared with in one bucket
MAX_COMPARED_CHARACTERS = 600  # characters of a text that are compared: of a longer one its first and last 300
BLOCK_SIZE = 1 << 18  # characters hashed at once, candidates looked at at once: bounds the memory
PAIRS_AT_ONCE = 1 << 13  # whose texts are read and compared
MINIMA_PER_WORD = 16  # of 4 bits each

IntArray: TypeAlias = "npt.NDArray[np.int64]"
Int32Array: TypeAlias = "npt.NDArray[np.int32]"
Indices: TypeAlias = "npt.NDArray[Any]"  # 32 or 64 bits each
Uint32Array: TypeAlias = "npt.NDArray[np.uint32]"

_FIGURES = lazy_pattern(r"\d+(?:[.,:/]\d+)*")
_MARKS = " .?!。…"
_CJK = 0x2E80  # from here on two characters carry as much as three letters


@dataclass(frozen=True, slots=True)
class DuplicateGroups:
    """For each text the index of the first text that is the `same`, and of the first of its group of `near` ones.

    A group of `near` has chains too: a and c may be less similar than `MIN_SIMILARITY` where b is similar to both.
    """

    same: Indices
    near: Indices


@cache
def _make_hashes() -> tuple[Uint32Array, Uint32Array]:
    """The masks and the factors of the hashes, the same ones always."""
    generator = np.random.Generator(np.random.PCG64(20))
    masks = generator.integers(0, 2**32, NUM_BANDS * ROWS_PER_BAND, np.uint32)
    return masks, generator.integers(0, 2**32, NUM_BANDS * ROWS_PER_BAND, np.uint32) | np.uint32(1)


def normalise(text: str) -> str:
    """`text` normalised: NFKC, case-folded, single blanks, without the punctuation at its end."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    plain = " ".join(text.casefold().split())
    return plain.rstrip(_MARKS) or plain


def find_figures(text: str) -> list[str]:
    """The numbers in a normalised text, in order: questions with different numbers ask for different things."""
    return _FIGURES.findall(text)


def compute_similarity(one: str, other: str) -> float:
    """Per cent of the characters that two normalised texts share; 0 below `MIN_SIMILARITY`, or when figures differ."""
    ratio = fuzz.ratio(_shorten(one), _shorten(other), score_cutoff=MIN_SIMILARITY)
    return ratio if ratio and find_figures(one) == find_figures(other) else 0.0


def find_duplicates(texts: Iterable[str], reporter: Reporter) -> DuplicateGroups:
    """Group texts that are equal once normalised, and those that nearly are. Raises `Cancelled`.

    MinHash of character n-grams with banding; each candidate is verified with `fuzz.ratio`. A bucket of more than
    `MAX_NEIGHBOURS` texts is not dropped: they are sorted by their minima of the next band, and each is compared with
    its `MAX_NEIGHBOURS` neighbours; other bands sort them differently. Memory: about 70 bytes per text; what else is
    known of many texts is in temporary files. Raises `JukuError` where these cannot be written.
    """
    collected = _collect(texts, reporter)
    if not len(collected.first):
        return DuplicateGroups(np.zeros(0, np.int64), np.zeros(0, np.int64))
    near = collected.first[_group_near(collected, reporter)]
    return DuplicateGroups(collected.first[collected.distinct], near[collected.distinct])


@dataclass(frozen=True, slots=True)
class _DistinctTexts:
    distinct: Int32Array  # for each given text, its number among the distinct ones
    first: Int32Array  # for each distinct one: the index of its first occurrence,
    lengths: Int32Array  # its characters, normalised and shortened,
    sums: IntArray  # a hash of its figures;
    texts: TextColumn  # and all given texts, normalised and shortened

    def read(self, numbers: Indices) -> list[str]:
        """The distinct texts of these numbers."""
        return self.texts.read(self.first[numbers].tolist())


def _collect(all_texts: Iterable[str], reporter: Reporter) -> _DistinctTexts:
    texts, hashes, sums, lengths = TextColumn(), NumberColumn("q"), NumberColumn("q"), NumberColumn("i")
    for index, text in enumerate(all_texts):
        normal = normalise(text)
        short = _shorten(normal)
        texts.append(short)
        hashes.append(hash(normal))
        lengths.append(len(short))
        sums.append(hash(tuple(find_figures(normal))))
        if index % 10_000 == 0:
            reporter.check()
    distinct, first = _number_distinct(hashes.load())
    return _DistinctTexts(distinct, first, lengths.load()[first], sums.load()[first], texts)


def _number_distinct(keys: IntArray) -> tuple[Int32Array, Int32Array]:
    """For each key its number among the distinct ones, and for each distinct one the index of its first occurrence."""
    order = np.argsort(keys, kind="stable").astype(np.int32)
    ordered = keys[order]
    del keys
    is_new = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    del ordered
    starts = np.flatnonzero(is_new).astype(np.int32)
    firsts = order[starts]
    by_first = np.argsort(firsts).astype(np.int32)
    numbers = np.empty(len(starts), np.int32)
    numbers[by_first] = np.arange(len(starts), dtype=np.int32)
    distinct = np.empty(len(order), np.int32)
    distinct[order] = np.repeat(numbers, np.diff(starts, append=np.int32(len(order))))
    return distinct, firsts[by_first]


def _shorten(text: str) -> str:
    return (
        text
        if len(text) <= MAX_COMPARED_CHARACTERS
        else text[: MAX_COMPARED_CHARACTERS // 2] + text[-MAX_COMPARED_CHARACTERS // 2 :]
    )


def _group_near(collected: _DistinctTexts, reporter: Reporter) -> Indices:
    """For each distinct text, the number of the first one in its group."""
    signatures = _compute_signatures(collected, reporter)
    parents = np.arange(len(collected.first), dtype=np.int32)
    for band in range(NUM_BANDS):
        for pairs in _iterate_candidate_pairs(signatures.keys, band):
            reporter.update(band, NUM_BANDS)
            undecided = _find_undecided(collected, signatures, band, parents, pairs)
            for start, end in iterate_parts(undecided.shape[1], PAIRS_AT_ONCE):
                _unite_groups(parents, _keep_similar(collected, undecided[:, start:end]))
    return _find_roots(parents, np.arange(len(parents), dtype=np.int32))


@dataclass(frozen=True, slots=True)
class _Signatures:
    """The minima of each text, in two compact forms."""

    keys: NumberTable  # for each band and text a key that is equal where the minima of the band are
    sketches: NumberTable  # for each text 4 bits of each minimum, to estimate the similarity of two; 16 minima a row


def _compute_signatures(collected: _DistinctTexts, reporter: Reporter) -> _Signatures:
    count = len(collected.first)
    words = -(-NUM_BANDS * ROWS_PER_BAND // MINIMA_PER_WORD)
    signatures = _Signatures(NumberTable(NUM_BANDS, count, np.uint32), NumberTable(words, count, np.uint64))
    for start, end in _iterate_blocks(collected.lengths):
        reporter.check()
        grams, edges = _hash_ngrams(collected.read(np.arange(start, end)))
        scratch = np.empty_like(grams)
        keys = np.empty((NUM_BANDS, end - start), np.uint32)
        sketches = np.zeros((words, end - start), np.uint64)
        for number, (mask, factor) in enumerate(zip(*_make_hashes(), strict=True)):
            np.multiply(np.bitwise_xor(grams, mask, out=scratch), factor, out=scratch)
            # Every second segment is the padding between two texts.
            minima = np.minimum.reduceat(scratch, edges)[::2]
            key = keys[number // ROWS_PER_BAND]
            key[:] = minima if number % ROWS_PER_BAND == 0 else _mix(key ^ minima)
            nibbles = (minima & np.uint32(15)).astype(np.uint64)
            sketches[number // MINIMA_PER_WORD] |= nibbles << np.uint64(number % MINIMA_PER_WORD * 4)
        for band in range(NUM_BANDS):
            signatures.keys.write(band, start, keys[band])
        for word in range(words):
            signatures.sketches.write(word, start, sketches[word])
    return signatures


def _iterate_blocks(lengths: Int32Array) -> Iterator[tuple[int, int]]:
    start = size = 0
    for end, length in enumerate(lengths):
        size += length
        if size > BLOCK_SIZE:
            yield start, end + 1
            start, size = end + 1, 0
    if start < len(lengths):
        yield start, len(lengths)


def _hash_ngrams(texts: list[str]) -> tuple[Uint32Array, IntArray]:
    """Hashes of all n-grams (two CJK characters, or three letters), and the offsets where each text begins and ends."""
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


def _iterate_candidate_pairs(keys: NumberTable, band: int) -> Iterator[Indices]:
    """Yield pairs of texts that share a bucket of `band`, nearest neighbours first, in arrays of shape (2, n)."""
    own = keys.load(band)
    order = _sort_by_both(own, keys.load((band + 1) % NUM_BANDS))
    sorted = own[order]
    for distance in range(1, MAX_NEIGHBOURS + 1):
        matches = np.flatnonzero(sorted[distance:] == sorted[:-distance])
        if not len(matches):
            return
        for start in range(0, len(matches), BLOCK_SIZE):
            part = matches[start : start + BLOCK_SIZE]
            yield np.stack([order[part], order[part + distance]])
    beyond = np.flatnonzero(sorted[MAX_NEIGHBOURS + 1 :] == sorted[: -MAX_NEIGHBOURS - 1])
    if len(beyond):
        keys.write(band, 0, _separate_crowded(own, order, beyond))


def _sort_by_both(own: Uint32Array, next_keys: Uint32Array) -> Int32Array:
    """The order of texts by their keys in a band, and of equal ones by those in the next one."""
    both = own.astype(np.uint64)
    both <<= np.uint64(32)
    both |= next_keys
    del next_keys  # as soon as it is not needed: together they are the most that is in memory
    order = np.argsort(both)
    del both
    return order.astype(np.int32)


def _separate_crowded(own: Uint32Array, order: Int32Array, beyond: Indices) -> Uint32Array:
    """The keys of a band with those of crowded buckets each its own: not all were compared, so later bands must not skip them.

    `beyond` are the places in `order` from where a bucket goes on for more than `MAX_NEIGHBOURS`.
    """
    is_crowded = np.zeros(len(order), np.bool_)
    for distance in range(MAX_NEIGHBOURS + 2):
        is_crowded[beyond + distance] = True
    texts = order[is_crowded]
    separated = own.copy()
    separated[texts] = texts
    return separated


def _find_undecided(
    collected: _DistinctTexts, signatures: _Signatures, band: int, parents: Indices, pairs: Indices
) -> Indices:
    """Those of `pairs` that may be similar, are not in one group yet, and were not compared in an earlier band."""
    pairs = pairs[:, collected.sums[pairs[0]] == collected.sums[pairs[1]]]
    lengths, others = collected.lengths[pairs]
    pairs = pairs[:, 200 * np.minimum(lengths, others) >= MIN_SIMILARITY * (lengths + others)]
    pairs = pairs[:, _count_differing_minima(signatures.sketches, pairs) < MAX_DIFFERING_MINIMA]
    for earlier in map(signatures.keys.load, range(band if pairs.size else 0)):
        pairs = pairs[:, earlier[pairs[0]] != earlier[pairs[1]]]
    return pairs[:, _find_roots(parents, pairs[0]) != _find_roots(parents, pairs[1])]


def _count_differing_minima(sketches: NumberTable, pairs: Indices) -> Indices:
    """The number of minima that differ, for each pair."""
    counts = np.zeros(pairs.shape[1], np.int64)
    for row in range(-(-NUM_BANDS * ROWS_PER_BAND // MINIMA_PER_WORD) if pairs.size else 0):
        sketch = sketches.load(row)
        bits = sketch[pairs[0]] ^ sketch[pairs[1]]
        bits |= bits >> np.uint64(1)
        bits |= bits >> np.uint64(2)
        counts += np.bitwise_count(bits & np.uint64(0x1111111111111111))
    return counts


def _keep_similar(collected: _DistinctTexts, pairs: Indices) -> Indices:
    """Those of `pairs` whose texts are similar."""
    if not pairs.size:
        return pairs
    ones, others = (collected.read(numbers) for numbers in pairs)
    return pairs[:, process.cpdist(ones, others, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY) > 0]


def _find_roots(parents: Indices, numbers: Indices) -> Indices:
    """The root of the group of each of `numbers`; compresses the paths (union-find)."""
    roots = parents[numbers]
    while not np.array_equal(roots, above := parents[roots]):
        roots = above
    parents[numbers] = roots
    return roots


def _unite_groups(parents: Indices, pairs: Indices) -> None:
    while pairs.size:
        pairs = np.stack([_find_roots(parents, numbers) for numbers in pairs])
        pairs = np.sort(pairs[:, pairs[0] != pairs[1]], axis=0)
        # Of several pairs with the same higher root the last one wins; the others are repeated.
        parents[pairs[1]] = pairs[0]
