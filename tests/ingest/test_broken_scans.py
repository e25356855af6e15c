"""Every reader, whatever the bytes in a scan: a scene, or one sentence that says what is wrong; nothing else.

Each dataset with a generated format of its name is held to this, file by file.
"""

import codecs
import os
import re
import resource
import shlex
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import generated_room
import numpy as np
import pytest
from broken_files import CHANGES, Change, broken, half, lies, missing
from command_line import ovstore
from ovstore.cli._options.from_dataclass import named_fields, options_of
from ovstore.core import plugins
from ovstore.core.errors import BadScene, OvstoreError
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.ingest.generated.recording import Recording, record
from ovstore.ingest.generated.scene import scannet_cameras
from ovstore.ingest.generated.sensor import Sensor
from ovstore.store.catalog import catalog, jobs
from ovstore.store.maintain import verify
from ovstore.store.postgres.database import Database

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to know its own memory")

DATASETS = sorted({*plugins.names("ingest.datasets")} & {*plugins.names("ingest.generated.formats")})
SECONDS = 10  # a try that takes longer hangs
MEMORY = 500 << 20  # bytes above what the process has already
TEXTS = {".txt", ".json", ".csv", ".tsv", ".traj", ".pincam", ".conf", ".house", ".obj", ".log"}
LONGEST = 600  # letters of a message
FILES = 24  # tried of one dataset, at most
LIES = int(os.environ.get("OVSTORE_TEST_LIES", 36))  # tried of one dataset; thousands look harder


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
        self.dataset.scene_names(self.root, self.options)
        scene: Scene = self.dataset.load_scene(self.root, self.name, self.options, unpacked)
        try:
            scene = check_scene(scene, self.options)
        except BadScene as error:
            raise BadScene(f"{self.name}: {error}") from error  # as the command line prints it
        for frame in scene.frames:
            read_image(frame.image_path)
            if frame.depth_path is not None:
                read_depth(frame.depth_path, frame.depth_scale)
        return scene


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
    options = reader.Options(**named_fields(reader.Options, command.make_context(dataset, words[4:]).params))
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


def outcome(scan: Scan) -> Scene | OvstoreError | str:
    """A scene, a refusal, or in words what is wrong with the refusal."""
    unpacked = scan.root.parent / f"unpacked-{scan.name}"
    try:
        with held_to_account():
            return scan.take_in(unpacked)
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


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_that_is_damaged_makes_a_sentence_or_no_difference(scan: Scan, change: Change) -> None:
    wrong = []
    for path in scan.files():
        with broken(path, change):
            found = outcome(scan)
        if isinstance(found, str):
            wrong.append(f"{path.relative_to(scan.root)}: {found}")
    assert not wrong, "\n".join(wrong)


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


def test_what_macos_leaves_beside_files_makes_no_difference(scan: Scan, tmp_path: Path) -> None:
    plain = outcome(scan)
    root = tmp_path / "scans"
    shutil.copytree(scan.root, root)
    for path in list(root.rglob("*")):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    shutil.copytree(scan.root, root / "__MACOSX")
    copied = replace(scan, root=root)
    assert copied.dataset.scene_names(root, scan.options) == scan.dataset.scene_names(scan.root, scan.options)
    assert _same(outcome(copied), plain) and isinstance(plain, Scene)


def test_a_byte_order_mark_makes_no_difference(scan: Scan, tmp_path: Path) -> None:
    """Editors of Windows write one before the first line of every text."""
    plain = outcome(scan)
    root = tmp_path / "scans"
    shutil.copytree(scan.root, root)
    for path in root.rglob("*"):
        if path.suffix in TEXTS and not path.is_symlink():
            path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    marked = replace(scan, root=root)
    assert marked.dataset.scene_names(root, scan.options) == scan.dataset.scene_names(scan.root, scan.options)
    assert _same(outcome(marked), plain) and isinstance(plain, Scene)


@pytest.mark.parametrize("name", ["x" * 300, "é" * 200, "x" * 250, "../x", "..", "", "a\0b", "x" * 5000])
def test_a_name_that_no_folder_can_have_is_a_sentence(scan: Scan, tmp_path: Path, name: str) -> None:
    with pytest.raises(OvstoreError) as told:
        scan.dataset.load_scene(scan.root, name, scan.options, tmp_path)
    assert len(str(told.value)) < LONGEST


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
    dataset: str, store: Database, quick_folder: Path
) -> None:
    root = Path(tempfile.mkdtemp(dir=quick_folder)) / "scans"
    bad, *_, good = scans(dataset, root, "scene0000_00", "scene0001_00")
    spoilers = list(_spoilers(bad, good))
    assert spoilers
    for path, change in spoilers:
        with broken(path, change):
            options = ("--encoder", "color_words", "--scene", bad.name, "--scene", good.name)
            result = ovstore(store, *bad.command[1:], *options)
        assert result.exit_code == 1, result.output
        assert f"{bad.name}  failed: " in result.stderr and " 1 failed." in result.stdout
        assert [scene.name for scene in catalog.scenes(store)] == [good.name]
        assert [scene.scene for scene in catalog.feature_sets(store)] == [good.name]
        assert [job.scene for job in jobs.failed(store)] == [bad.name]
        assert verify.orphans(store) == []


def _spoilers(bad: Scan, good: Scan) -> Iterator[tuple[Path, Change]]:
    """A file to take away, which is met when a scan is read, and a picture to cut in half; `good` knows of neither."""
    pictures = [path for path in bad.files() if path.suffix in (".jpg", ".png")]
    for paths, change in ((bad.files(), missing), (pictures, half)):
        yield from islice(((path, change) for path in paths if _spoils(path, change, bad, good)), 1)


def _spoils(path: Path, change: Change, bad: Scan, good: Scan) -> bool:
    with broken(path, change):
        return not isinstance(outcome(bad), Scene) and isinstance(outcome(good), Scene)
