"""One reader a form: which files of a folder hold maps, and how a file becomes (h, w, D) halves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from . import forms
from .arrays import SUFFIXES, array, arrays
from .files import Folder
from .segments import classes_of, panoptic, read_ids, read_json, require_triplet, semantic

Form = Literal["dense", "logits", "probabilities", "masks", "winners", "segments", "labels", "panoptic", "semantic"]
SMOOTH: tuple[Form, ...] = ("dense", "logits", "probabilities", "masks")  # between two cells lies something between

_NO_LABEL = (255, 65535)
_ROWS = tuple(suffix for suffix in SUFFIXES if suffix != ".zarr")

Values = NDArray[np.float16]


@dataclass(frozen=True)
class Reading:
    """How files become maps of a space."""

    form: Form
    dim: int  # of the space
    names: tuple[str, ...]  # of classes
    vectors_of: Callable[[tuple[str, ...]], NDArray[np.float32]]  # of names, in the space
    key: str = ""
    layout: str = "auto"
    scale: int = -1
    long_side: int = 0
    unit: bool = False


@dataclass(frozen=True)
class Source:
    """One frame's map: what it is made from, and how."""

    files: tuple[Path, ...]
    read: Callable[[], Values]


def sources(reading: Reading, folder: Folder) -> dict[str, Source]:
    """Name -> source of every map in the folder; problems are told with the file they are of."""
    found = _SOURCES[reading.form](reading, folder)
    return {name: Source(source.files, partial(_named, source)) for name, source in found.items()}


def _named(source: Source) -> Values:
    path = source.files[0]
    try:
        return source.read()
    except BadInput as error:
        if str(path.parent) in str(error):  # it names the file already
            raise
        raise BadInput(f"{path}: {error}") from error
    except MemoryError as error:
        raise BadInput(f"{path}: needs more memory than is available.") from error


def _in_arrays(make: Callable[[Reading, Path], Values], reading: Reading, folder: Folder) -> dict[str, Source]:
    """Files that hold all that there is about a frame."""
    files = folder.files(SUFFIXES)
    return {name: Source((path,), partial(make, reading, path)) for name, path in files.items()}


def _dense(reading: Reading, path: Path) -> Values:
    values = forms.planes_last(array(path, reading.key), reading.dim, "numbers per vector", reading.layout)
    if values.ndim == 3:
        return forms.from_vectors([values], reading.unit)
    if reading.scale >= len(values):
        raise BadInput(f"scale is {reading.scale}; the file has {len(values)}, from 0.")
    return forms.from_vectors(list(values) if reading.scale < 0 else [values[reading.scale]], reading.unit)


def _scores(reading: Reading, path: Path) -> Values:
    words = reading.vectors_of(_required(reading.names))
    scores = forms.planes_last(array(path, reading.key), len(words), "classes named by --names", reading.layout)
    if scores.ndim != 3:
        raise BadInput(f"scores of shape {scores.shape}; one set of them was expected.")
    return forms.from_scores(forms.spread(scores, reading.long_side), words, reading.form == "logits")


def _masks(reading: Reading, path: Path) -> Values:
    """Told apart by their shapes: embeddings are (Q, dim), masks have Q planes, segments are whole numbers (h, w)."""
    found = [_without_batch(load(), reading.dim) for load in arrays(path).values()]
    embeddings = [one for one in found if one.ndim == 2 and one.shape[1] == reading.dim and one.dtype.kind == "f"]
    stacked = [one for one in found if one.ndim == 3]
    if len(embeddings) != 1 or len(stacked) != 1:
        shapes = ", ".join(f"{one.dtype} {one.shape}" for one in found)
        raise BadInput(
            f"contains {shapes}; masks (Q, h, w) and one array of embeddings (Q, {reading.dim}) were expected."
        )
    masks = forms.planes_last(stacked[0], len(embeddings[0]), "masks", reading.layout)
    segments = [one for one in found if one.shape == masks.shape[:2] and one.dtype.kind in "iu"]
    if segments:
        ids = _ids(segments[0])
        return forms.from_segments(forms.spread(ids, reading.long_side), forms.segment_rows(masks, embeddings[0], ids))
    make = forms.from_winners if reading.form == "winners" else forms.from_masks
    return make(forms.spread(masks, reading.long_side), embeddings[0])


def _segments(reading: Reading, folder: Folder) -> dict[str, Source]:
    """A picture of ids, a file of rows of the same name, and a JSON that describes them where there is one."""
    rows, entries = folder.files(_ROWS), folder.files((".json",))
    return {
        name: Source(
            (path, rows[name], *([entries[name]] if name in entries else [])),
            partial(_triplet, reading, path, rows[name], entries.get(name)),
        )
        for name, path in folder.files((".png",)).items()
        if name in rows
    }


