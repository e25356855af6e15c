"""What each part of the training of `tiny` brings: short runs, each without one of them.

    python bench/tiny_parts.py OUT                         6 runs of 3,000 steps; about an hour on an idle core
    python bench/tiny_parts.py OUT --steps 20000 --scenes 400 --windows 36000

The runs differ in one thing and share everything else: rooms, images, steps and seeds. Each is judged as
`bench/tiny.py` judges: points of unseen rooms named by their fused features. A shorter run says which way a part
pulls; it does not say how far the whole training gets.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import tiny as judge
from ovstore.core.features import PointFeatures
from ovstore.core.scene import PointCloud
from ovstore.ingest.datasets import scannet
from ovstore.ingest.generated.catalogue import class_names
from ovstore.ingest.generated.folder import generate_set
from ovstore.ingest.training.generated_views import language, render_scenes
from ovstore.models.encoders import tiny
from ovstore.models.tiny import tiny_clip, windows
from ovstore.models.tiny.saving import save

SEED = 1_000_000
UNSEEN = 777_000  # as bench/tiny.py
ROOMS = 6
SMALL = 200  # points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--windows", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    parser.add_argument("--without", nargs="+", choices=list(WITHOUT), default=list(WITHOUT))
    chosen = parser.parse_args()
    files = list(render_scenes(range(SEED, SEED + chosen.scenes), 10, chosen.workers, chosen.out / "images"))
    scans = chosen.out / "unseen"
    if not scans.exists():
        generate_set("scannet", scans / "scans", ROOMS, UNSEEN, workers=chosen.workers)
    print("without                          mean IoU   below 200 points   steps")
    for name in chosen.without:
        folder = chosen.out / name.replace(" ", "-")
        with ExitStack() as stack:
            stack.enter_context(patch.object(windows, "ProcessPoolExecutor", _InThisProcess))  # which has the change
            WITHOUT[name](stack)
            options = tiny_clip.TinyTrainingOptions(steps=chosen.steps)
            cut = windows.prepare(folder, files, chosen.windows, options.grid, options.window, 1, chosen.workers)
            model, _ = tiny_clip.train(cut, language(), options)
        weights, _ = save(folder, model, language(), options, {})
        whole, small = judged(scans, tiny.Options(weights=str(weights)))
        print(f"{name:32s} {whole:8.3f}   {small:16.3f}   {chosen.steps:,}", flush=True)


def judged(scans: Path, options: tiny.Options) -> tuple[float, float]:
    """Mean IoU over the names that occur; the share of the points of things below 200 points that are named right."""
    names = scannet.scene_names(scans / "scans", scannet.Options())
    clouds = [judge.fused(scans, name, options) for name in names]
    words = [*class_names(), "floor", "ceiling", "wall"]
    text = tiny.load_text_encoder(options)(words)
    return judge.mean_iou(clouds, words, text), small_things(clouds, words, text)


def small_things(clouds: list[tuple[PointCloud, PointFeatures]], words: list[str], text: np.ndarray) -> float:
    right = []
    for points, features in clouds:
        assert points.labels is not None
        assert points.instances is not None
        count = np.bincount(points.instances[points.instances >= 0])
        label, thing = points.labels[features.point_index], points.instances[features.point_index]
        small = (label >= 0) & (thing >= 0) & (count[thing] < SMALL)
        said = (features.vectors[small].astype(np.float32) @ text.T).argmax(axis=1)
        right += [points.label_names[true] == words[one] for true, one in zip(label[small], said, strict=True)]
    return float(np.mean(right))


class _InThisProcess(Executor):
    def __init__(self, *_: object, **__: object) -> None: ...

    def map(self, fn: Callable[..., object], *columns: Iterable[object], **_: object) -> Iterator[object]:  # type: ignore[override]
        return map(fn, *columns)


def _one_zoom(stack: ExitStack) -> None:
    stack.enter_context(patch.object(windows, "_ZOOM", (1.0, 1.0)))


def _majority(stack: ExitStack) -> None:
    shares = windows._shares

    def most(shown: np.ndarray, high: int, wide: int) -> tuple[np.ndarray, np.ndarray]:
        thing, share = shares(shown, high, wide)
        thing[..., 1:], share[..., 1:] = -1, 0
        share[..., :1] = np.where(share[..., :1] >= 128, 255, 0)
        return np.where(share > 0, thing, np.int16(-1)), share

    stack.enter_context(patch.object(windows, "_shares", most))


def _any_place(stack: ExitStack) -> None:
    def place(cutter: windows.Cutter, rng: np.random.Generator) -> tuple[int, None]:
        return int(rng.integers(len(cutter.examples))), None

    stack.enter_context(patch.object(windows.Cutter, "_place", place))


def _clean_camera(stack: ExitStack) -> None:
    stack.enter_context(patch.object(windows, "_BLUR", 0))
    stack.enter_context(patch.object(windows, "_JPEG", 0))


def _no_pooled_loss(stack: ExitStack) -> None:
    losses = tiny_clip._losses

    def fewer(*arguments: object) -> dict[str, object]:
        return {name: loss for name, loss in losses(*arguments).items() if name != "which_pooled"}

    stack.enter_context(patch.object(tiny_clip, "_losses", fewer))


WITHOUT: dict[str, Callable[[ExitStack], None]] = {
    "nothing": lambda stack: None,
    "zoom": _one_zoom,
    "soft labels": _majority,
    "small things drawn oftener": _any_place,
    "blur and JPEG": _clean_camera,
    "the pooled loss": _no_pooled_loss,
}


if __name__ == "__main__":
    main()
