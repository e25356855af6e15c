"""Maps that other tools left on disk: matched to frames, read in every form, and as good as the network's own."""

import base64
import json
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import torch
import toy_room
from command_line import document, ovstore
from numpy.typing import NDArray
from ovstore.models.encoders import color_words, precomputed
from ovstore.models.frame_maps import match
from ovstore.models.precomputed import blosc
from ovstore.models.precomputed import forms as forms
from ovstore.models.precomputed.segments import run_lengths
from ovstore.store import catalog
from ovstore.store.database import Store
from ovstore.store.errors import BadInput, OvstoreError, UnknownWords
from ovstore.store.features import FeatureMap
from PIL import Image
from safetensors.torch import save_file

DIM = 13  # of color_words


def options(files: Path, **more: object) -> precomputed.Options:
    return precomputed.Options(files=str(files), **{"text": "color_words", **more})  # type: ignore[arg-type]


def read(files: Path, frame: str = "7", scene: str = "room", **more: object) -> NDArray[np.float16]:
    return one_map(files, frame, scene, **more).values


def one_map(files: Path, frame: str = "7", scene: str = "room", **more: object) -> FeatureMap:
    return precomputed.load_frame_maps(options(files, **more), scene).of_frames({frame: frame})[frame]()


@pytest.fixture(scope="module")
def colours() -> NDArray[np.float16]:
    """(5, 4, 13) what color_words sees in a few pixels."""
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    return color_words.load_image_encoder(color_words.Options(patch=1))([image])[0].values


# Which map is a frame's


def test_a_frame_is_found_by_name_or_number() -> None:
    names = ["frame-000020.color", "000030", "left/40", "1305031102.175304", "cam1_0007"]
    frames = ["20", "frame-30", "40", "1305031102.175304", "cam01_7"]
    assert list(match(frames, names, "maps").values()) == names


def test_another_camera_of_the_same_number_is_another_frame() -> None:
    assert match(["left_20", "20_right"], ["right_20", "20_30"], "maps") == {}


def test_two_maps_of_a_frame_or_two_frames_of_a_map_are_told() -> None:
    with pytest.raises(BadInput, match=r"'a/20', 'b/20' may each be the map of frame '20'"):
        match(["20"], ["a/20", "b/20"], "maps")
    with pytest.raises(BadInput, match=r"'20' may be the map of frame '020' and of 'frame-20'"):
        match(["020", "frame-20"], ["20"], "maps")


def test_a_map_may_be_called_like_the_frames_picture(tmp_path: Path, colours) -> None:
    np.save(tmp_path / "n015-CAM_FRONT-1533.npy", colours)
    maps = precomputed.load_frame_maps(options(tmp_path), "room")
    assert list(maps.of_frames({"000_CAM_FRONT": "n015-CAM_FRONT-1533", "001_CAM_FRONT": "n016"})) == ["000_CAM_FRONT"]
    with pytest.raises(BadInput, match="none of the scene's 2 frames"):
        maps.of_frames({"left": "n015-CAM_FRONT-1533", "right": "n015-CAM_FRONT-1533"})


def test_maps_lie_in_the_scenes_folder_or_directly(tmp_path: Path, colours) -> None:
    with pytest.raises(BadInput, match=r"no folder called like the scene, 'room'; it holds nothing"):
        read(tmp_path)
    (tmp_path / "room").mkdir()
    np.save(tmp_path / "room" / "frame-000007.npy", colours)
    np.testing.assert_array_equal(read(tmp_path), colours)
    with pytest.raises(BadInput, match=r"no folder called like the scene, 'hall'; it holds room"):
        read(tmp_path, scene="hall")
    np.save(tmp_path / "8.npy", colours)
    np.testing.assert_array_equal(read(tmp_path, "8", scene="hall"), colours)
    with pytest.raises(BadInput, match=r"none of the scene's 1 frames, such as '9', has a map; it holds 1 maps"):
        read(tmp_path, "9")


# Files


def chw(values: NDArray[np.float16]) -> NDArray[np.float16]:
    return np.ascontiguousarray(values.transpose(2, 0, 1))