def _triplet(reading: Reading, picture: Path, row_file: Path, entries: Path | None) -> Values:
    rows = array(row_file, reading.key, usual="1")  # of FC-CLIP's pair, in and out of vocabulary, as UOV learns from
    if rows.ndim != 2 or rows.shape[1] != reading.dim:
        raise BadInput(
            f"{row_file}: an array of shape {rows.shape}; one row of {reading.dim} numbers per segment was expected."
        )
    ids = read_ids(picture)
    require_triplet(picture, ids, len(rows), None if entries is None else read_json(entries))
    return forms.from_segments(forms.spread(ids, reading.long_side), rows)


def _labels(reading: Reading, folder: Folder) -> dict[str, Source]:
    """Pictures of class numbers."""

    def read(path: Path) -> Values:
        ids, names = forms.spread(read_ids(path), reading.long_side), _required(reading.names)
        return _classes(reading, names, np.where(np.isin(ids, _NO_LABEL) & (ids >= len(names)), 0, ids + 1))

    return {name: Source((path,), partial(read, path)) for name, path in folder.files((".png",)).items()}


def _panoptic(reading: Reading, folder: Folder) -> dict[str, Source]:
    """Pictures of segment ids, whose categories one JSON tells."""
    path = folder.only_json()
    categories, known = panoptic(path)
    if reading.names:
        known = dict(enumerate(reading.names))
    place = {category: number for number, category in enumerate(known, start=1)}
    pictures = {png.name: png for png in folder.files((".png",)).values()}

    def read(picture: Path) -> Values:
        ids, inverse = np.unique(forms.spread(read_ids(picture), reading.long_side), return_inverse=True)
        of_segment = categories[picture.name]
        if unknown := [int(one) for one in ids if one and int(one) not in of_segment]:
            raise BadInput(f"segment {unknown[0]} is not in {path.name}.")
        if strange := [one for one in of_segment.values() if one not in place]:
            raise BadInput(f"category {strange[0]} has no name in {path.name}; give --names.")
        classes = np.array([place[of_segment[int(one)]] if one else 0 for one in ids])
        return _classes(reading, tuple(known.values()), classes[inverse])

    return {
        Path(name).stem: Source((pictures[name], path), partial(read, pictures[name]))
        for name in categories
        if name in pictures
    }


def _semantic(reading: Reading, folder: Folder) -> dict[str, Source]:
    """One JSON with the runs of every class in every picture."""
    path = folder.only_json()

    def read(parts: Sequence[tuple[int, tuple[int, int], str]]) -> Values:
        return _classes(reading, _required(reading.names), forms.spread(classes_of(path, parts), reading.long_side))

    return {Path(name).stem: Source((path,), partial(read, parts)) for name, parts in semantic(path).items()}


def _classes(reading: Reading, names: tuple[str, ...], classes: NDArray[np.int64]) -> Values:
    """(h, w) numbers of classes plus 1, 0 being none, as the vectors of their names."""
    if int(classes.max()) > len(names):
        raise BadInput(f"class {int(classes.max()) - 1} has no name; there are {len(names)}, from 0.")
    words = reading.vectors_of(names)
    return forms.from_segments(classes, np.concatenate([np.zeros_like(words[:1]), words]))


def _ids(stored: NDArray[Any]) -> NDArray[np.int64]:
    if int(stored.min()) < 0 or int(stored.max()) > 65535:
        raise BadInput(f"segments from {stored.min()} to {stored.max()}; 0 to 65535 were expected.")
    return stored.astype(np.int64)


def _without_batch(stored: NDArray[Any], dim: int) -> NDArray[Any]:
    """Masks or embeddings of one picture; (1, h, w) is one mask."""
    batch = stored.ndim == 4 or (stored.ndim == 3 and stored.shape[2] == dim)
    return stored[0] if batch and len(stored) == 1 else stored


def _required(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise BadInput("classes have no names; give --names classes.txt, with one per line in their order.")
    return names


_SOURCES: dict[Form, Callable[[Reading, Folder], dict[str, Source]]] = {
    "dense": partial(_in_arrays, _dense),
    "logits": partial(_in_arrays, _scores),
    "probabilities": partial(_in_arrays, _scores),
    "masks": partial(_in_arrays, _masks),
    "winners": partial(_in_arrays, _masks),
    "segments": _segments,
    "labels": _labels,
    "panoptic": _panoptic,
    "semantic": _semantic,
}
