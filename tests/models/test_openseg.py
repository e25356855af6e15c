"""OpenSeg: pictures reach its square network and come back as one grid; the SavedModel runs in a process of its own."""

import importlib.util
import io
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import openseg_file
import pytest
import torch
from lseg_file import values_of
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadWeights, MissingPackage
from ovstore.ingest.fusion.sampling_weights import Grid, cells
from ovstore.models.encoders import openseg
from ovstore.models.openclip.text import openai_text_tower
from ovstore.models.openseg.maps import of_picture_size, of_separate_tiles, picks, shares, tiled, unit_in_place
from ovstore.models.openseg.network import VARIABLE, Network
from ovstore.models.openseg.signature import PIXELS, REGIONS, read_saved_model
from PIL import Image

SIDE = 64  # of the square that the networks here see; 640 in the original


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


class Colours:
    """A network that gives each pixel its own colour, and keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, encoded: bytes) -> NDArray[np.float16]:
        self.seen.append(encoded)
        pixels = np.asarray(Image.open(io.BytesIO(encoded)))
        scale = SIDE / max(pixels.shape[:2])
        rows, columns = (np.arange(max(1, int(size * scale))) / scale for size in pixels.shape[:2])
        return pixels[rows.astype(int)[:, None], columns.astype(int)].astype(np.float16)


# The grid over a picture


@pytest.mark.parametrize(
    ("size", "wanted", "first", "last"),
    [
        (480, 240, [0, 2, 4, 6, 8, 10], [473, 475, 477, 479]),
        (640, 320, [0, 2, 4], [633, 635, 637, 639]),
        (640, 800, [0, 1, 2, 2, 3, 4, 5, 6], [639]),
        (360, 450, [0], [356, 357, 357, 358, 359]),
    ],
)
def test_pixels_are_picked_as_tensorflow_1_aligns_corners(size, wanted, first, last) -> None:
    found = picks(size, wanted).tolist()
    assert (len(found), found[: len(first)], found[-len(last) :]) == (wanted, first, last)


def test_a_pixel_of_scannet_is_looked_up_where_openscene_does() -> None:
    network_pixels = np.stack(np.mgrid[:480, :640], axis=-1).astype(np.float16)  # each its own row and column
    values = of_picture_size(picture(240, 320), lambda encoded: network_pixels)
    v, u = np.mgrid[:240, :320]
    uv = np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32)
    cell, _ = cells(Grid(240, 320, image_height=240, image_width=320, bilinear=False), uv)
    found = values.reshape(-1, 2)[cell[:, 0]].reshape(240, 320, 2)
    assert found[0, [0, 1, 2, -3, -2, -1], 1].tolist() == [0, 2, 4, 635, 637, 639]
    np.testing.assert_array_equal(found[..., 0], np.broadcast_to(picks(480, 240)[:, None], (240, 320)))
    np.testing.assert_array_equal(found[..., 1], np.broadcast_to(picks(640, 320), (240, 320)))


def test_one_size_needs_no_picking() -> None:
    image = picture(51, 64)
    np.testing.assert_array_equal(of_picture_size(image, Colours()), image)


@pytest.mark.parametrize("size", [(48, 64), (64, 64), (65, 64), (100, 150), (30, 200), (129, 70)], ids=str)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.8])
def test_what_sees_each_pixel_alone_does_not_see_the_tiles(size, overlap) -> None:
    image = picture(*size)
    values = tiled(image, Colours(), SIDE, overlap, cell=1, unit=False)
    np.testing.assert_allclose(values, image, atol=0.6)  # colours reach 255, where halves are 1/8 apart


def test_a_cell_is_the_mean_of_its_pixels() -> None:
    image = picture(128, 160)
    means = image.reshape(32, 4, 40, 4, 3).astype(np.float32).mean(axis=(1, 3))
    np.testing.assert_allclose(tiled(image, Colours(), SIDE, 0.25, cell=4, unit=False), means, atol=0.4)


def test_the_grid_follows_the_picture_when_tiles_are_enlarged() -> None:
    image = np.empty((90, 200, 3), np.uint8)
    image[:] = np.arange(200)[:, None]  # the column's number as its colour
    values = tiled(image, Colours(), tile=48, overlap=0.25, cell=4, unit=False)[..., 0].astype(np.float64)
    assert values.shape == (30, 67)
    expected = (np.arange(67) + 0.5) * 200 / 67 - 0.5
    np.testing.assert_allclose(values, np.broadcast_to(expected, values.shape), atol=1.0)


def test_tiles_are_png_one_at_a_time_and_lose_nothing() -> None:
    network, image = Colours(), picture(64, 160)
    tiled(image, network, SIDE, 0.25, cell=4, unit=True)
    shown = [np.asarray(Image.open(io.BytesIO(encoded))) for encoded in network.seen]
    assert [part.shape for part in shown] == [(64, 64, 3)] * 3
    np.testing.assert_array_equal(shown[1], image[:, 48:112])


def test_the_whole_picture_is_one_tile() -> None:
    network = Colours()
    assert tiled(picture(96, 128), network, tile=0, overlap=0.25, cell=2, unit=True).shape == (24, 32, 3)
    assert len(network.seen) == 1


@pytest.mark.parametrize(("starts", "size", "length"), [([0, 48, 96], 64, 160), ([0, 64], 64, 128), ([0], 50, 50)])
@pytest.mark.parametrize("count", [7, 40, 160])
def test_tiles_share_each_cell_and_fade_towards_their_border(starts, size, length, count) -> None:
    found = shares(starts, size, count, length)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    centre = (np.arange(count) + 0.5) * length / count
    for start, share in zip(starts, found, strict=True):
        assert not share[(centre < start) | (centre >= start + size)].any()


def test_pixels_without_a_direction_stay_zeros() -> None:
    image = picture(64, 160)
    image[:40, :100] = 0
    values = tiled(image, Colours(), SIDE, 0.25, cell=4, unit=True).astype(np.float32)
    assert not values[:10, :25].any()
    np.testing.assert_allclose(np.linalg.norm(values[10:], axis=-1), 1, atol=2e-3)
    endless = np.full((2, 2, 3), np.inf, np.float16)
    assert not unit_in_place(endless).any()


def test_separate_tiles_are_jpegs_in_rows_and_the_rest_is_zeros() -> None:
    network, image = Colours(), np.full((130, 200, 3), 90, np.uint8)
    values = of_separate_tiles(image, network, SIDE)
    assert [encoded[:2] for encoded in network.seen] == [b"\xff\xd8"] * 6
    assert values.shape == (130, 200, 3)
    assert (values[:128, :192] == 90).all()
    assert not values[128:].any()
    assert not values[:, 192:].any()
    with pytest.raises(BadInput, match="no tile of 64x64"):
        of_separate_tiles(image[:50], network, SIDE)


# The folder


@pytest.mark.parametrize("shape", [(1, 64, 64, 24), (-1, -1, -1, 24)])
def test_the_signature_says_how_long_vectors_are(tmp_path, shape) -> None:
    folder = openseg_file.describe(tmp_path / "m", outputs={**openseg_file.OUTPUTS, REGIONS: shape})
    assert read_saved_model(folder).dim == 24


def test_an_open_signature_means_the_original_s_768(tmp_path) -> None:
    open_shapes = {**openseg_file.OUTPUTS, REGIONS: (), PIXELS: (-1, -1, -1, -1)}
    assert read_saved_model(openseg_file.describe(tmp_path / "m", outputs=open_shapes)).dim == 768


def test_the_digest_is_of_graph_and_weights(tmp_path) -> None:
    one, other = (openseg_file.describe(tmp_path / name) for name in ("one", "other"))
    assert read_saved_model(one).digest == read_saved_model(other).digest
    (other / "variables/variables.data-00000-of-00001").write_bytes(b"weights of another training")
    assert read_saved_model(one).digest != read_saved_model(other).digest


def graph_of(content: bytes, folder: Path) -> None:
    openseg_file.describe(folder)
    (folder / "saved_model.pb").write_bytes(content)


def without_weights(folder: Path) -> None:
    (openseg_file.describe(folder) / "variables/variables.data-00000-of-00001").unlink()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "contains no saved_model.pb"),
        (without_weights, "is incomplete"),
        (partial(graph_of, b"\x89PNG\r\n\x1a\n" * 9), "is not a SavedModel"),
        (partial(graph_of, b"\x12\xff\xff\xff\x7fgraph"), "is not a SavedModel"),
        (partial(graph_of, b""), "has no signature serving_default under the tag serve"),
        (partial(openseg_file.describe, tag="train"), "has no signature serving_default under the tag serve"),
        (partial(openseg_file.describe, signature="predict"), "has no signature serving_default under the tag serve"),
        (
            partial(openseg_file.describe, outputs={"logits": (1, 1000)}),
            r"is another network: it has no output image_info or .* \(but logits\)",
        ),
        (partial(openseg_file.describe, inputs={"image": ()}), "it has no input inp_image_bytes or inp_text_emb"),
    ],
)
def test_the_wrong_folder_is_one_sentence(tmp_path, make, said) -> None:
    make(tmp_path / "exported_model")
    with pytest.raises(BadWeights, match=f"{said}.*exported_model.* was expected, from gs://"):
        openseg.space(openseg.Options(weights=str(tmp_path / "exported_model")))


def test_a_missing_folder_says_where_it_is_published() -> None:
    with pytest.raises(BadWeights, match=r"No weights nowhere .* from gs://cloud-tpu-checkpoints/.*/exported_model"):
        openseg.space(openseg.Options(weights="nowhere"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "six"},
        {"tile": -1},
        {"tile": 0, "mode": "openscene-tiles"},
        {"overlap": 1.0},
        {"cell": 0},
        {"cell": 65},
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_a_sentence(wrong) -> None:
    with pytest.raises(BadInput, match="expected"):
        openseg.Options(**wrong)


# The process


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A SavedModel that a stand-in for TensorFlow runs."""
    return openseg_file.with_stand_in(tmp_path / "exported_model", monkeypatch)


