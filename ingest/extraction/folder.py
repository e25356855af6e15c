"""Per-pixel features of a folder of pictures, in a folder of files that remembers how they were made."""

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...core import file_locks
from ...core.errors import BadInput
from ...core.features import FeatureMap
from ...core.files import remove_parts, replacing
from ...core.listing import matching, walk
from ...core.names import file_name
from ..engines import Outcome
from ..files.images import IMAGE_SUFFIXES, is_turned, read_image
from .extract import ImageEncoder, encoded
from .feature_files import FORMATS, write_features

NOTE = "extract.json"  # in the folder of features: how they were made
_WRITERS = max(1, min(4, (os.cpu_count() or 1) // 2))  # threads; a quick network makes gigabytes a second
_WAITING = _WRITERS + 1  # maps that are being written, or wait for it, while the network goes on


@dataclass(frozen=True)
class PictureFile:
    """A picture, and what its files are called."""

    path: Path
    target: Path  # in the folder of features, without a suffix

    def file(self, suffix: str) -> Path:
        """`target` with ".npy", ".preview.jpg" ..."""
        return self.target.with_name(file_name(self.target.name, suffix))


@dataclass(frozen=True)
class Extracted:
    """The features of one picture."""

    path: Path
    shape: tuple[int, ...] | None = None  # of the map (h, w, C); None: the file was there already
    turned: bool = False  # the picture's EXIF says that it is to be shown turned; pixels are taken as they are stored


def find_pictures(source: Path, out: Path) -> list[PictureFile]:
    """The pictures of a folder and of those below it by name, or the one that `source` is; hidden ones are left out.

    BadInput when there is none, and when two would have the same files.
    """
    if not source.is_dir():
        return [PictureFile(source, out / source.stem)]
    if source.resolve() == out.resolve():
        raise BadInput(f"{out} is the folder of the images; choose another one for the features.")
    found: dict[Path, PictureFile] = {}
    for here, folders, names in walk(source):
        folders[:] = [name for name in folders if (here / name).resolve() != out.resolve()]
        for name in names:
            path = here / name
            if path.suffix.lower() not in IMAGE_SUFFIXES or not path.is_file():
                continue
            picture = PictureFile(path, out / here.relative_to(source) / path.stem)
            if picture.target in found:
                raise BadInput(
                    f"{found[picture.target].path} and {path} would both become {picture.target.name}.*; rename one."
                )
            found[picture.target] = picture
    if not found:
        raise BadInput(f"No images in {source}; {', '.join(sorted(IMAGE_SUFFIXES))} were looked for.")
    return list(found.values())


def prepare(out: Path, pictures: Sequence[PictureFile], recipe: dict[str, Any], again: bool) -> None:
    """Make sure that all features in the folder are of `recipe`; with `again`, remove what is there of these pictures.

    BadInput when it holds features of another recipe, or files whose recipe nobody knows.
    """
    own = [picture.file(f".{form}") for picture in pictures for form in FORMATS]
    with _folder(out):
        note = out / NOTE
        difference = _difference(note.read_text(encoding="utf-8"), recipe) if note.exists() else ""
        if difference is not None:
            strange = sorted(path for form in FORMATS for path in matching(out, f"**/*.{form}"))
            if again:
                strange = sorted({*strange} - {*own})
            if difference and (strange or not again):
                rest = "; also features of other images" if again else ""
                advice = "" if again else ", or extract these images again with --again"
                raise BadInput(
                    f"{out} contains features of another recipe: {difference}{rest}. Choose another folder{advice}."
                )
            if strange:
                raise BadInput(f"{strange[0]} exists, but no {NOTE} records how it was made. Choose another folder.")
        if again:
            for path in (*own, *(picture.file(".preview.jpg") for picture in pictures)):
                path.unlink(missing_ok=True)
        if difference:
            note.unlink()


def sampling_of(out: Path) -> Literal["nearest", "bilinear"]:
    """How a pixel samples the features in `out`."""
    sampling = json.loads((out / NOTE).read_text(encoding="utf-8")).get("sampling")
    return "nearest" if sampling == "nearest" else "bilinear"


def extract_pictures(
    pictures: Sequence[PictureFile],
    out: Path,
    form: str,
    recipe: dict[str, Any],
    load_encoder: Callable[[], ImageEncoder],
) -> Iterator[Outcome]:
    """An Extracted of each picture, those that are there first; one that cannot be read is an error, the others go on.

    Files are written in threads while the network runs; the encoder is loaded if there is anything to do.
    """
    with _at_work(out, pictures):
        yield from _extract(pictures, out, form, recipe, load_encoder)


def _extract(
    pictures: Sequence[PictureFile],
    out: Path,
    form: str,
    recipe: dict[str, Any],
    load_encoder: Callable[[], ImageEncoder],
) -> Iterator[Outcome]:
    missing = []
    for picture in pictures:
        if (path := picture.file(f".{form}")).exists():
            yield Outcome(picture, Extracted(path))
        else:
            missing.append(picture)
    if not missing:
        return

    sizes: dict[PictureFile, tuple[int, int, bool]] = {}  # height, width, turned, of what is on its way

    def read(picture: PictureFile) -> NDArray[np.uint8]:
        image = read_image(picture.path)
        sizes[picture] = (*image.shape[:2], is_turned(picture.path))
        return image

    def write(picture: PictureFile, found: FeatureMap) -> Extracted:
        path = picture.file(f".{form}")
        height, width, turned = sizes.pop(picture)
        with _folder(path.parent):
            _note(out, recipe, found)
            write_features(path, found, height, width)
        return Extracted(path, found.values.shape, turned)

    with ThreadPoolExecutor(_WRITERS) as writers:
        waiting: deque[tuple[Outcome, Future[Extracted] | None]] = deque()
        for seen in encoded(missing, read, load_encoder()):
            file = writers.submit(write, seen.item, seen.result) if seen.error is None else None
            waiting.append((replace(seen, result=None), file))
            while waiting and (len(waiting) > _WAITING or waiting[0][1] is None or waiting[0][1].done()):
                yield _written(*waiting.popleft())
        while waiting:
            yield _written(*waiting.popleft())


@contextmanager
def _at_work(out: Path, pictures: Sequence[PictureFile]) -> Iterator[None]:
    """Who comes first removes what a killed extraction left half written; others may join, and remove nothing."""
    with _folder(out):
        lock = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # file systems that lock no folders: leftovers stay
            if file_locks.take(lock):
                for folder in {out, *(picture.target.parent for picture in pictures)}:
                    remove_parts(folder)
            file_locks.take(lock, shared=True)
        yield
    finally:
        os.close(lock)


def _written(seen: Outcome, file: "Future[Extracted] | None") -> Outcome:
    return seen if file is None else replace(seen, result=file.result())


def _note(out: Path, recipe: dict[str, Any], found: FeatureMap) -> None:
    """Written before the first file is, so that no file is ever without."""
    if not (out / NOTE).exists():
        with replacing(out / NOTE) as part:
            part.write_text(json.dumps({**recipe, "sampling": found.sampling}, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """The folder, made if it is not there; what the system says of it and its files is BadInput."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise BadInput(f"{error.filename or folder}: {error.strerror or error}") from error


def _difference(note: str, recipe: dict[str, Any]) -> str | None:
    """What the recipe of a note does not have in common with `recipe`, in words; None where they are the same."""
    try:
        kept, wanted = json.loads(note), json.loads(json.dumps(recipe))
        before, now = kept["encoder"], wanted["encoder"]
        if before["name"] != now["name"]:
            return f"its encoder is {before['name']!r}, not {now['name']!r}"
        for option in sorted({*before["options"], *now["options"]}):
            values = [options.get(option) for options in (before["options"], now["options"])]
            if values[0] != values[1]:
                return f"its {option} is {values[0]!r}, not {values[1]!r}"
        return None if kept["space"] == wanted["space"] else "its weights are others"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{NOTE} in it was not written by this command"
