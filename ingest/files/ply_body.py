"""The data of a PLY file after its header, element by element; `ply.py` knows the header and what it all means."""

import struct
import warnings
from abc import ABC, abstractmethod
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.budget import Budget
from ...core.errors import BadScene

MAX_MIXED_ROWS = 20_000_000  # that are walked one by one, for as long as a budget gives

Polygons = list[NDArray[np.int64]]  # one (rows, 1 + n) array for each number of corners n; the face's number first
Columns = dict[str, NDArray[np.int64]]  # (rows,) each; the properties that hold one whole number a row


@dataclass(frozen=True)
class Property:
    """A column of an element."""

    name: str
    type: str  # numpy letter and size, without byte order
    count_type: str | None = None  # of a list: what its length is stored as


@dataclass(frozen=True)
class Element:
    """A table of the file: its promised number of rows, and its columns."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def has_lists(self) -> bool:
        """Whether rows can differ in length."""
        return any(p.count_type for p in self.properties)

    @property
    def corners(self) -> int | None:
        """Which property lists the corners of a face."""
        names = [p.name if p.count_type else "" for p in self.properties]
        return next((names.index(name) for name in ("vertex_indices", "vertex_index") if name in names), None)

    @property
    def whole_numbers(self) -> list[int]:
        """Which properties hold one whole number a row."""
        return [k for k, p in enumerate(self.properties) if not p.count_type and p.type[0] in "iu"]


class Body(ABC):
    """What both kinds of body have in common."""

    def __init__(self, path: Path, data: NDArray[Any]) -> None:
        self.path = path
        self.data = data
        self.position = 0

    @property
    def left(self) -> int:
        """Bytes or words not read yet."""
        return len(self.data) - self.position

    @abstractmethod
    def scalars(self, element: Element) -> NDArray[np.void]:
        """(count,) structured rows of an element without lists, native byte order."""

    def lists(self, element: Element) -> tuple[Polygons, Columns]:
        """The polygons of an element with lists, none where no property lists corners, and its whole numbers."""
        if element.count == 0:
            return [], {element.properties[k].name: np.empty(0, np.int64) for k in element.whole_numbers}
        if element.count * len(element.properties) > self.left:  # an entry has a byte, or a word, at least
            raise self.short(element)
        lengths, places = self.walk(element, self.position)
        self.require_corners(element, lengths)
        size = places[-1] - self.position
        if element.count * size <= self.left and (rows := self.alike(element, lengths, size)) is not None:
            return rows
        return self.mixed(element)

    @abstractmethod
    def alike(self, element: Element, lengths: list[int], size: int) -> tuple[Polygons, Columns] | None:
        """What `lists` gives when all rows are as long as the first, else None and nothing is read."""

    @abstractmethod
    def walk(self, element: Element, position: int) -> tuple[list[int], list[int]]:
        """Of one row: how many values each property has, where they begin, and last where the row ends."""

    @abstractmethod
    def gather(self, places: NDArray[np.int64], length: int, kind: str) -> NDArray[np.int64]:
        """(rows, length) the values that begin at `places`."""

    def mixed(self, element: Element) -> tuple[Polygons, Columns]:
        """Rows of different lengths: walked one by one, then gathered length by length."""
        which, whole = element.corners, element.whole_numbers
        position, starts, counts, single = self.position, array("q"), array("q"), array("q")
        budget = Budget(self.path, MAX_MIXED_ROWS)
        for _ in range(element.count):
            budget.take_items()
            lengths, places = self.walk(element, position)
            position = places[-1]
            single.extend(places[k] for k in whole)
            if which is not None:
                self.require_corners(element, lengths)
                starts.append(places[which])
                counts.append(lengths[which])
        self.position = position
        start, count = np.array(starts, np.int64), np.array(counts, np.int64)
        polygons = []
        for length in np.unique(count):
            row = np.flatnonzero(count == length)
            values = self.gather(start[row], int(length), element.properties[which or 0].type)
            polygons.append(np.concatenate([row[:, None], values], axis=1))
        columns = {}
        places_of = np.array(single, np.int64).reshape(element.count, len(whole))
        for number, k in enumerate(whole):
            p = element.properties[k]
            columns[p.name] = self.gather(places_of[:, number], 1, p.type)[:, 0]
        return polygons, columns

    def require_corners(self, element: Element, lengths: list[int]) -> None:
        """Refuse a face without an inside at the first one, not after twenty million of them."""
        if element.name == "face" and element.corners is not None and lengths[element.corners] < 3:
            found = lengths[element.corners]
            raise BadScene(f"{self.path}: a face has {found} corners; at least 3 were expected")

    def finish(self) -> None:
        """Refuse what is left over."""
        if self.left:
            raise BadScene(f"{self.path}: {self.left:,} values follow what the header counts")

    def short(self, element: Element) -> BadScene:
        """What to say of a header that promises more than there is."""
        return BadScene(
            f"{self.path}: truncated: its header announces {element.count:,} of element {element.name!r}, which "
            f"{len(self.data) - self.position:,} remaining {self.unit} cannot hold"
        )

    unit = "values"


class BinaryBody(Body):
    """Packed rows; `order` is numpy's sign of the byte order."""

    unit = "bytes"

    def __init__(self, path: Path, data: NDArray[np.uint8], order: str) -> None:
        super().__init__(path, data)
        self.order = order
        self.buffer = memoryview(data.view(np.ndarray).data)

    def scalars(self, element: Element) -> NDArray[np.void]:
        dtype = np.dtype([(p.name, self.order + p.type) for p in element.properties])
        if element.count * dtype.itemsize > self.left:
            raise self.short(element)
        return self.take(element.count, dtype).astype(dtype.newbyteorder("="))

    def alike(self, element: Element, lengths: list[int], size: int) -> tuple[Polygons, Columns] | None:
        fields: list[tuple[Any, ...]] = []
        for number, (p, length) in enumerate(zip(element.properties, lengths, strict=True)):
            if p.count_type:
                fields.append((f"count {number}", self.order + p.count_type))
            fields.append((f"value {number}", self.order + p.type, (length,)))
        dtype, start = np.dtype(fields), self.position
        rows = self.take(element.count, dtype)
        for number, (p, length) in enumerate(zip(element.properties, lengths, strict=True)):
            if p.count_type and not (rows[f"count {number}"] == length).all():
                self.position = start
                return None
        columns = {element.properties[k].name: rows[f"value {k}"][:, 0].astype(np.int64) for k in element.whole_numbers}
        if element.corners is None:
            return [], columns
        number_first = np.arange(element.count, dtype=np.int64)[:, None]
        return [np.concatenate([number_first, rows[f"value {element.corners}"].astype(np.int64)], axis=1)], columns

    def walk(self, element: Element, position: int) -> tuple[list[int], list[int]]:
        lengths, places = [], []
        for p in element.properties:
            length = 1
            if p.count_type:
                code = np.dtype(p.count_type)
                if position + code.itemsize > len(self.data):
                    raise self.short(element)
                length = struct.unpack_from(self.order + code.char, self.buffer, position)[0]
                position += code.itemsize
            lengths.append(length)
            places.append(position)
            position += length * np.dtype(p.type).itemsize
            if length < 0 or position > len(self.data):
                raise self.short(element)
        return lengths, [*places, position]

    def gather(self, places: NDArray[np.int64], length: int, kind: str) -> NDArray[np.int64]:
        dtype = np.dtype(self.order + kind)
        picked = np.ascontiguousarray(self.data[places[:, None] + np.arange(length * dtype.itemsize)])
        return picked.view(dtype).reshape(len(places), length).astype(np.int64)

    def take(self, count: int, dtype: np.dtype) -> NDArray[np.void]:
        stop = self.position + count * dtype.itemsize
        rows = np.frombuffer(self.buffer, dtype, count, self.position)
        self.position = stop
        return rows

    def finish(self) -> None:
        if self.left > 2 or bytes(self.buffer[self.position :]).strip():  # some writers end with a line feed
            raise BadScene(f"{self.path}: {self.left:,} bytes follow what the header counts")


