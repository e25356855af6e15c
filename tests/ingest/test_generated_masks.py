"""Generated 2D masks: their faults are those that were asked for, and they lie on the frames that readers return."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from generated_room import contents, recording, scene, write
from ovstore.cli import main
from ovstore.core import plugins
from ovstore.ingest.files.images import read_image
from ovstore.ingest.generated import mask_folder
from ovstore.ingest.generated.render import render
from ovstore.ingest.generated.spoiled_masks import NO_FAULTS, MaskCounts, MaskFaults, spoiled_masks
from ovstore.models.precomputed.masks.folder import load_frame_masks


def _board(cells: int = 8, pixels: int = 24) -> np.ndarray:
    """A chess board of things, numbered from 0, with a hole."""
    board = np.kron(np.arange(cells * cells, dtype=np.int32).reshape(cells, cells), np.ones((pixels, pixels), np.int32))
    board[:pixels, :pixels] = -1
    return board


def test_without_faults_each_thing_is_its_own_mask() -> None:
    board = _board()
    ids, counts = spoiled_masks(board, NO_FAULTS, np.random.default_rng(0))
    pairs = np.unique(np.stack([board.ravel(), ids.ravel()]), axis=1)
    assert pairs.shape[1] == 64 and len(np.unique(pairs[1])) == 64
    assert (ids == 0).sum() == 24 * 24 and (ids[board < 0] == 0).all()
    assert counts == MaskCounts(things=63, masks=63, large=63)


def test_the_same_seed_makes_the_same_masks() -> None:
    first, second, other = (spoiled_masks(_board(), MaskFaults(), np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert (first == second).all() and (first != other).any()


@pytest.mark.parametrize("fault", ["merged", "missing", "split", "partial", "moved", "resized"])
def test_each_fault_comes_as_often_as_it_is_asked_for(fault: str) -> None:
    faults = MaskFaults(**{**vars(NO_FAULTS), fault: 0.25, "border": 0.01})
    total = sum((spoiled_masks(_board(), faults, np.random.default_rng(k))[1] for k in range(20)), MaskCounts())
    assert getattr(total, fault) / total.things == pytest.approx(0.25, abs=0.04)
    others = {"merged", "missing", "split", "partial", "moved", "resized"} - {fault}
    assert all(getattr(total, name) == 0 for name in others)


def test_merging_and_missing_make_fewer_masks_and_splitting_more() -> None:
    def masks(**share: float) -> int:
        return spoiled_masks(_board(), MaskFaults(**{**vars(NO_FAULTS), **share}), np.random.default_rng(3))[1].masks

    assert masks(missing=1) == 0
    assert masks(split=1) == 2 * 63
    assert masks(partial=1) == 63
    assert masks(merged=1) < 32


def test_moved_and_resized_masks_differ_at_their_borders_alone() -> None:
    board, faults = _board(), MaskFaults(**{**vars(NO_FAULTS), "moved": 1, "resized": 1, "border": 0.01})
    ids, _ = spoiled_masks(board, faults, np.random.default_rng(5))
    exact, _ = spoiled_masks(board, NO_FAULTS, np.random.default_rng(5))
    core = np.zeros(board.shape, bool)
    core.reshape(8, 24, 8, 24)[:, 10:14, :, 10:14] = True
    pairs = np.unique(np.stack([exact[core], ids[core]]), axis=1)
    assert (exact != ids).any() and pairs.shape[1] == 64  # the middle of each thing is still one mask's


def test_an_image_that_shows_nothing_has_no_masks() -> None:
    ids, counts = spoiled_masks(np.full((20, 30), -1, np.int32), MaskFaults(), np.random.default_rng(0))
    assert ids.shape == (20, 30) and not ids.any() and counts == MaskCounts()


@pytest.mark.parametrize("format_name", plugins.names("ingest.generated.formats"))
def test_masks_lie_on_the_images_of_every_format_as_its_reader_returns_them(tmp_path: Path, format_name: str) -> None:
    root = tmp_path / "set"
    write(format_name, root / recording().name)
    plugins.load("ingest.generated.formats", format_name).write_set(root, [recording().name])
    (root / "masks").mkdir()
    counts = mask_folder.write_masks(format_name, root, recording().name, scene(), NO_FAULTS, (1, 0))
    assert counts.masks == counts.things > 0
    dataset = plugins.load("ingest.datasets", format_name)
    options = dataset.Options(**({"frame_stride": 1} if "frame_stride" in vars(dataset.Options) else {}))
    names = dataset.scene_names(root, options)
    assert names == sorted(path.name for path in (root / "masks").iterdir())  # and "masks" is no scene
    frames = dataset.load_scene(root, names[0], options, tmp_path / "unpacked").frames
    readers = load_frame_masks(str(root / "masks"), names[0]).of_frames({f.name: f.image_path.stem for f in frames})
    assert list(readers) == [frame.name for frame in frames]
    to_recording = mask_folder._to_recording(frames, scene().camera_to_world)
    for frame in frames[:8:3]:
        truth = render(scene().geometry, frame.camera, to_recording @ frame.camera_to_world)
        image = read_image(frame.image_path).astype(float)
        shown = image.min(axis=2) > 0  # beyond the edges of what was recorded, lenses saw black
        differences = [np.abs(image - np.roll(truth.rgb, off, axis=1))[shown].mean() for off in (0, -3, 3)]
        assert shown.mean() > 0.7 and differences[0] < 0.8 * min(differences[1:])
        layers = readers[frame.name]().layers
        assert layers.shape == (1, frame.camera.height, frame.camera.width)
        pairs = np.unique(np.stack([truth.instance[layers[0] > 0], layers[0][layers[0] > 0]]), axis=1)
        assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


SMALL = ("--scenes", "2", "--frames", "3", "--color-size", "64", "48", "--depth-size", "32", "24", "--spacing", "0.2",
         "--clutter", "0.2", "--masks")  # fmt: skip


def _generate(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["generate", "rgbd", str(folder), *SMALL, *options])


def test_the_command_writes_masks_and_their_faults_and_replaces_them_by_force(tmp_path: Path) -> None:
    root, again = tmp_path / "scans", tmp_path / "again"
    assert _generate(root, "--seed", "1").exit_code == 0
    assert _generate(again, "--seed", "1", "--workers", "2").exit_code == 0
    assert contents(root) == contents(again)
    truth = json.loads((root / "truth.json").read_text())
    assert truth["mask_faults"] == vars(MaskFaults())
    assert all(scene["masks"]["things"] >= scene["masks"]["missing"] for scene in truth["scenes"])
    made = {path.relative_to(root / "masks").as_posix() for path in (root / "masks").rglob("*.png")}
    assert made == {f"scene000{s}_00/{f:06d}.png" for s in (0, 1) for f in (0, 1, 3)}  # the pose of 2 was lost

    refused = _generate(root, "--seed", "2")
    assert refused.exit_code == 1 and "exist already" in refused.output
    assert _generate(root, "--seed", "2", "--mask-faults", "0", "--force").exit_code == 0
    truth = json.loads((root / "truth.json").read_text())
    assert truth["mask_faults"] == vars(NO_FAULTS)
    assert all(scene["masks"]["masks"] == scene["masks"]["things"] for scene in truth["scenes"])


def test_masks_that_nobody_generated_stay(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "7.png").write_bytes(b"mine")
    refused = _generate(tmp_path, "--force")
    assert refused.exit_code == 1 and "does not belong to a generated set" in refused.output
    assert contents(tmp_path) == {"masks/7.png": b"mine"}


def test_a_negative_rate_is_one_sentence(tmp_path: Path) -> None:
    refused = _generate(tmp_path / "none", "--mask-faults", "-1")
    assert refused.exit_code == 1 and "--mask-faults is -1.0; 0 or more was expected." in refused.output
