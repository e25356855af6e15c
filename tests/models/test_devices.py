"""Where networks run: what a device may be, and what is said where one has no room."""

import pytest
import torch
from ovstore.core.errors import BadInput
from ovstore.models.devices import device_of, out_of_memory_as
from ovstore.models.openclip.dense import MOST_SEQUENCES, alone


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mps", "which nothing here was written for; auto, cpu or cuda was expected"),
        ("meta", "which nothing here was written for; auto, cpu or cuda was expected"),
        ("gpu", "device is 'gpu': auto, cpu or cuda was expected"),
    ],
)
def test_a_device_that_is_neither_a_cpu_nor_cuda_is_refused_by_name(name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        device_of(name)


def test_a_gpu_that_is_not_there_is_refused_with_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_of("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(BadInput, match="device is 'cuda:2', but PyTorch sees 2 CUDA devices"):
        device_of("cuda:2")


def test_a_device_without_room_is_told_of_in_the_sentence_given_and_other_errors_as_they_are() -> None:
    with pytest.raises(BadInput, match=r"^Take less[.]$"), out_of_memory_as("Take less."):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(RuntimeError, match="illegal"), out_of_memory_as("Take less."):
        raise RuntimeError("CUDA error: an illegal memory access")


def test_more_patches_than_one_launch_takes_go_through_the_last_block_in_parts() -> None:
    seen = []

    def layer(sequences: torch.Tensor) -> torch.Tensor:
        assert sequences.shape[1] == 1
        seen.append(len(sequences))
        return 2 * sequences

    tokens = torch.arange(2 * 35_000.0).reshape(2, 35_000, 1)
    assert torch.equal(alone(tokens, layer), 2 * tokens)
    assert max(seen) <= MOST_SEQUENCES < 65_536