CHUNKS = {  # (numbers 0 to 6, repeated) as halves of shape (5, 4, 13), by numcodecs
    "lz4": b"0s$cc2m$~A2m$~AH~;_u6aWAK3jhEB9{>RW>remy0000H0001g06aiKL`6mi0Oe3ZL`6mb",
    "zlib": b"0s&zH2m$~A2m$~AIRF3v6aWAK3jhEBcwS>*7zF?U1ONdN0001ZUSqIvaB^{VV;IR406o$<Vg",
    "zstd": b"0s)Z%2m$~A2m$~AGynhq6aWAK8~^|SD77#BU<d(~002M$06aiKL`6md0D2Xw0H^>9",
}
BLOCKS = (  # 2000 int16 of 0 to 49, repeated, in four blocks of LZ4
    b"0s$ccpbr25pbr25asU7T6aWAKL;wH)|04ha0s{mE1_uZU3JVMk4i69!5)%{^78e*98XFuP9v>hfA|oUvCMPH<Dl054E-x@KG64Vo|NsC0|BX;B"
    b"E-x@K5&!@I9{>RW|NsC0|NsBKPyhe`000"
)


def write_zarr(path: Path, values: NDArray[np.float16]) -> None:
    """Version 2, one chunk, as it is."""
    path.mkdir()
    settings = {"zarr_format": 2, "shape": values.shape, "chunks": values.shape, "dtype": "<f2", "order": "C"}
    (path / ".zarray").write_text(json.dumps({**settings, "compressor": None, "filters": None, "fill_value": 0}))
    (path / "0.0.0").write_bytes(values.tobytes())


