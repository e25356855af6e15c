"""The loop of a training: what a step is, what it writes, what it refuses."""

import json
import logging
import math
import socket
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_training
import torch
from limits import full_disk
from ovstore.core.errors import BadInput, BadWeights
from ovstore.models.minkunet.checkpoint import read_minkunet
from ovstore.models.training import losses
from ovstore.models.training.progress import Progress
from ovstore.models.training.scenes import TrainingSource
from ovstore.models.training.schedule import learning_rate
from small_training import OPTIONS, events_of, run, started
from torch import Tensor, nn
from torch.nn import functional


def weights(folder: Path, name: str = "model_last.pth.tar") -> dict[str, Tensor]:
    return torch.load(folder / name, weights_only=True)["state_dict"]


def same(one: dict[str, Tensor], other: dict[str, Tensor], tolerance: float = 2e-6) -> bool:
    return all(torch.allclose(one[name], other[name], atol=tolerance) for name in one)


def test_losses_are_sums_over_voxels() -> None:
    predicted = torch.tensor([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [0.0, 0.0]])
    target = torch.tensor([[1.0, 0.0]] * 4).half()
    assert losses.summed("cosine", predicted, target).item() == pytest.approx(0 + 1 + 2 + 1)
    assert losses.summed("l1", predicted, target).item() == pytest.approx((1 + 4 + 2 + 1) / 2)
    classes = losses.summed("cross_entropy", torch.zeros(3, 5).bfloat16(), torch.tensor([0, 4, 2]))
    assert classes.item() == pytest.approx(3 * math.log(5))
    assert classes.dtype == torch.float32


def test_the_cosine_is_torchs_and_a_vector_of_no_length_has_a_gradient() -> None:
    predicted, target = torch.randn(2, 50, 7, generator=torch.Generator().manual_seed(0))
    predicted[3], target[5] = 0, 0
    known = (1 - functional.cosine_similarity(predicted, target, eps=1e-8)).sum()
    assert losses.summed("cosine", predicted.requires_grad_(), target).item() == pytest.approx(known.item(), rel=1e-6)
    losses.summed("cosine", predicted, target).backward()
    assert predicted.grad is not None and predicted.grad.isfinite().all()


def test_a_batch_too_large_for_the_gpu_is_one_sentence(tmp_path: Path) -> None:
    class Large(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, tensor: object) -> None:
            raise torch.cuda.OutOfMemoryError

    with pytest.raises(BadInput, match=r"A batch of \d+ voxels does not fit into the memory of cpu: lower batch_size"):
        run(tmp_path, network=Large())


def test_openscenes_first_step_is_slower_than_the_rest() -> None:
    options = replace(OPTIONS, base_lr=1e-3, first_step_lr=1e-4, power=0.9)
    rates = [learning_rate(options, step, 100) for step in range(100)]
    assert rates[:2] == [1e-4, pytest.approx(1e-3 * 0.99**0.9)]
    assert rates[-1] == pytest.approx(1e-3 * 0.01**0.9)
    slow = replace(OPTIONS, base_lr=1.0, warmup_steps=4, power=0)
    assert [learning_rate(slow, step, 10) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_student_learns_and_says_how_far_it_is(tmp_path: Path) -> None:
    said: list[Progress] = []
    trained = run(tmp_path, "tiny", changes={"epochs": 5}, report=said.append)
    assert [each.step for each in said] == list(range(1, 11)) and trained.steps == 10
    assert [each.epoch for each in said] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert said[-1].loss < said[0].loss and said[-1].seconds_left == 0 and said[-1].voxels_per_second > 0
    assert not trained.network.training
    told = json.loads((tmp_path / "training.json").read_text())
    assert told["options"]["seed"] == OPTIONS.seed and told["student"]["name"] == "tiny"
    assert told["scenes"] == ["room0", "room1", "room2", "room3"] and told["versions"]["torch"] == torch.__version__
    assert [each["epoch"] for each in told["log"]] == [1, 2, 3, 4, 5]
    assert told["log"][-1]["loss_train"] < told["log"][0]["loss_train"]


def test_small_batches_added_up_are_one_large_batch(tmp_path: Path) -> None:
    run(tmp_path / "large", changes={"batch_size": 4})
    run(tmp_path / "small", changes={"batch_size": 1, "accumulate": 4}, workers=2)
    assert same(weights(tmp_path / "large"), weights(tmp_path / "small"))
    run(tmp_path / "other", changes={"batch_size": 2})
    assert not same(weights(tmp_path / "large"), weights(tmp_path / "other"))


def test_what_is_left_of_an_epoch_is_a_step_too(tmp_path: Path) -> None:
    assert run(tmp_path, rooms=5, changes={"batch_size": 1, "accumulate": 2, "epochs": 2}).steps == 6


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torchruns = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    rooms = {"rooms": 3, "bare": 1}  # in some steps one of the processes has nothing that is taught
    both = [
        started(tmp_path / "two", {**torchruns, "RANK": rank, "LOCAL_RANK": rank}, changes={"batch_size": 1}, **rooms)
        for rank in "01"
    ]
    run(tmp_path / "one", **rooms)
    for process in both:
        process.join(60)
        process.kill()
    assert [process.exitcode for process in both] == [0, 0]
    assert same(weights(tmp_path / "one"), weights(tmp_path / "two"))
    one, two = events_of(tmp_path / "one"), events_of(tmp_path / "two")
    assert [tags["loss_train"] for _, tags in one if "loss_train" in tags] == pytest.approx(
        [tags["loss_train"] for _, tags in two if "loss_train" in tags], abs=1e-5
    )


def test_a_step_that_teaches_nothing_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, rooms=2, bare=1, changes={"batch_size": 1, "epochs": 1})
    assert "1 of 2 steps skipped" in caplog.text
    with pytest.raises(BadInput, match="None of the voxels of epoch 1 has a target"):
        run(tmp_path / "bare", rooms=2, bare=2)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_stays_close(tmp_path: Path, precision: str) -> None:
    gentle = {"optimizer": "sgd", "base_lr": 0.1}  # Adam makes whole steps of gradients that are noise
    run(tmp_path / "float32", changes=gentle)
    run(tmp_path / "lower", changes={**gentle, "precision": precision})
    exact, lower = weights(tmp_path / "float32"), weights(tmp_path / "lower")
    assert same(exact, lower, 0.003) and not same(exact, lower)
    assert all(tensor.dtype == torch.float32 for tensor in lower.values())


