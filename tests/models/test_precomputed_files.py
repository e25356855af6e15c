"""Every kind of file that maps come in gives the vectors as they are, or one sentence that names it."""

import base64
import json
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import torch
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, OvstoreError
from ovstore.models.precomputed import blosc
from precomputed_maps import COLOURS, DIM, chw, read
from safetensors.torch import save_file

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
def test_vectors_come_out_of_every_file_as_they_are(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path / f"7.{kind.partition('.')[2]}", COLOURS)
    np.testing.assert_array_equal(read(tmp_path), COLOURS)


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


def test_zarr_of_version_3_in_chunks_is_read(tmp_path: Path) -> None:
    (tmp_path / "7.zarr" / "c" / "0" / "0").mkdir(parents=True)
    (tmp_path / "7.zarr" / "c" / "1" / "0").mkdir(parents=True)
    content = {
        "node_type": "array",
        "shape": COLOURS.shape,
        "data_type": "float16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3, 4, DIM]}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "zstd"}, {"name": "crc32c"}],
    }
    (tmp_path / "7.zarr" / "zarr.json").write_text(json.dumps(content))
    padded = np.concatenate([COLOURS, COLOURS[:1]]).astype(">f2")  # the last chunk is as large as the others
    for number, chunk in enumerate((padded[:3], padded[3:])):
        data = pyarrow.Codec("zstd").compress(chunk.tobytes(), asbytes=True) + bytes(4)
        (tmp_path / "7.zarr" / "c" / str(number) / "0" / "0").write_bytes(data)
    np.testing.assert_array_equal(read(tmp_path), COLOURS)
    (tmp_path / "7.zarr" / "c" / "1" / "0" / "0").unlink()
    with pytest.raises(BadInput, match="the chunk c/1/0/0 is missing"):
        read(tmp_path)


def test_bfloat16_is_read(tmp_path: Path) -> None:
    values = torch.from_numpy(COLOURS).bfloat16()
    torch.save(values, tmp_path / "7.pt")
    np.testing.assert_array_equal(read(tmp_path), values.float().half().numpy())


def test_an_array_is_chosen_by_its_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "7.npz", feat=COLOURS, depth=COLOURS[..., 0])
    np.testing.assert_array_equal(read(tmp_path, key="feat"), COLOURS)
    with pytest.raises(BadInput, match=r"7.npz: holds depth, feat; choose one with --key"):
        read(tmp_path)
    with pytest.raises(BadInput, match=r"7.npz: holds depth, feat, but no 'rgb'"):
        read(tmp_path, key="rgb")


def lying(header_shape: tuple[int, ...]) -> bytes:
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': {header_shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def several_disks(path: Path) -> None:
    torch.save(torch.zeros(5, 4, DIM), path)
    path.write_bytes(path.read_bytes().replace(b"PK\6\7\0", b"PK\6\7\1"))


def zarr_outside(path: Path) -> None:
    write_zarr(path, COLOURS)
    settings = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps({**settings, "dimension_separator": "/../"}))


BROKEN = {
    "cut short": ("7.npy", lambda path: path.write_bytes(lying((5, 4, DIM)) + bytes(8)), "cannot be read as an array"),
    "huge": ("7.npy", lambda path: path.write_bytes(lying((1 << 40, 4, DIM))), "cannot be read as an array"),
    "objects": ("7.npy", lambda path: np.save(path, np.array([{}]), allow_pickle=True), "cannot be read as an array"),
    "text": ("7.pt", lambda path: path.write_text("no tensor"), "is not a readable PyTorch|asks to run code"),
    "code": ("7.pt", lambda path: torch.save(print, path), "asks to run code"),
    "several disks": ("7.pt", several_disks, "is a damaged archive"),
    "stretched": ("7.pt", lambda path: torch.save(torch.zeros(1).expand(1 << 20, 4, DIM), path), "claims .* bytes"),
    "no safetensors": ("7.safetensors", lambda path: path.write_bytes(bytes(64)), "cannot be read as safetensors"),
    "other length": (
        "7.npy",
        lambda path: np.save(path, np.zeros((5, 4, 14))),
        r"shape \(5, 4, 14\); .*with 13 numbers",
    ),
    "flat": ("7.npy", lambda path: np.save(path, np.zeros((20, DIM))), r"\(13, h, w\) or \(h, w, 13\) was expected"),
    "either": (
        "7.npy",
        lambda path: np.save(path, np.zeros((DIM, 4, DIM))),
        "first and last; choose one with --layout",
    ),
    "nan": ("7.npy", lambda path: np.save(path, np.full((5, 4, DIM), np.nan)), "20 cells are not finite"),
    "too large": ("7.npy", lambda path: np.save(path, np.full((5, 4, DIM), 1e6)), "beyond 65504; give --unit"),
    "too small": ("7.npy", lambda path: np.save(path, np.full((5, 4, DIM), 3e-6)), "20 cells .* too small .* --unit"),
    "words": ("7.npy", lambda path: np.save(path, np.full((5, 4, DIM), "x")), "real numbers were expected"),
    "empty": ("7.npz", lambda path: np.savez(path), "holds no arrays"),
    "outside": ("7.zarr", zarr_outside, "the separator '/../'"),
    "no zarr": ("7.zarr", lambda path: path.mkdir() or (path / "zarr.json").write_text("{"), "not the JSON"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_a_sentence_that_names_it(tmp_path: Path, case: str) -> None:
    name, write, sentence = BROKEN[case]
    write(tmp_path / name)
    with pytest.raises(OvstoreError, match=sentence) as told:
        read(tmp_path)
    assert str(tmp_path / name) in str(told.value)


def test_vectors_beyond_halves_fit_at_unit_length(tmp_path: Path) -> None:
    np.save(tmp_path / "7.npy", COLOURS.astype(np.float64) * 1e6)
    np.testing.assert_allclose(read(tmp_path, unit=True), COLOURS, atol=1e-3)


def test_of_scales_one_is_taken_or_their_mean_direction(tmp_path: Path) -> None:
    """3D-OVS writes (3, 512, h, w) per picture."""
    stacked = np.zeros((3, DIM, 2, 2), np.float32)
    stacked[0, 0], stacked[1, 1], stacked[2, 1] = 2, 3, 4
    torch.save(torch.from_numpy(stacked), tmp_path / "7.pth")
    np.testing.assert_array_equal(read(tmp_path, scale=1)[0, 0, :3], [0, 3, 0])
    np.testing.assert_allclose(read(tmp_path)[0, 0, :3], [1 / 3, 2 / 3, 0], atol=1e-3)
    with pytest.raises(BadInput, match=r"scale is 3; the file has 3, from 0"):
        read(tmp_path, scale=3)
