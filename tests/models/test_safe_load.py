"""Checkpoints are read as numbers, whoever wrote them; what is more than numbers is refused with a sentence."""

import hashlib
import os
import pickle
import sys
import types
import zipfile
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from ovstore.core.errors import BadWeights
from ovstore.models.safe_load import load_into, read_state_dict, read_torch, sha256_of
from safetensors.torch import save_file
from torch import nn

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([1.0, 2.0])}


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def same(loaded: dict[str, torch.Tensor]) -> bool:
    return loaded.keys() == TENSORS.keys() and all(torch.equal(loaded[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize(
    "wrapped",
    [
        TENSORS,
        {"state_dict": TENSORS, "epoch": 3},
        {"model": {"state_dict": TENSORS}},
        {f"module.{name}": tensor for name, tensor in TENSORS.items()},
        {"state_dict": {f"module.{name}": tensor for name, tensor in TENSORS.items()}},
        {f"_orig_mod.module.{name}": tensor for name, tensor in TENSORS.items()},
        {f"module._orig_mod.module.{name}": tensor for name, tensor in TENSORS.items()},
        {"state_dict": TENSORS, "best": np.float64(0.5), "table": np.arange(3)},
    ],
    ids=["plain", "state_dict", "nested", "module", "state_dict and module", "compiled", "twice", "with numpy values"],
)
def test_wrappers_come_off(tmp_path, wrapped: dict) -> None:
    torch.save(wrapped, tmp_path / "a.pt")
    assert same(read_state_dict(tmp_path / "a.pt"))


def test_safetensors_are_known_by_their_content(tmp_path) -> None:
    save_file(TENSORS, tmp_path / "wrongly_named.bin")
    assert same(read_state_dict(tmp_path / "wrongly_named.bin"))


def test_the_old_format_of_pytorch_is_read(tmp_path) -> None:
    torch.save(TENSORS, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    assert same(read_state_dict(tmp_path / "a.pt"))


@pytest.mark.parametrize("zipped", [True, False])
def test_arrays_are_read_as_numpy_1_and_2_pickled_them(tmp_path, zipped: bool) -> None:
    arrays = (np.arange(6.0).reshape(2, 3), 0, np.array([255, 3], np.uint16), np.array([True, False]), np.float32(2))
    torch.save(arrays, tmp_path / "new.pth", _use_new_zipfile_serialization=zipped)
    old = (tmp_path / "new.pth").read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    paths = [tmp_path / "new.pth"]
    if (
        not zipped
    ):  # an archive would need its checksums and lengths anew; tests/ingest/test_openscene_files.py writes one
        (tmp_path / "old.pth").write_bytes(old)
        paths.append(tmp_path / "old.pth")
    for path in paths:
        for found, stored in zip(read_torch(path), arrays, strict=True):
            np.testing.assert_array_equal(found, stored)


def test_arrays_of_a_large_scan_are_read(tmp_path) -> None:
    """OpenScene's files keep arrays inside the pickle: 80 bytes for a point with coordinates, colours and a label."""
    xyz = np.full((3_000_000, 3), 1 / 3)
    torch.save((xyz, 0), tmp_path / "a.pth")
    np.testing.assert_array_equal(read_torch(tmp_path / "a.pth")[0], xyz)


def test_an_array_whose_numbers_are_called_objects_is_refused(tmp_path) -> None:
    """One bit of a pickled dtype makes NumPy take the numbers for pointers."""
    torch.save(np.ones(3, np.float16), tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    content = (tmp_path / "a.pth").read_bytes()
    assert content.count(b"K\x00t") == 1  # the flags, last of the dtype's state
    (tmp_path / "a.pth").write_bytes(content.replace(b"K\x00t", b"K\x01t"))
    with pytest.raises(BadWeights, match="was not loaded"):
        read_torch(tmp_path / "a.pth")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".bin"])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_never_run(tmp_path, suffix: str, zipped: bool) -> None:
    evil = tmp_path / f"evil{suffix}"
    torch.save({"state_dict": TENSORS, "x": Bomb(tmp_path / "owned")}, evil, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadWeights, match="asks to run code when it is loaded, or is damaged, so it was not loaded"):
        read_state_dict(evil)
    assert not (tmp_path / "owned").exists()


def test_objects_of_a_training_framework_are_passed_over(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning keeps callbacks, as classes and as objects, and an argparse.Namespace beside the tensors."""
    name = "pytorch_lightning"
    callback = type("ModelCheckpoint", (), {"__module__": name})
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, name, types.ModuleType(name))
        patched.setattr(sys.modules[name], "ModelCheckpoint", callback, raising=False)
        beside = {"callbacks": {callback: {"best": 1.0}}, "object": callback(), "hyper_parameters": Namespace(lr=0.1)}
        torch.save({"state_dict": TENSORS, **beside}, tmp_path / "lightning.ckpt")
    assert same(read_state_dict(tmp_path / "lightning.ckpt"))


def test_a_bare_pickle_is_never_run(tmp_path) -> None:
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Bomb(tmp_path / "owned"), protocol=2))
    with pytest.raises(BadWeights):
        read_state_dict(tmp_path / "evil.pth")
    assert not (tmp_path / "owned").exists()


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_torchscript_program_is_refused_with_where_to_look(tmp_path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "ViT-B-16.pt")
    with pytest.raises(BadWeights, match=r"is a TorchScript program .* use the same weights as .safetensors"):
        read_state_dict(tmp_path / "ViT-B-16.pt")


def test_a_compressed_archive_is_not_unfolded(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(10_000_000))
    with pytest.raises(BadWeights, match="compressed archive, which PyTorch never writes"):
        read_state_dict(tmp_path / "bomb.pt")


def test_an_archive_that_claims_more_than_it_has_is_refused(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("archive/data/0", bytes(1000))
    data = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(data.replace((1000).to_bytes(4, "little"), (1 << 31).to_bytes(4, "little")))
    with pytest.raises(BadWeights, match="its parts claim more bytes than the file has"):
        read_state_dict(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a readable PyTorch or safetensors file"),
        (b"hello world, this is text", "was not loaded|not a readable"),
        ((40).to_bytes(8, "little") + b'{"weight": broken json                  }' + bytes(9), "damaged safetensors"),
    ],
    ids=["empty", "text", "broken header"],
)
def test_what_is_no_checkpoint_is_one_sentence(tmp_path, content: bytes, says: str) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(BadWeights, match=says):
        read_state_dict(tmp_path / "a.pt")


def test_a_truncated_file_is_one_sentence(tmp_path) -> None:
    save_file({"weight": torch.zeros(100, 100)}, tmp_path / "whole.safetensors")
    (tmp_path / "half.safetensors").write_bytes((tmp_path / "whole.safetensors").read_bytes()[:20_000])
    with pytest.raises(BadWeights, match="damaged safetensors file"):
        read_state_dict(tmp_path / "half.safetensors")
    with pytest.raises(BadWeights, match="No weights at"):
        read_state_dict(tmp_path / "missing.safetensors")


def test_a_checkpoint_without_tensors_is_refused(tmp_path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    with pytest.raises(BadWeights, match="contains no tensors"):
        read_state_dict(tmp_path / "a.pt")
    torch.save([1, 2], tmp_path / "b.pt")
    with pytest.raises(BadWeights, match="contains a list"):
        read_state_dict(tmp_path / "b.pt")


def test_weights_are_loaded_all_or_not_at_all() -> None:
    layer = nn.Linear(3, 2)
    load_into(layer, {name: tensor.half() for name, tensor in TENSORS.items()}, "The weights")
    torch.testing.assert_close(layer.weight, TENSORS["weight"])
    assert layer.weight.dtype == torch.float32
    assert not layer.training


def test_another_models_weights_are_counted_and_named() -> None:
    with pytest.raises(BadWeights) as caught:
        load_into(nn.Linear(3, 2), {"weight": TENSORS["weight"], "ln.bias": TENSORS["bias"]}, "The weights a.pt")
    assert str(caught.value) == (
        "The weights a.pt do not fit: 1 missing (such as bias), 1 unexpected (such as ln.bias) of 2 expected tensors. "
        "Is it another model's file?"
    )
    with pytest.raises(BadWeights, match=r"1 tensors have other shapes, such as weight \(2, 3\) where \(2, 4\) was"):
        load_into(nn.Linear(4, 2), TENSORS, "The weights a.pt")
    with pytest.raises(BadWeights, match=r"The weights a.pt are damaged: 1 not finite \(such as bias\)"):
        load_into(nn.Linear(3, 2), {**TENSORS, "bias": torch.tensor([1.0, torch.nan])}, "The weights a.pt")


def test_the_digest_follows_the_content(tmp_path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"one")
    assert sha256_of(file) == hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"three")
    assert sha256_of(file) == hashlib.sha256(b"three").hexdigest()
    with pytest.raises(BadWeights, match="No weights at"):
        sha256_of(tmp_path / "missing")


def test_what_is_no_file_has_no_digest(tmp_path) -> None:
    with pytest.raises(BadWeights, match="is a folder; give the weights file"):
        sha256_of(tmp_path)
    os.mkfifo(tmp_path / "pipe.ckpt")
    with pytest.raises(BadWeights, match=r"pipe\.ckpt is not a regular file"):
        sha256_of(tmp_path / "pipe.ckpt")


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize(
    ("tensor", "sentence"),
    [
        (torch.zeros(1).expand(1 << 40), "the file does not contain such a shape"),
        (torch.zeros(3).to_sparse(), "a dense one"),
    ],
)
def test_weights_that_would_grow_are_refused(tmp_path, tensor, sentence: str) -> None:
    torch.save({"weight": tensor}, tmp_path / "a.pt")
    with pytest.raises(BadWeights, match=sentence):
        read_state_dict(tmp_path / "a.pt")