WRITERS = {
    "hwc.npy": lambda path, values: np.save(path, values),
    "chw.npy": lambda path, values: np.save(path, chw(values)),
    "fortran.npy": lambda path, values: np.save(path, np.asfortranarray(values)),
    "batch.npy": lambda path, values: np.save(path, chw(values)[None]),
    "single.npy": lambda path, values: np.save(path, values.astype(">f4")),
    "one.npz": lambda path, values: np.savez_compressed(path, feat=values),
    "tensor.pt": lambda path, values: torch.save(torch.from_numpy(chw(values)), path),
    "nested.pth": lambda path, values: torch.save({"out": {"feat": torch.from_numpy(values)}, "epoch": 3}, path),
    "old.pt": lambda path, values: torch.save(torch.from_numpy(values), path, _use_new_zipfile_serialization=False),
    "a.safetensors": lambda path, values: save_file({"feat": torch.from_numpy(chw(values))}, path),
    "plain.zarr": write_zarr,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_vectors_come_out_of_every_file_as_they_are(tmp_path: Path, colours, kind: str) -> None:
    WRITERS[kind](tmp_path / f"7.{kind.partition('.')[2]}", colours)
    np.testing.assert_array_equal(read(tmp_path), colours)


@pytest.mark.parametrize("codec", CHUNKS)
def test_blosc_chunks_are_read(tmp_path: Path, codec: str) -> None:
    values = (np.arange(5 * 4 * DIM) % 7).reshape(5, 4, DIM).astype(np.float16)
    write_zarr(tmp_path / "7.zarr", values)
    settings = json.loads((tmp_path / "7.zarr" / ".zarray").read_text())
    (tmp_path / "7.zarr" / ".zarray").write_text(json.dumps({**settings, "compressor": {"id": "blosc"}}))
    (tmp_path / "7.zarr" / "0.0.0").write_bytes(base64.b85decode(CHUNKS[codec]))
    np.testing.assert_array_equal(read(tmp_path), values)


def test_blosc_chunks_of_many_blocks_are_read() -> None:
    found = blosc.decompress(base64.b85decode(BLOCKS), 4000)
    np.testing.assert_array_equal(np.frombuffer(found, np.int16), np.arange(2000) % 50)


def test_zarr_of_version_3_in_chunks_is_read(tmp_path: Path, colours) -> None:
    (tmp_path / "7.zarr" / "c" / "0" / "0").mkdir(parents=True)
    (tmp_path / "7.zarr" / "c" / "1" / "0").mkdir(parents=True)
    content = {
        "node_type": "array",
        "shape": colours.shape,
        "data_type": "float16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3, 4, DIM]}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "zstd"}, {"name": "crc32c"}],
    }
    (tmp_path / "7.zarr" / "zarr.json").write_text(json.dumps(content))
    padded = np.concatenate([colours, colours[:1]]).astype(">f2")  # the last chunk is as large as the others
    for number, chunk in enumerate((padded[:3], padded[3:])):
        data = pyarrow.Codec("zstd").compress(chunk.tobytes(), asbytes=True) + bytes(4)
        (tmp_path / "7.zarr" / "c" / str(number) / "0" / "0").write_bytes(data)
    np.testing.assert_array_equal(read(tmp_path), colours)
    (tmp_path / "7.zarr" / "c" / "1" / "0" / "0").unlink()
    with pytest.raises(BadInput, match="the chunk c/1/0/0 is missing"):
        read(tmp_path)


def test_bfloat16_is_read(tmp_path: Path, colours) -> None:
    values = torch.from_numpy(colours).bfloat16()
    torch.save(values, tmp_path / "7.pt")
    np.testing.assert_array_equal(read(tmp_path), values.float().half().numpy())


def test_an_array_is_chosen_by_its_name(tmp_path: Path, colours) -> None:
    np.savez(tmp_path / "7.npz", feat=colours, depth=colours[..., 0])
    np.testing.assert_array_equal(read(tmp_path, key="feat"), colours)
    with pytest.raises(BadInput, match=r"7.npz: holds depth, feat; name one with --key"):
        read(tmp_path)
    with pytest.raises(BadInput, match=r"7.npz: holds depth, feat, and no 'rgb'"):
        read(tmp_path, key="rgb")


def lying(header_shape: tuple[int, ...]) -> bytes:
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': {header_shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def several_disks(path: Path) -> None:
    torch.save(torch.zeros(5, 4, DIM), path)
    path.write_bytes(path.read_bytes().replace(b"PK\6\7\0", b"PK\6\7\1"))


BROKEN = {
    "cut short": ("7.npy", lambda path: path.write_bytes(lying((5, 4, DIM)) + bytes(8)), "cannot be read as arrays"),
    "huge": ("7.npy", lambda path: path.write_bytes(lying((1 << 40, 4, DIM))), "cannot be read as arrays"),
    "objects": ("7.npy", lambda path: np.save(path, np.array([{}]), allow_pickle=True), "cannot be read as arrays"),
    "text": ("7.pt", lambda path: path.write_text("no tensor"), "is not a readable PyTorch|asks to run code"),
    "code": ("7.pt", lambda path: torch.save(print, path), "asks to run code"),
    "several disks": ("7.pt", several_disks, "is a damaged archive"),
    "stretched": ("7.pt", lambda path: torch.save(torch.zeros(1).expand(1 << 20, 4, DIM), path), "claims .* bytes"),
    "no safetensors": ("7.safetensors", lambda path: path.write_bytes(bytes(64)), "cannot be read as safetensors"),
    "other length": ("7.npy", lambda path: np.save(path, np.zeros((5, 4, 14))), r"shape \(5, 4, 14\); .*13 being"),
    "flat": ("7.npy", lambda path: np.save(path, np.zeros((20, DIM))), r"\(13, h, w\) or \(h, w, 13\) was expected"),
    "either": ("7.npy", lambda path: np.save(path, np.zeros((DIM, 4, DIM))), "first and last; say which with --layout"),
    "nan": ("7.npy", lambda path: np.save(path, np.full((5, 4, DIM), np.nan)), "20 cells are not finite"),
    "too large": ("7.npy", lambda path: np.save(path, np.full((5, 4, DIM), 1e6)), "beyond 65504; give --unit"),
    "words": ("7.npy", lambda path: np.save(path, np.full((5, 4, DIM), "x")), "real numbers were expected"),
    "empty": ("7.npz", lambda path: np.savez(path), "holds no arrays"),
    "no zarr": ("7.zarr", lambda path: path.mkdir() or (path / "zarr.json").write_text("{"), "not the JSON"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_a_sentence_that_names_it(tmp_path: Path, case: str) -> None:
    name, write, sentence = BROKEN[case]
    write(tmp_path / name)
    with pytest.raises(OvstoreError, match=sentence) as told:
        read(tmp_path)
    assert str(tmp_path / name) in str(told.value)


def test_vectors_beyond_halves_fit_at_unit_length(tmp_path: Path, colours) -> None:
    np.save(tmp_path / "7.npy", colours.astype(np.float64) * 1e6)
    np.testing.assert_allclose(read(tmp_path, unit=True), colours, atol=1e-3)


def test_of_scales_one_is_taken_or_their_mean_direction(tmp_path: Path) -> None:
    """3D-OVS writes (3, 512, h, w) per picture."""
    stacked = np.zeros((3, DIM, 2, 2), np.float32)
    stacked[0, 0], stacked[1, 1], stacked[2, 1] = 2, 3, 4
    torch.save(torch.from_numpy(stacked), tmp_path / "7.pth")
    np.testing.assert_array_equal(read(tmp_path, scale=1)[0, 0, :3], [0, 3, 0])
    np.testing.assert_allclose(read(tmp_path)[0, 0, :3], [1 / 3, 2 / 3, 0], atol=1e-3)
    with pytest.raises(BadInput, match=r"scale is 3; the file has 3, from 0"):
        read(tmp_path, scale=3)


# Forms, worked by hand


def test_scores_weigh_the_vectors_of_their_names() -> None:
    words = np.eye(2, 3, dtype=np.float32)
    scores = np.array([[[0, np.log(3)], [0, 0]]])
    np.testing.assert_allclose(forms.from_scores(scores, words, True)[0], [[0.25, 0.75, 0], [0.5, 0.5, 0]], atol=1e-3)
    np.testing.assert_allclose(
        forms.from_scores(np.array([[[0.2, 0.1]]]), words, False)[0, 0], [0.2, 0.1, 0], atol=1e-3
    )


def test_masks_weigh_their_embeddings() -> None:
    """Shares 0.5 and 0.75: (0.5, 0) + (0, 4 * 0.75), of unit length."""
    masks, embeddings = np.array([[[0, np.log(3)]]]), np.array([[1.0, 0], [0, 4]])
    expected = np.array([0.5, 3]) / np.hypot(0.5, 3)
    np.testing.assert_allclose(forms.from_masks(masks, embeddings)[0, 0], expected, atol=1e-3)
    np.testing.assert_allclose(forms.from_winners(masks, embeddings)[0, 0], [0, 1])
    np.testing.assert_array_equal(forms.from_winners(-1 - masks, embeddings)[0, 0], [0, 0])  # no mask is there


def test_a_segment_takes_the_embeddings_of_masks_by_their_share_of_it() -> None:
    masks = np.array([[[1, 0], [1, 0], [0, 1]]])  # (1, 3, 2), certain
    rows = forms.segment_rows(masks, np.array([[1.0, 0], [0, 1]]), np.array([[2, 2, 2]]))
    np.testing.assert_allclose(rows, [[0, 0], [0, 0], np.array([2, 1]) / np.sqrt(5)], rtol=1e-6)


def test_pooling_segments_is_pooling_the_dense_map() -> None:
    """normalise(sum over pixels of E) = normalise(sum over q of e_q times its share), which needs no dense map."""
    rng = np.random.default_rng(1)
    masks, embeddings = rng.normal(size=(6, 7, 5)), rng.normal(size=(5, 8))
    segments = rng.integers(0, 4, (6, 7))
    dense = 1 / (1 + np.exp(-masks)) @ embeddings
    for number, row in enumerate(forms.segment_rows(masks, embeddings, segments)[1:], start=1):
        total = dense[segments == number].sum(axis=0)
        np.testing.assert_allclose(row, total / np.linalg.norm(total), atol=1e-5)


def test_rows_at_a_time_are_all_rows(monkeypatch: pytest.MonkeyPatch, colours) -> None:
    whole = forms.from_scores(colours, np.eye(DIM, dtype=np.float32), True)
    monkeypatch.setattr(forms, "_CELLS_AT_ONCE", 8)
    np.testing.assert_array_equal(forms.from_scores(colours, np.eye(DIM, dtype=np.float32), True), whole)


def test_a_map_too_large_for_memory_is_refused_before_it_is_made() -> None:
    with pytest.raises(BadInput, match=r"a map of 4000x6000x768 takes 36,864,000,000 bytes"):
        forms.from_segments(np.broadcast_to(np.int64(0), (4000, 6000)), np.zeros((1, 768)))


def test_cells_are_spread_over_the_picture() -> None:
    np.testing.assert_array_equal(forms.spread(np.arange(8)[None].repeat(4, 0), 4), [[1, 3, 5, 7]] * 2)


def test_runs_are_those_of_coco() -> None:
    """Made by pycocotools of ones (2, 3), of the identity of 3, and of ones (40, 40) with a hole and no first pixel."""
    assert run_lengths("06") == [0, 6]
    assert run_lengths("013000") == [0, 1, 3, 1, 3, 1]
    assert run_lengths("1a6?XJ" + "0" * 47 + "V<") == [1, 209, *[15, 25] * 24, 15, 415]


# Forms, from files


def words(*names: str) -> NDArray[np.float32]:
    return color_words.load_text_encoder(color_words.Options())(names)


def test_scores_of_named_classes(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("red\nblue\n")
    scores = np.full((2, 3, 4), -20, np.float16)
    scores[0, :, :2] = scores[1, :, 2:] = 20
    np.save(tmp_path / "7.npy", scores)
    found = read(tmp_path, form="logits", names=str(names))
    np.testing.assert_array_equal(found, words("red", "red", "blue", "blue").astype(np.float16)[None].repeat(3, 0))
    with pytest.raises(BadInput, match=r"7.npy: classes have no names; give --names"):
        read(tmp_path, form="logits")


def test_masks_and_embeddings_are_told_apart_by_their_shapes(tmp_path: Path) -> None:
    masks = np.zeros((2, 3, 4), bool)
    masks[0, :, :2] = masks[1, :, 2:] = True
    expected = words("red", "red", "blue", "blue").astype(np.float16)[None].repeat(3, 0)
    np.savez(tmp_path / "7.npz", pred_masks=masks[None], mask_embed=words("red", "blue")[None])
    for form in ("masks", "winners"):
        np.testing.assert_array_equal(read(tmp_path, form=form), expected)
    np.savez(tmp_path / "7.npz", m=masks, e=words("red", "blue"), s=np.array([[0, 0, 1, 2]] * 3))
    pooled = np.concatenate([np.zeros((2, DIM)), words("blue", "blue")]).astype(np.float16)
    np.testing.assert_array_equal(read(tmp_path, form="masks"), pooled[None].repeat(3, 0))
    np.savez(tmp_path / "7.npz", m=masks)
    with pytest.raises(BadInput, match=r"holds bool \(2, 3, 4\); masks \(Q, h, w\) and one array of embeddings"):
        read(tmp_path, form="masks")


def write_triplet(folder: Path, ids: NDArray[np.integer], rows: object, entries: int | None = None) -> None:
    """As UOV's extractors write them."""
    Image.fromarray(ids).save(folder / "7.png")
    torch.save(rows, folder / "7.pt")
    if entries is not None:
        (folder / "7.json").write_text(json.dumps([{"id": i + 1, "category_id": 0} for i in range(entries)]))


def rows_of(*names: str) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([np.zeros((1, DIM), np.float32), words(*names)]))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_segments_have_a_row_each(tmp_path: Path, kind: type) -> None:
    write_triplet(tmp_path, np.array([[0, 1, 2]], kind), rows_of("red", "blue"), 2)
    torch.save(rows_of("red", "blue"), tmp_path / "text_embedding.pt")
    found = one_map(tmp_path, form="segments")
    assert found.sampling == "nearest"
    expected = np.concatenate([np.zeros((1, DIM)), words("red", "blue")]).astype(np.float16)
    np.testing.assert_array_equal(found.values[0], expected)


def test_of_fc_clips_pair_the_second_is_taken(tmp_path: Path) -> None:
    write_triplet(tmp_path, np.array([[1]], np.uint8), [3 * rows_of("red"), 5 * rows_of("blue")])
    np.testing.assert_array_equal(read(tmp_path, form="segments")[0], words("blue").astype(np.float16))
    np.testing.assert_array_equal(read(tmp_path, form="segments", key="0")[0], words("red").astype(np.float16))


@pytest.mark.parametrize(
    ("ids", "rows", "entries", "sentence"),
    [
        ([[3]], 3, None, "7.png: segment 3 has no row; its embeddings have rows 0 to 2"),
        ([[1]], 3, 1, "7.png: the JSON beside it has 1 entries for 2 segments"),
        ([[1]], 300, None, "7.png: 299 segments in a picture of 8 bits, which holds 255"),
    ],
)
def test_a_triplet_that_does_not_agree_is_told(tmp_path: Path, ids, rows: int, entries, sentence: str) -> None:
    write_triplet(tmp_path, np.array(ids, np.uint8), torch.ones(rows, DIM), entries)
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, form="segments")


def test_labels_are_the_vectors_of_their_names(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 1, 255]], np.uint8)).save(tmp_path / "7.png")
    expected = np.concatenate([words("red", "blue"), np.zeros((1, DIM))]).astype(np.float16)
    np.testing.assert_array_equal(read(tmp_path, form="labels", names="red, blue")[0], expected)
    with pytest.raises(BadInput, match=r"7.png: class 1 has no name; there are 1, from 0"):
        read(tmp_path, form="labels", names="red")