def png(image: NDArray[np.uint8]) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(image).save(file, format="PNG")
        return file.getvalue()


def test_the_valid_area_comes_back_as_halves(folder) -> None:
    network, image = Network(read_saved_model(folder), REGIONS, "auto"), picture(24, 32)
    values = network(png(image))
    assert (values.shape, values.dtype, network.device) == ((48, 64, 24), np.float16, "cpu")
    np.testing.assert_allclose(values[::2, ::2, :3], image / 255, atol=1e-3)
    assert network(png(picture(1, 200))).shape == (1, 64, 24)


def test_each_output_is_its_own_and_no_unit_keeps_it(folder) -> None:
    image = picture(64, 64)
    regions, pixels = (
        openseg.load_image_encoder(
            openseg.Options(weights=str(folder), mode="openscene", unit=False, regional_pool=regional)
        )([image])[0]
        for regional in (True, False)
    )
    assert (regions.sampling, regions.values.shape) == ("nearest", (64, 64, 24))
    np.testing.assert_allclose(pixels.values, 3 * regions.values.astype(np.float32), atol=2e-3)


@pytest.mark.parametrize(
    ("first_pixel", "said"),
    [
        ((1, 2, 4), "ran out of memory .*failed to allocate 30 GB"),
        ((1, 2, 5), "failed on an image: no such kernel"),
    ],
)
def test_a_failure_is_a_sentence_and_the_next_picture_goes_through(folder, first_pixel, said) -> None:
    network, image = Network(read_saved_model(folder), REGIONS, "cpu"), picture(64, 64)
    image[0, 0] = first_pixel
    with pytest.raises(BadInput, match=said):
        network(png(image))
    assert network(png(picture(64, 64))).shape == (64, 64, 24)