class AsciiBody(Body):
    """Numbers in words, read as float64 (which holds every value of up to 32 bits)."""

    def __init__(self, path: Path, data: NDArray[np.uint8]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            try:
                words = np.fromstring(data.tobytes().decode("ascii"), sep=" ")
            except (DeprecationWarning, ValueError) as error:
                raise BadScene(f"{path}: not everything after the header is a number") from error
        super().__init__(path, words)

    def scalars(self, element: Element) -> NDArray[np.void]:
        width = len(element.properties)
        if element.count * width > self.left:
            raise self.short(element)
        table = self.data[self.position : self.position + element.count * width].reshape(element.count, width)
        self.position += table.size
        rows = np.empty(element.count, np.dtype([(p.name, p.type) for p in element.properties]))
        for column, p in enumerate(element.properties):
            rows[p.name] = self.fitting(table[:, column], p)
        return rows

    def alike(self, element: Element, lengths: list[int], size: int) -> tuple[Polygons, Columns] | None:
        table = self.data[self.position : self.position + element.count * size].reshape(element.count, size)
        column = 0
        starts = []
        for p, length in zip(element.properties, lengths, strict=True):
            if p.count_type and not (table[:, column] == length).all():
                return None
            column += bool(p.count_type)
            starts.append(column)
            column += length
        self.position += table.size
        whole = [(element.properties[k], table[:, starts[k]]) for k in element.whole_numbers]
        columns = {p.name: self.fitting(column, p).astype(np.int64) for p, column in whole}
        if element.corners is None:
            return [], columns
        start = starts[element.corners]
        values = table[:, start : start + lengths[element.corners]].astype(np.int64)
        return [np.concatenate([np.arange(element.count, dtype=np.int64)[:, None], values], axis=1)], columns

    def walk(self, element: Element, position: int) -> tuple[list[int], list[int]]:
        lengths, places = [], []
        for p in element.properties:
            length = 1
            if p.count_type:
                if position >= len(self.data) or not 0 <= self.data[position] <= self.left:
                    raise self.short(element)
                length = int(self.data[position])
                position += 1
            lengths.append(length)
            places.append(position)
            position += length
            if position > len(self.data):
                raise self.short(element)
        return lengths, [*places, position]

    def gather(self, places: NDArray[np.int64], length: int, kind: str) -> NDArray[np.int64]:
        return self.data[places[:, None] + np.arange(length)].astype(np.int64)

    def fitting(self, column: NDArray[Any], p: Property) -> NDArray[Any]:
        """The column, if its values can be held by its declared type."""
        if p.type[0] in "iu":
            limits = np.iinfo(p.type)
            inside = (column >= limits.min) & (column <= limits.max)
            if not inside.all():
                raise BadScene(f"{self.path}: property {p.name!r} has the value {column[~inside][0]:g}, not a {p.type}")
        return column