def test_panoptic_segments_are_the_vectors_of_their_categories(tmp_path: Path) -> None:
    colour = np.array([[[0, 0, 0], [44, 1, 0], [0, 0, 1]]], np.uint8)  # ids 0, 300, 65536
    (tmp_path / "room" / "png").mkdir(parents=True)
    Image.fromarray(colour).save(tmp_path / "room" / "png" / "7.png")
    segments = [{"id": 300, "category_id": 9}, {"id": 65536, "category_id": 4}]
    categories = [{"id": 9, "name": "red"}, {"id": 4, "name": "blue"}]
    content = {"annotations": [{"file_name": "7.png", "segments_info": segments}], "categories": categories}
    (tmp_path / "room" / "panoptic.json").write_text(json.dumps(content))
    expected = np.concatenate([np.zeros((1, DIM)), words("red", "blue")]).astype(np.float16)
    np.testing.assert_array_equal(read(tmp_path, form="panoptic")[0], expected)


def test_detectron2s_runs_are_the_vectors_of_their_classes(tmp_path: Path) -> None:
    def write(size: list[int]) -> None:
        entry = {"file_name": "pictures/7.jpg", "category_id": 1, "segmentation": {"size": size, "counts": "013000"}}
        (tmp_path / "sem_seg_predictions.json").write_text(json.dumps([entry]))

    write([3, 3])
    expected = np.eye(3)[..., None] * words("blue").astype(np.float16)
    np.testing.assert_array_equal(read(tmp_path, form="semantic", names="red,blue"), expected)
    write([3, 4])
    with pytest.raises(BadInput, match=r"runs of 9 pixels for a mask of 4x3"):
        read(tmp_path, form="semantic", names="red,blue")


