"""Every reader, whatever the bytes in a scan: a scene, or one sentence that says what is wrong; nothing else.

Each dataset with a generated format of its name is held to this, file by file.
"""

import io
import json
import os
import re
import resource
import shlex
import shutil
import signal
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import generated_room
import numpy as np
import pytest
from command_line import ovstore
from ovstore.cli._options import from_params, options_of
from ovstore.ingest.checks import check_scene
from ovstore.ingest.generated.recording import Recording, record
from ovstore.ingest.generated.scene import scannet_cameras
from ovstore.ingest.generated.sensor import Sensor
from ovstore.ingest.images import read_depth, read_image
from ovstore.store import catalog, jobs, plugins, verify
from ovstore.store.database import Store
from ovstore.store.errors import BadScene, OvstoreError
from ovstore.store.scene import Scene

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to know its own memory")

DATASETS = sorted({*plugins.names("ingest.datasets")} & {*plugins.names("ingest.generated.formats")})
SECONDS = 10  # a try that takes longer hangs
MEMORY = 500 << 20  # bytes above what the process has already
LONGEST = 600  # letters of a message
FILES = 24  # tried of one dataset, at most
LIES = int(os.environ.get("OVSTORE_TEST_LIES", 48))  # tried of one dataset; thousands look harder

_NUMBER = re.compile(rb"(?<![\w.+-])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
GONE = object()  # a value that is to be left out


class Hang(BaseException):
    """No reader catches this."""


@dataclass(frozen=True)
class Scan:
    """One small scan in a dataset's format, and how it is read."""

    dataset: ModuleType
    root: Path
    name: str
    options: Any
    command: list[str]  # ovstore ingest NAME PATH ...

    def files(self) -> list[Path]:
        """Those to break: of numbered ones the first and the last."""
        alike: dict[str, list[Path]] = {}
        for path in sorted(path for path in self.root.rglob("*") if path.is_file()):
            alike.setdefault(re.sub(r"\d+", "#", str(path.relative_to(self.root))), []).append(path)
        chosen = sorted({path for group in alike.values() for path in (group[0], group[-1])})
        keep = np.random.default_rng(0).permutation(len(chosen))[:FILES]
        return [chosen[i] for i in sorted(keep)]

    def words(self) -> set[str]:
        """What a message about it has one of: the name of the scene, the place of the scans, the name of a file."""
        return {self.name, str(self.root), *(path.name for path in self.root.rglob("*.*"))}

    def take_in(self, unpacked: Path) -> Scene:
        """What ingest reads of it."""
        scene = self.checked(unpacked)
        for frame in scene.frames:
            read_image(frame.image_path)
            if frame.depth_path is not None:
                read_depth(frame.depth_path, frame.depth_scale)
        return scene

    def checked(self, unpacked: Path) -> Scene:
        """The scene before its pictures are looked at."""
        self.dataset.scene_names(self.root, self.options)
        scene: Scene = self.dataset.load_scene(self.root, self.name, self.options, unpacked)
        try:
            return check_scene(scene, self.options)
        except BadScene as error:
            raise BadScene(f"{self.name}: {error}") from error  # as the command line prints it


@cache
def recording(name: str) -> Recording:
    """Four small frames, the third without tracking, and a coarse mesh."""
    cameras = scannet_cameras((96, 72), (96, 72))
    rng = np.random.default_rng(3)
    whole = record(name, generated_room.scene(), cameras, Sensor(), 0.2, 1, rng)
    return replace(whole, frames=whole.frames[3:7])


def scans(dataset: str, root: Path, *names: str) -> list[Scan]:
    """A set of scans in a dataset's format, read with the options that the generated format tells people to give."""
    form, reader = plugins.load("ingest.generated.formats", dataset), plugins.load("ingest.datasets", dataset)
    for name in names:
        (root / name).mkdir(parents=True)
        form.write(root / name, replace(recording(names[0]), name=name))
    form.write_set(root, names)
    command = click.Command(dataset, params=list(options_of(reader.Options)))
    words = shlex.split(form.NEXT.format(path=shlex.quote(str(root))))
    options = from_params(reader.Options, command.make_context(dataset, words[4:]).params)
    return [Scan(reader, root, name, options, words) for name in reader.scene_names(root, options)]


@pytest.fixture(scope="module", params=DATASETS)
def scan(request: pytest.FixtureRequest, quick_folder: Path) -> Iterator[Scan]:
    folder = Path(tempfile.mkdtemp(dir=quick_folder))
    scan = scans(request.param, folder / "scans", "scene0000_00")[0]
    scan.take_in(folder / "unpacked")  # it is sound, and every package that it needs is imported
    yield scan
    shutil.rmtree(folder)


@contextmanager
def held_to_account() -> Iterator[None]:
    """Little memory, little time, and a warning is an error: people would see it."""

    def too_long(*_: object) -> None:
        raise Hang

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, limits[1]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(scan: Scan, read: Callable[[Scan, Path], Scene] = Scan.take_in) -> Scene | OvstoreError | str:
    """A scene, a refusal, or in words what is wrong with the refusal."""
    unpacked = scan.root.parent / f"unpacked-{scan.name}"
    try:
        with held_to_account():
            return read(scan, unpacked)
    except OvstoreError as error:
        return _fault(scan, str(error)) or error
    except (Exception, Hang) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _fault(scan: Scan, said: str) -> str:
    """What people would object to in a message."""
    if "\n" in said or not said.isprintable():
        return f"not one line: {said!r}"
    if len(said) > LONGEST:
        return f"{len(said)} letters: {said}"
    if not any(name in said for name in scan.words()):
        return f"names neither a file nor the scene: {said}"
    return ""


@contextmanager
def broken(path: Path, change: Callable[[Path, bytes], None]) -> Iterator[None]:
    """The file with `change(path, its bytes)` made in its place; put back afterwards."""
    kept = path.with_name(".kept")
    content = path.read_bytes()
    path.rename(kept)
    try:
        change(path, content)
        yield
    finally:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        kept.rename(path)


def missing(path: Path, content: bytes) -> None:
    pass


def empty(path: Path, content: bytes) -> None:
    path.touch()


def half(path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 2])