def test_a_long_gradient_is_shortened(tmp_path: Path) -> None:
    changes = {"optimizer": "sgd", "base_lr": 1.0, "epochs": 1, "batch_size": 4, "clip_norm": 1e-3}
    run(tmp_path, changes=changes)
    before = small_training.network("plain").state_dict()
    after = weights(tmp_path)
    moved = sum(float((after[f"net3d.{name}"] - tensor).square().sum()) for name, tensor in before.items()) ** 0.5
    assert moved == pytest.approx(1e-3, rel=1e-3)


def test_the_checkpoint_is_openscenes(tmp_path: Path) -> None:
    trained = run(tmp_path, "tiny", validate=lambda network, epoch: {"mIoU": 0.1 * epoch})
    content = torch.load(trained.weights, weights_only=True)
    assert content["epoch"] == 3 and content["best_iou"] == pytest.approx(0.3)
    assert {"state_dict", "optimizer"} <= content.keys()
    assert all(name.startswith("net3d.") for name in content["state_dict"])
    for name, tensor in read_minkunet(trained.weights).network().state_dict().items():
        assert torch.equal(tensor, trained.network.state_dict()[name])


def test_validation_leaves_running_statistics_alone(tmp_path: Path) -> None:
    def look(network: nn.Module, epoch: int) -> dict[str, float]:
        assert not network.training and not torch.is_grad_enabled()
        network(next(small_training.batch()).tensor())
        return {"loss": 1.0, "mIoU": [0.0, 0.7, 0.2][epoch - 1], "mAcc": 0.5}

    run(tmp_path / "looked", "tiny", validate=look)
    run(tmp_path / "blind", "tiny")
    assert same(weights(tmp_path / "looked"), weights(tmp_path / "blind"), 0)
    told = [tags for step, tags in events_of(tmp_path / "looked") if step == 2]
    assert {"loss_train_batch", "learning_rate"} == told[0].keys()
    assert {"loss_train", "loss_val", "mIoU_val", "mAcc_val"} == told[1].keys()
    best = torch.load(tmp_path / "looked" / "model_best.pth.tar", weights_only=True)
    assert best["epoch"] == 2 and best["best_iou"] == 0.7


def test_without_validation_the_least_loss_is_best(tmp_path: Path) -> None:
    run(tmp_path)
    log = json.loads((tmp_path / "training.json").read_text())["log"]
    best = min(log, key=lambda each: each["loss_train"])
    assert torch.load(tmp_path / "model_best.pth.tar", weights_only=True)["epoch"] == best["epoch"]


