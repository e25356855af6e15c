"""`ovstore extract`: one file per image, whole or not there, of one recipe; and what people see of it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import lseg_file
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from limits import full_disk
from ovstore.cli import main
from ovstore.core import file_locks
from ovstore.core.features import EmbeddingSpace, FeatureMap
from ovstore.drawing.feature_colours import main_directions, sample
from ovstore.drawing.preview import MOST_LABELS, Labels, legend_of, nearest_label, preview
from ovstore.ingest.extraction.feature_files import read_features, write_features
from ovstore.ingest.extraction.feature_tensor import write_tensor
from ovstore.ingest.files.images import read_image
from ovstore.ingest.fusion.sampling_weights import Grid, cells
from ovstore.models.encoders import color_words
from ovstore.models.lseg.checkpoint import read_lseg
from PIL import Image
from torch.nn import functional as F

SPACE = EmbeddingSpace("random", 5, "")


def extract(*arguments: object, encoder: str = "color_words") -> Result:
    return CliRunner().invoke(main, ["extract", *map(str, arguments), "--encoder", encoder])


def painted(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Coarse patches of random colours."""
    patches = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST))


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three of different sizes, one of them in a folder of its own."""
    folder = tmp_path / "photos"
    (folder / "kitchen").mkdir(parents=True)
    for seed, (name, size) in enumerate({"a.png": (24, 32), "b.jpg": (30, 20), "kitchen/a.png": (16, 16)}.items()):
        Image.fromarray(painted(*size, seed)).save(folder / name)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "features"


def random_map(height: int, width: int, sampling: str) -> FeatureMap:
    values = np.random.default_rng(0).standard_normal((height, width, SPACE.dim)).astype(np.float16)
    return FeatureMap(SPACE, values, sampling)  # type: ignore[arg-type]


# Files


def test_what_a_killed_extraction_left_is_removed_by_the_next(pictures: Path, out: Path) -> None:
    (out / "kitchen").mkdir(parents=True)
    for left in (".a.npy.0123abcd.part", "kitchen/.a.npy.0123abcd.part", ".notes.part"):
        (out / left).write_bytes(b"half")
    assert extract(pictures, out).exit_code == 0
    assert files_in(out) == [".notes.part", "a.npy", "b.npy", "extract.json", "kitchen/a.npy"]


def test_what_another_extraction_is_writing_stays(pictures: Path, out: Path) -> None:
    out.mkdir()
    (out / ".a.npy.0123abcd.part").write_bytes(b"half")
    other = os.open(out, os.O_RDONLY)
    try:
        assert file_locks.take(other, shared=True)
        assert extract(pictures, out).exit_code == 0
    finally:
        os.close(other)
    assert ".a.npy.0123abcd.part" in files_in(out)


def test_folders_are_kept_and_npy_is_the_encoders_own_map(pictures: Path, out: Path) -> None:
    result = extract(pictures, out)
    assert result.exit_code == 0, result.output
    assert files_in(out) == ["a.npy", "b.npy", "extract.json", "kitchen/a.npy"]
    encode = color_words.load_image_encoder(color_words.Options())
    for name in ("a.png", "b.jpg", "kitchen/a.png"):
        [expected] = encode([read_image(pictures / name)])
        found = np.load((out / name).with_suffix(".npy"))
        assert found.dtype == np.float16
        np.testing.assert_array_equal(found, expected.values)


@pytest.mark.parametrize("form", ["npy", "pt", "parquet"])
def test_the_same_picture_is_the_same_file(pictures: Path, tmp_path: Path, form: str) -> None:
    together, alone = tmp_path / "together", tmp_path / "alone"
    assert extract(pictures, together, "--format", form).exit_code == 0
    assert extract(pictures / "b.jpg", alone, "--format", form).exit_code == 0
    assert (together / f"b.{form}").read_bytes() == (alone / f"b.{form}").read_bytes()


@pytest.mark.parametrize("sampling", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [(6, 8), (13, 31), (3, 5)])
def test_a_tensor_holds_what_each_pixel_samples(tmp_path: Path, sampling: str, size: tuple[int, int]) -> None:
    height, width = size
    found = random_map(6, 8, sampling)
    write_features(tmp_path / "a.pt", found, height, width)
    tensor = torch.load(tmp_path / "a.pt", weights_only=True)
    assert (tensor.dtype, tuple(tensor.shape), tensor.device.type) == (torch.half, (5, height, width), "cpu")
    v, u = np.mgrid[:height, :width]
    cell, weight = cells(Grid(6, 8, height, width, sampling == "bilinear"), np.stack([u.ravel(), v.ravel()], axis=1))
    expected = (found.values.reshape(-1, 5)[cell].astype(np.float32) * weight[:, :, None]).sum(axis=1)
    np.testing.assert_allclose(tensor.permute(1, 2, 0).reshape(-1, 5), expected, atol=2e-3)


def test_a_tensor_that_does_not_fit_into_memory_is_the_same(tmp_path: Path) -> None:
    found = random_map(6, 8, "bilinear")
    write_tensor(tmp_path / "a.pt", found, 40, 50)
    write_tensor(tmp_path / "b.pt", found, 40, 50, in_memory=0, at_once=4000)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_parquet_is_a_row_a_cell_that_duckdb_reads(tmp_path: Path) -> None:
    found = random_map(2, 3, "nearest")
    write_features(tmp_path / "a.parquet", found, 20, 60)
    rows = duckdb.sql(f"SELECT u, v, vector FROM '{tmp_path}/*.parquet'").fetchall()
    assert [row[:2] for row in rows] == [(u, v) for v in (4.5, 14.5) for u in (9.5, 29.5, 49.5)]
    np.testing.assert_array_equal(np.array([row[2] for row in rows]), found.values.reshape(-1, 5))


@pytest.mark.parametrize("form", ["npy", "pt", "parquet"])
def test_what_was_written_reads_back_thinned_out_at_most(tmp_path: Path, form: str) -> None:
    found = random_map(6, 9, "nearest")
    write_features(tmp_path / f"a.{form}", found, 6, 9)
    np.testing.assert_array_equal(read_features(tmp_path / f"a.{form}", 9), found.values)
    np.testing.assert_array_equal(read_features(tmp_path / f"a.{form}", 5), found.values[::2, ::2])


def test_lseg_writes_the_numbers_of_the_original_extraction(tmp_path: Path, out: Path) -> None:
    """lseg_feature_extraction.py retold: pictures at their own size, both mirror images added, C first."""
    lseg_file.save(tmp_path / "demo_e200.ckpt")
    (tmp_path / "frames").mkdir()
    for name, size in (("0", (36, 48)), ("20", (48, 30))):
        Image.fromarray(painted(*size)).save(tmp_path / "frames" / f"{name}.png")
    result = extract(
        tmp_path / "frames", out, "--weights", tmp_path / "demo_e200.ckpt", "--mode", "openscene", "--no-unit",
        "--format", "pt", encoder="lseg",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    network = read_lseg(tmp_path / "demo_e200.ckpt").network()
    for name in ("0", "20"):
        image = np.asarray(Image.open(tmp_path / "frames" / f"{name}.png"))
        height, width = image.shape[:2]
        pixels = (torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255 - 0.5) / 0.5
        doubled = F.interpolate(pixels[None], size=(2 * height, 2 * width), mode="bilinear", align_corners=True)
        square = F.pad(doubled, (0, 96 - 2 * width, 0, 96 - 2 * height), value=-1.0)
        with torch.inference_mode():
            expected = (network(square) + network(square.flip(3)).flip(3))[0, :, :height, :width]
        found = torch.load(out / f"{name}.pt", weights_only=True)
        assert (found.dtype, found.shape) == (torch.half, expected.shape)
        torch.testing.assert_close(found.float(), expected, atol=2e-3, rtol=0)


# Whole or not there


def test_what_is_there_is_left_alone_without_loading_the_network(
    pictures: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(pictures, out)
    (out / "b.npy").unlink()
    before = (out / "a.npy").stat().st_mtime_ns
    assert extract(pictures, out).stdout.splitlines() == [
        f"{pictures}/b.jpg  7x5x13",
        "1 written, 2 already existed, 0 failed.",
    ]
    assert (out / "a.npy").stat().st_mtime_ns == before
    monkeypatch.delattr(color_words, "load_image_encoder")
    assert extract(pictures, out, "--preview").stdout == "0 written, 3 already existed, 0 failed.\n"
    assert "kitchen/a.preview.jpg" in files_in(out)


def test_a_killed_run_leaves_no_half_file_and_the_next_goes_on(pictures: Path, out: Path) -> None:
    script = (
        "import os, sys, ovstore.core.files as files; moves = []; move = os.replace\n"
        "def replace(*paths):\n"
        "    moves.append(paths)\n"
        "    os.kill(os.getpid(), 9) if len(moves) == 3 else move(*paths)\n"
        "files.os.replace = replace\n"
        "from ovstore.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, "extract", str(pictures), str(out), "--encoder", "color_words"]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    kept = [name for name in files_in(out) if not name.endswith(".part")]
    assert kept == ["a.npy", "extract.json"]
    assert extract(pictures, out).stdout.endswith("2 written, 1 already existed, 0 failed.\n")


def test_a_disk_that_is_full_ends_the_run_in_one_sentence(pictures: Path, out: Path) -> None:
    with full_disk(500):
        result = extract(pictures, out)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {out}/a.npy cannot be written: File too large.\n"
    assert files_in(out) == ["extract.json"]


@pytest.mark.parametrize(
    ("more", "encoder", "difference"),
    [
        (["--patch", 2], "color_words", "its patch is 4, not 2"),
        ([], "tiny", "its encoder is 'color_words', not 'tiny'"),
    ],
)
def test_features_of_another_recipe_are_refused_or_replaced(
    pictures: Path, out: Path, more: list[object], encoder: str, difference: str
) -> None:
    extract(pictures, out, "--preview")
    before = (out / "a.npy").read_bytes()
    result = extract(pictures, out, *more, encoder=encoder)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {out} contains features of another recipe: {difference}. "
        "Choose another folder, or extract these images again with --again.\n"
    )
    assert (out / "a.npy").read_bytes() == before
    assert extract(pictures, out, *more, "--again", encoder=encoder).exit_code == 0
    assert (out / "a.npy").read_bytes() != before
    assert files_in(out) == ["a.npy", "b.npy", "extract.json", "kitchen/a.npy"]  # nor a preview of what was there
    assert json.loads((out / "extract.json").read_text())["encoder"]["name"] == encoder


def test_files_of_unknown_origin_are_never_taken_for_ours(pictures: Path, out: Path) -> None:
    (out / "older").mkdir(parents=True)
    (out / "older/z.pt").write_bytes(b"of somebody else")
    for more in ([], ["--again"]):
        result = extract(pictures, out, *more)
        assert result.stderr.startswith(f"Error: {out}/older/z.pt exists, but no extract.json records how it was made")
    (out / "extract.json").write_text("[]")
    assert "extract.json in it was not written by this command" in extract(pictures, out).stderr
    assert files_in(out) == ["extract.json", "older/z.pt"]


def test_a_folder_never_holds_two_recipes(pictures: Path, out: Path) -> None:
    extract(pictures, out)
    result = extract(pictures / "b.jpg", out, "--again", "--patch", 8)
    assert result.stderr == (
        f"Error: {out} contains features of another recipe: its patch is 4, not 8; also features of other images. "
        "Choose another folder.\n"
    )
    assert len(files_in(out)) == 4


# The words people see


def test_one_bad_picture_does_not_stop_the_others(pictures: Path, out: Path) -> None:
    (pictures / "aa.jpg").write_bytes(b"no picture")
    (pictures / "odd\n\x1b[31m.png").write_bytes(b"")
    result = extract(pictures, out, "--preview")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{pictures}/a.png  6x8x13",
        f"{pictures}/b.jpg  7x5x13",
        f"{pictures}/kitchen/a.png  4x4x13",
        "3 written, 0 already existed, 2 failed.",
    ]
    assert [line for line in result.stderr.splitlines() if "  failed: " in line] == [
        f"{pictures}/aa.jpg  failed: cannot be read as an image: its format is unknown",
        f"{pictures}/odd\\n\\x1b[31m.png  failed: cannot be read as an image: its format is unknown",
    ]
    documents = json.loads(extract(pictures, out, "--preview", "--json").stdout)
    by_name = {document["picture"].removeprefix(f"{pictures}/"): document for document in documents}
    assert by_name["aa.jpg"]["failed"] == "cannot be read as an image: its format is unknown"
    assert by_name["kitchen/a.png"]["preview"] == f"{out}/kitchen/a.preview.jpg"
    assert len(documents) == 5


def test_a_preview_that_cannot_be_drawn_is_told(pictures: Path, out: Path) -> None:
    extract(pictures, out)
    np.save(out / "b.npy", np.zeros(3))
    result = extract(pictures, out, "--preview")
    assert result.exit_code == 1
    assert f"{pictures}/b.jpg  failed: {out}/b.npy: float64 of shape (3,) are not features" in result.stderr
    assert (out / "a.preview.jpg").exists()


def test_previews_inside_of_the_folder_of_pictures_are_no_pictures(pictures: Path) -> None:
    for _ in range(2):
        assert extract(pictures, pictures / "made", "--preview").exit_code == 0
    assert len([name for name in files_in(pictures / "made") if name.endswith(".npy")]) == 3


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda folder: (folder / "a.webp").write_bytes(b""), "would both become a.*; rename one"),
        (lambda folder: [path.unlink() for path in folder.rglob("*.*")], "No images in"),
    ],
)
def test_folders_that_make_no_sense_are_one_sentence(pictures: Path, out: Path, prepare, said: str) -> None:  # type: ignore[no-untyped-def]
    prepare(pictures)
    result = extract(pictures, out)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert said in result.stderr
    assert not out.exists()
    assert "is the folder of the images" in extract(out.parent, out.parent).stderr


@pytest.mark.parametrize(
    ("labels", "said"),
    [("grass, red", "'grass' is not a colour name;"), (" ,,", "words separated by commas were expected")],
)
def test_labels_are_judged_before_any_picture(pictures: Path, out: Path, labels: str, said: str) -> None:
    result = extract(pictures, out, "--labels", labels)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert said in result.stderr
    assert not out.exists()


# Previews


def test_labels_ask_for_a_preview_and_are_taken_once_each(pictures: Path, tmp_path: Path) -> None:
    drawn = []
    for number, labels in enumerate((" red,, dark  green ,RED,blue", "red,dark green,blue", "red,blue")):
        assert extract(pictures, tmp_path / f"{number}", "--labels", labels).exit_code == 0
        drawn.append((tmp_path / f"{number}" / "b.preview.jpg").read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_equal_vectors_have_equal_colours_in_all_pictures() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.standard_normal((9, 7, 6)).astype(np.float16) for _ in range(2))
    second[3, 3] = first[2, 2] * np.float16(2)  # unit vectors count
    directions = main_directions([sample(first), sample(second)])
    assert (directions.colours(first)[2, 2] == directions.colours(second)[3, 3]).all()
    assert directions.colours(first).std(axis=(0, 1)).min() > 20


@pytest.mark.parametrize("values", [np.zeros((4, 4, 6)), np.ones((4, 4, 2)), np.full((1, 1, 6), np.nan)])
def test_features_that_do_not_differ_have_a_colour_too(values: np.ndarray) -> None:
    values = values.astype(np.float16)
    assert main_directions([sample(values)]).colours(values).shape == (*values.shape[:2], 3)


def test_a_pixel_has_the_label_with_the_largest_cosine() -> None:
    labels = Labels(("left", "right", "nowhere"), np.eye(3, dtype=np.float32), ((1, 0, 0), (2, 0, 0), (3, 0, 0)))
    values = np.zeros((2, 4, 3), np.float16)
    values[:, :1, 0], values[:, 1:, 1] = 3, 0.5
    values[..., 2] = 0.1
    nearest = nearest_label(values, labels, (8, 4), "nearest")
    assert nearest.shape == (4, 8)
    assert (nearest[:, :2] == 0).all() and (nearest[:, 2:] == 1).all()
    assert legend_of(nearest, labels) == [("right 75 %", (2, 0, 0)), ("left 25 %", (1, 0, 0))]


def test_a_legend_names_the_largest_areas_and_counts_the_others() -> None:
    count = MOST_LABELS + 3
    labels = Labels([str(i) for i in range(count)], np.eye(count, dtype=np.float32), [(i, i, i) for i in range(count)])
    entries = legend_of(np.repeat(np.arange(count), np.arange(1, count + 1))[None], labels)
    assert len(entries) == MOST_LABELS + 1
    assert entries[0][0].startswith(f"{count - 1} ")
    assert entries[-1][0] == "and 3 smaller ones"


@pytest.mark.parametrize("size", [(48, 64), (64, 20), (20, 200), (1, 1)])
def test_a_preview_is_of_any_picture_and_stays_small(size: tuple[int, int]) -> None:
    values = random_map(*(max(1, side // 4) for side in size), "bilinear").values
    labels = Labels(["a very long name " * 30, "雪", "c\nd"], np.eye(3, 5, dtype=np.float32), [(9, 9, 9)] * 3)
    sheet = preview("x" * 200, painted(*size), values, "bilinear", main_directions([sample(values)]), labels)
    assert max(sheet.size) < 1600
    assert min(sheet.size) > 100
