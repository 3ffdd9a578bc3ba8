"""Train records whose input is almost that of a test record: a score on such a test record proves little.

Inputs are compared as sets of overlapping pieces of 16 bytes (of lower-case text with single spaces). Of each set only
the smallest hashes are kept (a bottom-k sketch, Broder 1997), from which the Jaccard similarity of two sets is
estimated: memory and time do not depend on the length of the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

import attrs

from llmops_sdk.values.data import NearDuplicate, NearDuplicates, Record, Split

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]

SIMILARITY = 0.8
"""The least Jaccard similarity of near-duplicates."""

_MOST_TEST, _MOST_TRAIN = 50_000, 200_000
_LONGEST = 8_000
_PIECE = 16
_SKETCH, _INDEXED = 64, 8
_BATCH = 512
_EXAMPLES = 5
_SHOWN = 200
# A piece of more records than this share is the form, such as a fixed instruction, and no sign of a copy.
_COMMON_SHARE = 0.05
_SAMPLED = 2_000
_LEAST_COMMON = 5
_MOST_PER_HASH = 32
_COMMON = 2**64 - 1


def find_near_duplicates(train: Split, test: Split) -> NearDuplicates:
    """Return the test records of which a train record has almost the same input.

    At most 50,000 test records and 200,000 train records are compared, the first ones of each split.
    """
    if not train.records or not test.records:
        return NearDuplicates(compared=min(test.records, _MOST_TEST))
    common = _common_pieces(islice(test, _SAMPLED))
    index = _Index.of(_sketches(islice(test, _MOST_TEST), common))
    best: dict[int, tuple[float, int]] = {}
    sketches = enumerate(_sketches(islice(train, _MOST_TRAIN), common))
    while batch := list(islice(sketches, _BATCH)):
        for place, other, similarity in index.similar(batch):
            if similarity > best.get(other, (0.0, 0))[0]:
                best[other] = (similarity, place)
    nearest = sorted(best, key=lambda other: (-best[other][0], other))[:_EXAMPLES]
    pairs = {other: best[other][1] for other in nearest}
    texts = _texts_at(test, set(pairs)), _texts_at(train, set(pairs.values()))
    return NearDuplicates(
        compared=min(test.records, _MOST_TEST),
        similar=len(best),
        examples=tuple(
            NearDuplicate(
                test=other,
                train=pairs[other],
                similarity=round(best[other][0], 2),
                test_input=texts[0][other],
                train_input=texts[1][pairs[other]],
            )
            for other in nearest
        ),
    )


def find_copies(records: Iterable[Record], others: Iterable[Record]) -> dict[int, float]:
    """Return the places of the records whose input is almost that of one of the others, with the highest similarity.

    All of them are compared. Both are read several times.
    """
    common = _common_pieces(islice(others, _SAMPLED))
    copies: dict[int, float] = {}
    remaining = iter(others)
    while (first := next(remaining, None)) is not None:
        sketches_of_others = _sketches(chain([first], islice(remaining, _MOST_TEST - 1)), common)
        index = _Index.of({sketch.tobytes(): sketch for sketch in sketches_of_others}.values())
        sketches = enumerate(_sketches(records, common))
        while batch := list(islice(sketches, _BATCH)):
            for place, _, similarity in index.similar(batch, most_per_hash=None):
                copies[place] = max(similarity, copies.get(place, 0.0))
    return copies


def input_text(record: Record) -> str:
    """Return what a record asks, as one text; all of it for a record of another form."""
    if "instruction" not in record:
        return " ".join(str(value) for value in record.values())
    return f"{record['instruction']} {record.get('context') or ''}"


def _texts_at(split: Split, places: set[int]) -> dict[int, str]:
    last = max(places, default=-1)
    return {
        place: input_text(record)[:_SHOWN] for place, record in enumerate(islice(split, last + 1)) if place in places
    }


@attrs.frozen
class _Index:
    """The sketches of the test records, found by their smallest hashes.

    Attributes:
        hashes: Sorted.
        records: The record of each hash.
        sketches: Of each record.
    """

    hashes: Hashes
    records: npt.NDArray[np.int64]
    sketches: list[Hashes]

    @classmethod
    def of(cls, sketches: Iterable[Hashes]) -> _Index:
        import numpy as np

        kept = list(sketches)
        hashes = np.concatenate([sketch[:_INDEXED] for sketch in kept])
        records = np.repeat(np.arange(len(kept)), [min(len(sketch), _INDEXED) for sketch in kept])
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], records[order], kept)

    def similar(
        self, batch: Sequence[tuple[int, Hashes]], *, most_per_hash: int | None = _MOST_PER_HASH
    ) -> Iterator[tuple[int, int, float]]:
        """Yield the near-duplicates of some sketches: a sketch's number, the record, and the similarity.

        Args:
            batch: Sketches with their numbers.
            most_per_hash: The most records that are compared because of one hash; None compares all.
        """
        import numpy as np

        looked_up = [sketch[:_INDEXED] for _, sketch in batch]
        owners = np.repeat(np.arange(len(batch)), [len(hashes) for hashes in looked_up])
        hashes = np.concatenate(looked_up)
        starts = np.searchsorted(self.hashes, hashes, side="left")
        ends = np.searchsorted(self.hashes, hashes, side="right")
        pairs = {
            (owner, record)
            for place in np.flatnonzero(starts < ends).tolist()
            for owner in (int(owners[place]),)
            for record in self.records[starts[place] : ends[place]][:most_per_hash].tolist()
        }
        for owner, record in pairs:
            number, sketch = batch[owner]
            similarity = _similarity(sketch, self.sketches[record])
            if similarity >= SIMILARITY:
                yield number, record, similarity


def _similarity(one: Hashes, other: Hashes) -> float:
    """Estimate the Jaccard similarity of two sets from their smallest hashes; exact for sets of up to 64 pieces."""
    import numpy as np

    union = np.union1d(one, other)[:_SKETCH]
    shared = np.isin(union, one, assume_unique=True) & np.isin(union, other, assume_unique=True)
    return float(shared.mean()) if len(union) else 0.0


def _common_pieces(records: Iterable[Record]) -> Hashes:
    """Return the pieces that a great share of some records have."""
    import numpy as np

    pieces = [np.unique(hashes) for hashes in _pieces(records, np.empty(0, np.uint64))]
    if not pieces:
        return np.empty(0, np.uint64)
    distinct, counts = np.unique(np.concatenate(pieces), return_counts=True)
    return distinct[counts >= max(_LEAST_COMMON, _COMMON_SHARE * len(pieces))]


def _sketches(records: Iterable[Record], common: Hashes) -> Iterator[Hashes]:
    """Yield the smallest hashes of each record's pieces, sorted; of a record with common pieces only, those."""
    import numpy as np

    for hashes in _pieces(records, common):
        smallest = np.partition(hashes, _SKETCH)[:_SKETCH] if len(hashes) > _SKETCH else hashes.copy()
        smallest.sort()
        is_new = np.ones(len(smallest), bool)
        np.not_equal(smallest[1:], smallest[:-1], out=is_new[1:])
        distinct = smallest[is_new]
        yield distinct[:-1] if len(distinct) > 1 and distinct[-1] == _COMMON else distinct