def test_a_loss_that_is_not_finite_stops_and_leaves_what_was_saved(tmp_path: Path) -> None:
    def broken(shown: list[int]) -> Any:
        scene = replace(small_training.scene(0), name="kitchen")
        shown.append(0)
        return replace(scene, target=np.full_like(scene.target, np.inf)) if len(shown) > 2 else scene

    sources = [TrainingSource("kitchen", partial(broken, []))]
    with pytest.raises(BadInput) as caught:
        run(tmp_path, sources=sources, changes={"batch_size": 1, "epochs": 5, "loss": "l1"}, save_steps=2)
    assert "The loss of step 3 is inf (scenes kitchen). Lower base_lr (it is 0.01)" in str(caught.value)
    assert "still contains step 2" in str(caught.value)
    assert torch.load(tmp_path / "model_last.pth.tar", weights_only=True)["standing"]["step"] == 2


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    network = small_training.Plain()

    def spoil(progress: Progress) -> None:
        network.second.kernel.data.fill_(math.nan)

    with pytest.raises(BadInput, match="Weights are not finite after step 1"):
        run(tmp_path, network=network, report=spoil, save_steps=1)
    assert not (tmp_path / "model_last.pth.tar").exists()


def test_a_folder_is_for_one_training(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(
        BadInput, match="already contains a training run: continue it with --resume, or use another folder"
    ):
        run(tmp_path)
    hold = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None and other.stdout.readline()
    with pytest.raises(BadInput, match="Another training run is active in"):
        run(tmp_path, resume=True)
    other.kill()
    other.communicate()
    assert run(tmp_path, resume=True).steps == 6


def test_another_training_is_not_resumed(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(
        BadInput, match=r"options.base_lr is 0.01, but 0.5 was requested; options.seed is 5, but 6 was requested"
    ):
        run(tmp_path, resume=True, changes={"base_lr": 0.5, "seed": 6})
    with pytest.raises(BadInput, match=r"student.name is 'plain', but 'tiny' was requested"):
        run(tmp_path, "tiny", resume=True)
    with pytest.raises(BadInput, match=r"scenes are 4, but 5 were requested; they differ in 'room4'"):
        run(tmp_path, resume=True, rooms=5)
    (tmp_path / "weights").mkdir()
    torch.save({"state_dict": weights(tmp_path)}, tmp_path / "weights" / "model_last.pth.tar")
    with pytest.raises(BadWeights, match="its weights can start a new one"):
        run(tmp_path / "weights", resume=True)


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with full_disk(8192), pytest.raises(BadInput, match=r"model_last.pth.tar cannot be written: "):
        run(tmp_path / "full")
    assert not [path for path in (tmp_path / "full").iterdir() if path.name.endswith((".part", ".tar"))]


@pytest.mark.parametrize("wanted", [None, True])
def test_training_goes_on_without_tensorboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wanted: bool | None
) -> None:
    for name in [name for name in sys.modules if name.startswith("tensorboardX")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.delitem(sys.modules, "ovstore.models.training.events", raising=False)
    with caplog.at_level(logging.WARNING):
        assert run(tmp_path, tensorboard=wanted).steps == 6
    assert ("pip install 'ovstore[train]'" in caplog.text) is bool(wanted)
    assert not events_of(tmp_path)


def test_equal_directions_are_like_the_same_anchors() -> None:
    target = functional.normalize(torch.randn(6, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    anchors = functional.normalize(torch.randn(9, 5, generator=torch.Generator().manual_seed(1)), dim=1)
    assert losses.dissimilarity(3 * target, target.half(), anchors, 10).item() == pytest.approx(0, abs=1e-4)
    assert losses.dissimilarity(-target, target, anchors, 10) > losses.dissimilarity(target + 0.1, target, anchors, 10)
    one = losses.dissimilarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.eye(2), math.log(3))
    assert one.item() == pytest.approx(0.5 * math.log(3))  # (3/4, 1/4) against (1/4, 3/4)


def test_anchors_are_told_apart_where_they_count(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    anchors = rng.normal(size=(400, small_training.WIDTH)).astype(np.float16)
    changes = {"epochs": 2, "anchor_weight": 1.0}
    for name in ("one", "other"):
        run(tmp_path / name, changes=changes, anchors=anchors)
    run(tmp_path / "without", changes={"epochs": 2}, anchors=anchors)
    assert same(weights(tmp_path / "one"), weights(tmp_path / "other"), 0)
    assert not same(weights(tmp_path / "one"), weights(tmp_path / "without"))
    with pytest.raises(BadInput, match="no objects to compare with:"):
        run(tmp_path / "none", changes=changes)