def test_other_maps_or_names_are_another_recipe(tmp_path: Path, colours) -> None:
    def digest(**more: object) -> str:
        return precomputed.load_frame_maps(options(tmp_path, **more), "room").digest

    np.save(tmp_path / "7.npy", colours)
    before = digest(names="red,blue")
    assert digest(names="red,blue") == before
    assert digest(names="blue,red") != before
    np.save(tmp_path / "7.npy", colours[::-1])
    assert digest(names="red,blue") != before


# The text side


def test_the_space_is_the_text_towers_own(tmp_path: Path) -> None:
    assert precomputed.space(options(tmp_path)) == color_words.space(color_words.Options())
    with pytest.raises(BadInput, match="Say which text tower"):
        precomputed.space(options(tmp_path, text=""))
    with pytest.raises(BadInput, match="give --text-model and --text-weights"):
        precomputed.space(options(tmp_path, text="openclip", text_model="ViT-B-32"))
    with pytest.raises(BadInput, match="--text color_words has no model"):
        precomputed.space(options(tmp_path, text_model="ViT-B-32"))


def test_a_space_without_words_is_declared(tmp_path: Path) -> None:
    declared = options(tmp_path, text="none", space_name="dino/vits8", dim=384)
    assert (precomputed.space(declared).name, precomputed.space(declared).dim) == ("dino/vits8", 384)
    with pytest.raises(UnknownWords, match=r"declared without words .* ask with --like"):
        precomputed.load_text_encoder(declared)
    with pytest.raises(BadInput, match="no picture can be asked"):
        precomputed.load_image_encoder(declared)