def test_the_death_of_the_process_is_a_sentence(folder) -> None:
    network, image = Network(read_saved_model(folder), REGIONS, "cpu"), picture(64, 64)
    image[0, 0] = (1, 2, 3)
    for _ in range(2):  # the second picture finds it dead
        with pytest.raises(BadInput, match=r"was killed by signal 9 .*out of memory.*standard output is no answer"):
            network(png(image))


def test_an_interrupted_picture_ends_the_process_and_the_next_one_says_so(folder) -> None:
    network, image = Network(read_saved_model(folder), REGIONS, "cpu"), picture(64, 64)
    image[0, 0] = (1, 2, 6)
    with pytest.raises(KeyboardInterrupt):
        network(png(image))
    with pytest.raises(BadInput, match="was killed by signal 9"):
        network(png(picture(64, 64)))


def test_what_tensorflow_cannot_load_is_a_sentence(folder) -> None:
    (folder / "broken").touch()
    with pytest.raises(BadWeights, match=r"cannot be loaded by TensorFlow: checksum of variables does not match$"):
        Network(read_saved_model(folder), REGIONS, "auto")


def test_without_tensorflow_the_sentence_names_it(folder, tmp_path, monkeypatch) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none/tensorflow.py").write_text("raise ModuleNotFoundError('no', name='tensorflow')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "none"))
    with pytest.raises(MissingPackage, match="'openseg' needs the package 'tensorflow'"):
        openseg.load_image_encoder(openseg.Options(weights=str(folder)))


