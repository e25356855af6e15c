"""Every importer, on a scan of its format: cameras, points and pictures agree, and the store takes it in."""

import shlex
from pathlib import Path

import generated_room
import numpy as np
import pytest
from command_line import ovstore
from ovstore.core import plugins
from ovstore.core.scene import Frame, Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.ingest.fusion.visibility import correspond
from ovstore.ingest.generated.folder import FolderOptions, generate_set
from ovstore.store.postgres.database import Database

pytest.importorskip("embreex", reason="needs the extra 'generate'")

NAMES = plugins.names("ingest.datasets")
FORMATS = "ingest.generated.formats"
DOCS = Path(__file__).parents[2] / "docs/datasets.md"
SMALL = FolderOptions(frames=5, color_size=(96, 72), depth_size=(96, 72), spacing=0.1, clutter=0.3)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """name -> a folder of one generated scan in that format, made once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name) / "scans"
            generate_set(name, made[name], 1, 4, SMALL)
        return made[name]

    return folder


def _arguments(name: str, root: Path) -> list[str]:
    """What `ovstore generate NAME` says comes next, after the word ovstore."""
    program, *arguments = shlex.split(plugins.load(FORMATS, name).NEXT.format(path=shlex.quote(str(root))))
    assert program == "ovstore" and arguments[:2] == ["ingest", name]
    return arguments


def _options(name: str, root: Path):  # type: ignore[no-untyped-def]
    """The dataset's Options as that command has them."""
    options = plugins.load("ingest.datasets", name).Options
    words = _arguments(name, root)[3:]
    given = {flag[2:].replace("-", "_"): value for flag, value in zip(words[::2], words[1::2], strict=True)}
    kinds = {key: type(getattr(options(), key)) for key in given}
    return options(**{key: kinds[key](value) for key, value in given.items()})


@pytest.fixture(scope="module")
def scene_of(scans, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """name -> the first scene of that scan, loaded and checked once."""
    loaded: dict[str, Scene] = {}

    def scene(name: str) -> Scene:
        if name not in loaded:
            dataset, root = plugins.load("ingest.datasets", name), scans(name)
            options = _options(name, root)
            first = dataset.scene_names(root, options)[0]
            loaded[name] = check_scene(dataset.load_scene(root, first, options, tmp_path_factory.mktemp("unpacked")))
        return loaded[name]

    return scene


@pytest.mark.parametrize("name", NAMES)
def test_there_are_generated_scans_of_it(name: str) -> None:
    assert name in plugins.names(FORMATS)


@pytest.mark.parametrize("name", NAMES)
def test_equal_recordings_make_equal_bytes(name: str, tmp_path: Path) -> None:
    made = []
    for root in (tmp_path / "one", tmp_path / "other"):
        generated_room.write(name, root / "scene0000_00")
        plugins.load(FORMATS, name).write_set(root, ["scene0000_00"])
        made.append(generated_room.contents(root))
    assert made[0] == made[1]
    assert sum(map(len, made[0].values())) > 10_000


@pytest.mark.parametrize("name", NAMES)
def test_cameras_are_finite_and_proper_and_pictures_are_as_large_as_they_say(name: str, scene_of) -> None:  # type: ignore[no-untyped-def]
    for frame in scene_of(name).frames:
        rotation = frame.camera_to_world[:3, :3]
        assert np.isfinite(frame.camera_to_world).all()
        assert np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-3) and np.linalg.det(rotation) > 0
        assert frame.camera_to_world[3].tolist() == [0, 0, 0, 1]
        assert read_image(frame.image_path).shape == (frame.camera.height, frame.camera.width, 3)
        if frame.depth_path is not None and frame.depth_camera is not None:
            depth = read_depth(frame.depth_path, frame.depth_scale)
            assert depth.shape == (frame.depth_camera.height, frame.depth_camera.width)


@pytest.mark.parametrize("name", NAMES)
def test_points_project_into_the_frames_that_claim_to_see_them(name: str, scene_of) -> None:  # type: ignore[no-untyped-def]
    scene: Scene = scene_of(name)
    seen_by = np.zeros(len(scene.points), int)
    for position, frame in enumerate(scene.frames):
        seen = correspond(scene.points.xyz, frame, position, _depth(frame))
        seen_by[seen.point_index] += 1
        homogeneous = np.c_[scene.points.xyz[seen.point_index], np.ones(len(seen))]
        x, y, z, _ = np.linalg.inv(frame.camera_to_world) @ homogeneous.T
        camera = frame.camera
        assert (z > 0).all()
        assert np.allclose(seen.uv, np.c_[camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], atol=0.01)
        assert (seen.uv > -0.51).all() and (seen.uv < np.array([camera.width, camera.height]) - 0.49).all()
    assert (seen_by > 0).mean() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_points_have_the_colours_of_the_pixels_that_show_them(name: str, scene_of) -> None:  # type: ignore[no-untyped-def]
    """Wrong axes, poses, intrinsics or lenses all end here."""
    scene: Scene = scene_of(name)
    if scene.points.rgb is None:
        pytest.skip("its points have no colours")
    right, wrong = [], []
    for position, frame in enumerate(scene.frames):
        seen = correspond(scene.points.xyz, frame, position, _depth(frame))
        column, row = np.rint(seen.uv).astype(int).T
        pixels = read_image(frame.image_path)[row, column].astype(float)
        colours = scene.points.rgb[seen.point_index].astype(float)
        right.append(np.abs(pixels - colours).mean(axis=1))
        wrong.append(np.abs(pixels - np.roll(colours, len(colours) // 2, axis=0)).mean(axis=1))
    assert np.median(np.concatenate(right)) < 0.6 * np.median(np.concatenate(wrong))


@pytest.mark.parametrize("name", NAMES)
def test_the_command_of_generate_takes_it_in_and_twice_is_up_to_date(name: str, scans, store: Database) -> None:  # type: ignore[no-untyped-def]
    arguments = [*_arguments(name, scans(name)), "--encoder", "color_words"]
    first, second = ovstore(store, *arguments), ovstore(store, *arguments)
    assert first.exit_code == 0, first.output
    assert " 0 up to date, 0 failed." in first.stdout
    assert second.stdout.endswith("0 failed.\n") and "0 ingested" in second.stdout


@pytest.mark.parametrize("name", NAMES)
def test_it_has_its_line_in_the_table_of_formats(name: str) -> None:
    assert f"`ovstore ingest {name} " in DOCS.read_text(encoding="utf-8")


def _depth(frame: Frame):  # type: ignore[no-untyped-def]
    return None if frame.depth_path is None else read_depth(frame.depth_path, frame.depth_scale)