def test_a_table_knows_its_words_and_no_others(tmp_path: Path) -> None:
    """UOV's text_embedding.pt, with FC-CLIP's row for no class after the words'."""
    torch.save(torch.tensor([[3.0, 0], [0, 2], [1, 1]]), tmp_path / "text_embedding.pt")
    table = options(
        tmp_path, text="table", text_weights=str(tmp_path / "text_embedding.pt"), names="Road, traffic cone"
    )
    assert precomputed.space(table).dim == 2
    assert precomputed.background_texts(table) == ("Road", "traffic cone")
    encode = precomputed.load_text_encoder(table)
    np.testing.assert_array_equal(encode(["traffic cone", "road"]), [[0, 1], [1, 0]])
    with pytest.raises(UnknownWords, match="'kerb' is not among the 2 words"):
        encode(["kerb"])


# The whole way


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("scans") / "room", frames=6)


@pytest.fixture(scope="module")
def maps(room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What color_words sees in the room, as another tool would leave it."""
    folder = tmp_path_factory.mktemp("maps")
    (folder / "room").mkdir()
    encode = color_words.load_image_encoder(color_words.Options())
    for path in sorted((room / "color").iterdir()):
        [found] = encode([np.asarray(Image.open(path))])
        torch.save(torch.from_numpy(chw(found.values)), folder / "room" / f"frame-{int(path.stem):06d}.pt")
    return folder


def test_maps_on_disk_are_as_good_as_the_networks(store: Store, room: Path, maps: Path) -> None:
    ours = ["--encoder", "precomputed", "--files", maps, "--text", "color_words", "--sampling", "nearest"]
    assert ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words").exit_code == 0
    result = ovstore(store, "ingest", "rgbd", room, *ours)
    assert "1 ingested" in result.stdout, result.output
    network, read = (catalog.load_features(store, one.scene_id, one.name) for one in catalog.feature_sets(store))
    for name in ("point_index", "vectors", "view_count"):
        np.testing.assert_array_equal(getattr(read, name), getattr(network, name))

    [hit] = document(ovstore(store, "search", "red", "--features", "precomputed", "--top", 1, "--json"))["hits"]
    low, high, _ = toy_room.BOXES["red"]
    assert np.all(np.array(hit["centre"]) > np.array(low) - 0.06)
    assert np.all(np.array(hit["centre"]) < np.array(high) + 0.06)

    assert "1 up to date" in ovstore(store, "ingest", "rgbd", room, *ours).stdout
    missing = maps / "room" / "frame-000003.pt"
    content = missing.read_bytes()
    missing.unlink()
    result = ovstore(store, "ingest", "rgbd", room, *ours)
    missing.write_bytes(content)
    assert "1 ingested" in result.stdout, result.output
    assert "1 of 6 frames skipped: no map in" in result.stdout
    assert "(such as 0003)" in result.stdout


def test_a_map_of_another_space_stops_the_scene_with_a_sentence(store: Store, room: Path, maps: Path) -> None:
    declared = ["--text", "none", "--space-name", "dino/vits8", "--dim", 384]
    result = ovstore(store, "ingest", "rgbd", room, "--encoder", "precomputed", "--files", maps, *declared)
    assert result.exit_code == 1
    assert "frame-000000.pt: an array of shape (13, 30, 40); (384, h, w) or (h, w, 384) was expected" in result.stdout