def garbled(path: Path, content: bytes) -> None:
    rng = np.random.default_rng(len(content))
    changed = bytearray(content)
    for reach in (64, len(content)):
        for place in rng.random(8) * min(reach, len(content)):
            changed[int(place) : int(place) + 1] = rng.bytes(1)
    path.write_bytes(changed)


def noise(path: Path, content: bytes) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(len(content)))


def nul(path: Path, content: bytes) -> None:
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\0" + content[middle:])


def folder(path: Path, content: bytes) -> None:
    path.mkdir()


def pipe(path: Path, content: bytes) -> None:
    os.mkfifo(path)


CHANGES = (missing, empty, half, garbled, noise, nul, folder, pipe)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_is_damaged_makes_a_sentence_or_no_difference(
    scan: Scan, change: Callable[[Path, bytes], None]
) -> None:
    wrong = []
    for path in scan.files():
        with broken(path, change):
            found = outcome(scan)
        if isinstance(found, str):
            wrong.append(f"{path.relative_to(scan.root)}: {found}")
    assert not wrong, "\n".join(wrong)


def text_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """One number of a text, or all of them, replaced by what no reader hopes for."""
    numbers = list(_NUMBER.finditer(content))
    for place in range(6):
        if numbers:
            found = numbers[place if place < min(3, len(numbers)) else int(rng.integers(len(numbers)))]
            lie = (b"2147483648", b"-1", b"NaN", b"9" * 30, b"1e308", b"")[int(rng.integers(6))]
            yield content[: found.start()] + lie + content[found.end() :]
    for lie in (b"2147483648", b"-1", b"0", b"nan", b"1e308"):
        yield _NUMBER.sub(lie, content)


def json_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """One value of a document left out, or replaced by one of another kind."""
    lies = (
        GONE,
        None,
        -1,
        2**31,
        2**63,
        float("nan"),
        1e308,
        "",
        "a\0b",
        "\ud800",
        "../secret",
        "x" * 300,
        [],
        {},
        [[]],
    )
    for lie in lies * 2:
        yield json.dumps(_with(lie, json.loads(content), rng)).encode()


def _with(lie: Any, value: Any, rng: np.random.Generator) -> Any:
    """The value with `lie` somewhere in it, or in its place."""
    if not isinstance(value, dict | list) or not value or (lie is not GONE and rng.random() < 0.15):
        return lie
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[int(rng.integers(len(keys)))]
    value[key] = _with(lie, value[key], rng)
    if value[key] is GONE:
        del value[key]
    return value


def picture_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Another size in the header."""
    for width, height in ((60_000, 60_000), (12_000, 9_000), (0, 0), (7, 11)):
        if content.startswith(b"\x89PNG"):
            head = struct.pack(">II", width, height) + content[24:29]
            yield content[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + content[33:]
        elif found := re.search(rb"\xff[\xc0-\xc2]..\x08", content, re.DOTALL):
            yield content[: found.end()] + struct.pack(">HH", height, width) + content[found.end() + 4 :]


def array_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Another shape, or another kind of value, in the header of a .npy."""
    array = np.load(io.BytesIO(content))
    for shape in ((2**31, *array.shape), (2**31, *array.shape[1:]), (0, *array.shape[1:]), array.shape[1:], (-1, 4)):
        yield _npy(shape, array.dtype.str, array.tobytes())
    for kind in ("|O", "<U9", "<c16", "|b1", "<f2"):
        yield _npy(array.shape, kind, array.tobytes())
    for value in (np.nan, np.inf, -1, 2**31 - 1, 0):
        with np.errstate(invalid="ignore"):
            yield _npy(array.shape, array.dtype.str, np.full(array.shape, value).astype(array.dtype).tobytes())