def test_a_python_that_is_none_is_a_sentence(folder, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "/nowhere/python")
    with pytest.raises(BadInput, match=f"{VARIABLE} is /nowhere/python, which cannot be run"):
        Network(read_saved_model(folder), REGIONS, "auto")


def test_cuda_is_refused_where_tensorflow_sees_none(folder) -> None:
    with pytest.raises(BadInput, match=r"device is 'cuda', but TensorFlow 2\.fake sees no GPU here"):
        Network(read_saved_model(folder), REGIONS, "cuda")


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_the_end_of(process: int) -> None:
    deadline = time.monotonic() + 10
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(process)


def test_the_process_ends_with_its_network(folder) -> None:
    network = Network(read_saved_model(folder), REGIONS, "auto")
    process = network.process_id
    assert alive(process)
    del network
    wait_for_the_end_of(process)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_process_ends_with_a_parent_that_was_killed(folder) -> None:
    script = (
        "import os, signal, time; from pathlib import Path\n"
        "from ovstore.models.openseg.network import Network\n"
        "from ovstore.models.openseg.signature import read_saved_model\n"
        f"network = Network(read_saved_model(Path({str(folder)!r})), 'ppixel_ave_feat', 'cpu')\n"
        "sibling = os.fork()\n"
        "if sibling == 0: time.sleep(60)\n"  # it holds the pipes open
        "print(network.process_id, sibling, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        process, sibling = (int(word) for word in parent.stdout.readline().split())
        try:
            wait_for_the_end_of(process)
            assert alive(sibling)
        finally:
            os.kill(sibling, signal.SIGKILL)


# The texts


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A CLIP with OpenAI's names, small; vectors of 24 numbers."""
    shapes = {
        "positional_embedding": (77, 64),
        "text_projection": (64, 24),
        "token_embedding.weight": (49408, 64),
        "ln_final.weight": (64,),
        "ln_final.bias": (64,),
        **{
            f"transformer.resblocks.0.{name}": shape
            for name, shape in {
                "attn.in_proj_weight": (192, 64), "attn.in_proj_bias": (192,),
                "attn.out_proj.weight": (64, 64), "attn.out_proj.bias": (64,),
                "ln_1.weight": (64,), "ln_1.bias": (64,), "ln_2.weight": (64,), "ln_2.bias": (64,),
                "mlp.c_fc.weight": (256, 64), "mlp.c_fc.bias": (256,),
                "mlp.c_proj.weight": (64, 256), "mlp.c_proj.bias": (64,),
            }.items()
        },
    }  # fmt: skip
    path = tmp_path_factory.mktemp("clip") / "clip.pt"
    torch.save({name: values_of(name, shape) for name, shape in shapes.items()}, path)
    return path


def test_texts_go_through_openai_s_tower_in_openscene_s_sentence(folder, clip) -> None:
    options = openseg.Options(weights=str(folder), text_weights=str(clip))
    found = openseg.load_text_encoder(options, "cpu")(["chair"])
    tower = openai_text_tower(torch.load(clip, weights_only=True), "the test's")
    with torch.inference_mode():
        expected = tower(openseg.tokenizer_of("ViT-L-14-336")(["a chair in a scene"]))
    np.testing.assert_allclose(found, torch.nn.functional.normalize(expected, dim=-1), atol=1e-6)


def test_texts_of_another_length_are_refused(tmp_path, clip) -> None:
    outputs = {**openseg_file.OUTPUTS, REGIONS: (1, 640, 640, 768), PIXELS: (1, 640, 640, 768)}
    options = openseg.Options(
        weights=str(openseg_file.describe(tmp_path / "m", outputs=outputs)), text_weights=str(clip)
    )
    with pytest.raises(
        BadWeights, match="have 24 numbers, but features of OpenSeg have 768; CLIP ViT-L/14@336px was expected"
    ):
        openseg.load_text_encoder(options, "cpu")


@pytest.mark.parametrize("given", ["/nowhere/clip.pt", "laion2b"])
def test_missing_text_weights_say_where_they_are_published(folder, given) -> None:
    options = openseg.Options(weights=str(folder), text_weights=given)
    with pytest.raises(BadWeights, match=r"vit_large_patch14_clip_336.openai .* pass it with --text-weights"):
        openseg.load_text_encoder(options, "cpu")


# TensorFlow itself


def has_tensorflow(python: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec("tensorflow") is not None
    ask = "import importlib.util, sys; sys.exit(importlib.util.find_spec('tensorflow') is None)"
    return subprocess.run([python, "-c", ask]).returncode == 0


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory) -> Path:
    """What TensorFlow 1 would have written, from this Python or the one that VARIABLE names."""
    python = os.environ.get(VARIABLE) or sys.executable
    if not has_tensorflow(python):
        pytest.skip(f"TensorFlow is not installed, and {VARIABLE} names no python that has it")
    return openseg_file.save_with_tensorflow(tmp_path_factory.mktemp("openseg") / "exported_model", python, SIDE, 24)


def test_tensorflow_s_features_are_the_graph_s(saved_model) -> None:
    assert read_saved_model(saved_model).dim == 24
    encode = openseg.load_image_encoder(
        openseg.Options(weights=str(saved_model), mode="openscene", unit=False, regional_pool=False), "cpu"
    )
    image = picture(48, 64)
    matrix = ((np.arange(72) * 7 % 11 - 5) / 5).reshape(3, 24)
    expected = ((image / 255 - 128 / 255) / (128 / 255)) @ matrix
    small, same = encode([picture(24, 32), image])  # torch is in this process already; TensorFlow never is
    np.testing.assert_allclose(same.values, expected, atol=4e-3)
    assert small.values.shape == (24, 32, 24)
    grey = encode([np.full((64, 64, 3), 128, np.uint8)])[0]
    assert not grey.values.any()


def test_tensorflow_refuses_what_is_no_picture_in_a_sentence(saved_model) -> None:
    network = Network(read_saved_model(saved_model), REGIONS, "cpu")
    with pytest.raises(BadInput, match="failed on an image:"):
        network(b"no picture")