def _pieces(records: Iterable[Record], common: Hashes) -> Iterator[Hashes]:
    """Yield the hashes of the pieces of each record's input, that of a common piece replaced by the greatest number.

    Many records at a time: numpy does the work.
    """
    import numpy as np

    # Most pieces are not common, which their first 16 bits show.
    may_be_common = np.zeros(2**16, bool)
    may_be_common[common >> np.uint64(48)] = True
    remaining = iter(records)
    while batch := [_normalized(input_text(record)) for record in islice(remaining, _BATCH)]:
        hashes = _rolling_hashes(np.frombuffer(b"".join(batch), np.uint8))
        if len(common):
            places = np.flatnonzero(may_be_common[hashes >> np.uint64(48)])
            nearest = np.minimum(np.searchsorted(common, hashes[places]), len(common) - 1)
            hashes[places[common[nearest] == hashes[places]]] = _COMMON
        start = 0
        for text in batch:
            yield hashes[start : start + len(text) - _PIECE + 1]
            start += len(text)


def _normalized(text: str) -> bytes:
    """Return a text as bytes, at least one piece long."""
    return " ".join(text[:_LONGEST].lower().split()).encode(errors="replace").ljust(_PIECE)


def _rolling_hashes(text: npt.NDArray[np.uint8]) -> Hashes:
    """Return the hash of the 16 bytes that start at each place: those of 1, 2, 4, 8 and 16 bytes, each from the former."""
    import numpy as np

    hashes: Hashes = text.astype(np.uint64) + np.uint64(1)
    factor = 0x9E3779B97F4A7C15
    for width in (1, 2, 4, 8):
        hashes = hashes[:-width] * np.uint64(factor) + hashes[width:]
        factor = factor * factor % 2**64
    hashes ^= hashes >> np.uint64(29)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(32)
    return hashes