def _npy(shape: tuple[int, ...], kind: str, values: bytes) -> bytes:
    head = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + values


def binary_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """A count or a number that cannot be, near the beginning or anywhere."""
    for reach in (16, 64, 256, len(content)):
        for lie in (struct.pack("<Q", 1 << 31), b"\xff" * 8, bytes(8), struct.pack("<d", np.nan), b"\0\0\xc0\x7f" * 2):
            place = int(rng.integers(max(min(reach, len(content)) // 4, 1))) * 4
            yield content[:place] + lie + content[place + 8 :]


def lies(path: Path, content: bytes) -> list[bytes]:
    """What a file may claim that is not so."""
    rng = np.random.default_rng(len(content))
    if path.suffix == ".json":
        return [*json_lies(content, rng), *text_lies(content, rng)]
    if path.suffix == ".npy":
        return list(array_lies(content, rng))
    if path.suffix == ".ply":
        head, end, body = content.partition(b"end_header\n")
        return [lie + end + body for lie in text_lies(head, rng)] + [head + end + lie for lie in binary_lies(body, rng)]
    if path.suffix in (".png", ".jpg"):
        return list(picture_lies(content, rng))
    return list((text_lies if _is_text(content) else binary_lies)(content, rng))


def _is_text(content: bytes) -> bool:
    return b"\0" not in content and content.isascii()


def test_what_a_file_claims_takes_neither_memory_nor_time(scan: Scan) -> None:
    wrong = []
    for path in scan.files():
        claims = lies(path, path.read_bytes())
        chosen = np.random.default_rng(0).permutation(len(claims))[: max(3, LIES // len(scan.files()))]
        for number in chosen.tolist():
            with broken(path, lambda path, _, claim=claims[number]: path.write_bytes(claim)):
                found = outcome(scan)
            if isinstance(found, str):
                wrong.append(f"{path.relative_to(scan.root)}, {number}: {found}")
    assert not wrong, "\n".join(wrong)


def test_a_link_that_leads_out_is_refused_or_as_good_as_no_file(scan: Scan, tmp_path: Path) -> None:
    wrong = []
    for path in scan.files():
        with broken(path, missing):
            without = outcome(scan)
        with broken(path, lambda path, content: _link_to_a_copy(path, content, tmp_path)):
            found = outcome(scan)
        if path.parent != scan.root and not _same(found, without) and "--follow-links" not in str(found):
            wrong.append(f"{path.relative_to(scan.root)}: {found if isinstance(found, str) else 'read'}")
    assert not wrong, "\n".join(wrong)


def _link_to_a_copy(path: Path, content: bytes, elsewhere: Path) -> None:
    (elsewhere / path.name).write_bytes(content)
    path.symlink_to(elsewhere / path.name)


def _same(one: Scene | OvstoreError | str, other: Scene | OvstoreError | str) -> bool:
    """Whether both are a scene of these frames and points, or both are none."""
    if not isinstance(one, Scene) or not isinstance(other, Scene):
        return type(one) is type(other)
    return (
        [frame.name for frame in one.frames] == [frame.name for frame in other.frames]
        and np.array_equal(one.points.xyz, other.points.xyz)
        and one.points.label_names == other.points.label_names
        and (one.findings, one.split) == (other.findings, other.split)
    )


@pytest.mark.parametrize("dataset", DATASETS)
def test_of_a_refused_scene_nothing_is_stored_and_its_neighbour_goes_in(
    dataset: str, store: Store, quick_folder: Path
) -> None:
    root = Path(tempfile.mkdtemp(dir=quick_folder)) / "scans"
    bad, *_, good = scans(dataset, root, "scene0000_00", "scene0001_00")
    for path, change in _spoilers(bad, good):
        with broken(path, change):
            options = ("--encoder", "color_words", "--scene", bad.name, "--scene", good.name)
            result = ovstore(store, *bad.command[1:], *options)
        assert result.exit_code == 1, result.output
        assert f"{bad.name}  failed: " in result.stdout and " 1 failed." in result.stdout
        assert [scene.name for scene in catalog.scenes(store)] == [good.name]
        assert [scene.scene for scene in catalog.feature_sets(store)] == [good.name]
        assert [job.scene for job in jobs.failed(store)] == [bad.name]
        assert verify.orphans(store) == []


def _spoilers(bad: Scan, good: Scan) -> list[tuple[Path, Callable[[Path, bytes], None]]]:
    """A change that is met when a scan is read, and one that is met in its pictures; `good` knows of neither."""
    found: dict[str, tuple[Path, Callable[[Path, bytes], None]]] = {}
    for path in bad.files():
        for change in (missing, half):
            with broken(path, change):
                if not isinstance(outcome(bad), Scene) and isinstance(outcome(good), Scene):
                    stage = "pictures" if isinstance(outcome(bad, Scan.checked), Scene) else "scan"
                    found.setdefault(stage, (path, change))
        if len(found) == 2:
            break
    assert "scan" in found
    return list(found.values())
