"""What distillation is for: a student is righter than the noisy features that taught it, and speaks where they do not.

Rooms are a floor with coloured boxes. Their features are the right words' vectors, but for patches where frames
disagreed, most of them for the wrong one, and for a corner that no frame saw.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from ovstore.evaluation.points.decide import ClassTexts, Decision, decide, ensemble
from ovstore.evaluation.points.metrics import confusion, score
from ovstore.models.students import tiny
from ovstore.models.training.inference import point_vectors
from ovstore.models.training.loop import train
from ovstore.models.training.options import TrainingOptions
from ovstore.models.training.scenes import TrainingScene, TrainingSource

CLASSES, DIM, SIZE, UNSEEN = 5, 16, 2.0, 0.7  # metres of a room's side; the corner below this is unseen
COLOURS = np.array([[90, 90, 90], [200, 40, 40], [40, 180, 60], [50, 70, 210], [220, 200, 40]])
WORDS = np.linalg.qr(np.random.default_rng(0).normal(size=(DIM, DIM)))[0][:CLASSES] * 0.8 + 0.6 / DIM**0.5
WORDS = (WORDS / np.linalg.norm(WORDS, axis=1, keepdims=True)).astype(np.float32)  # what they share is in all of them
OPTIONS = TrainingOptions(
    voxel_size=0.1, batch_size=1, epochs=10, base_lr=1e-2, elastic_probability=0, anchor_weight=1.0
)


def room(number: int) -> tuple[TrainingScene, NDArray[np.int64]]:
    """The points with their features, and (N,) what they are: 0 is the floor."""
    rng = np.random.default_rng([number, 7])
    kinds = rng.permutation(np.arange(1, CLASSES).repeat(2))
    parts, truth, patch = [np.c_[rng.uniform(0, SIZE, (700, 2)), np.zeros(700)]], [np.zeros(700, int)], []
    for kind in kinds:
        corner, extent = rng.uniform(0, SIZE - 0.4, 2), np.r_[0.4, 0.4, 0.2 + 0.1 * kind]
        box = rng.uniform(0, 1, (120, 3))
        box[np.arange(120), rng.integers(0, 3, 120)] = 1
        parts.append(box * extent + np.r_[corner, 0])
        truth.append(np.full(120, kind))
    xyz, known = np.concatenate(parts), np.concatenate(truth)
    cell = np.floor(xyz[:, :2] / 0.25).astype(int) @ [100, 1] * 10 + known
    _, patch = np.unique(cell, return_inverse=True)
    taken_for = np.where(rng.random(patch.max() + 1) < 0.4, rng.integers(0, CLASSES, patch.max() + 1), -1)[patch]
    words = np.where((taken_for >= 0)[:, None], 0.45 * WORDS[known] + 0.55 * WORDS[taken_for], WORDS[known])
    words += rng.normal(0, np.where(taken_for >= 0, 0.2, 0.05)[:, None], words.shape)
    seen = np.flatnonzero(~(xyz[:, :2] < UNSEEN).all(axis=1))
    rgb = np.clip(COLOURS[known] + rng.normal(0, 12, (len(xyz), 3)), 0, 255).astype(np.uint8)
    vectors = words / np.linalg.norm(words, axis=1, keepdims=True)
    return TrainingScene(f"room{number}", xyz, rgb, seen, vectors[seen].astype(np.float16)), known


def taught(number: int) -> TrainingScene:
    return room(number)[0]


def decided(points: int, rows: NDArray[np.integer], vectors: NDArray[np.floating]) -> Decision:
    texts = ClassTexts(WORDS, np.arange(CLASSES))
    return decide([(rows.astype(np.int32), vectors.astype(np.float16))], points, texts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_student_is_righter_than_its_teachers_and_both_together_no_worse(seed: int, tmp_path: Path) -> None:
    torch.manual_seed(seed)
    network = train(
        tiny.build(tiny.Options(), 3, DIM),
        [TrainingSource(f"room{n}", partial(taught, n)) for n in range(10 * seed, 10 * seed + 8)],
        OPTIONS,
        tmp_path,
        student={"name": "tiny"},
        anchors=WORDS.astype(np.float16),
        device="cpu",
    ).network
    counts = {name: np.zeros((CLASSES, CLASSES + 1), np.int64) for name in ("fusion", "distill", "ensemble", "unseen")}
    for number in (100 + seed, 110 + seed):  # rooms that taught nothing
        scene, known = room(number)
        fused = decided(len(known), scene.point_index, scene.target)
        vectors = point_vectors(network, scene.xyz, scene.rgb, OPTIONS, torch.device("cpu"))
        distilled = decided(len(known), np.arange(len(known)), np.asarray(vectors))
        both, _ = ensemble(fused, distilled)
        for name, decision in (("fusion", fused), ("distill", distilled), ("ensemble", both)):
            counts[name] += confusion(known, decision.index, CLASSES)
        counts["unseen"] += confusion(np.where(fused.index < 0, known, -1), distilled.index, CLASSES)
    fusion, distill, together = (score(counts[name], "wrong").mean_iou("present") for name in list(counts)[:3])
    assert fusion < distill <= together
    on_seen = score(counts["distill"] - counts["unseen"], "wrong").point_accuracy
    assert score(counts["unseen"], "wrong").point_accuracy >= 0.8 * on_seen
