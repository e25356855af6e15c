"""A set of generated scenes in a folder, with the truth about them beside it."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...core import plugins
from ...core.contracts import offers
from ...core.errors import BadInput
from ...core.files import replacing
from ...core.wording import short_list
from .formats import SharedFiles
from .mask_folder import MASKS, write_masks
from .pairs import LOOKALIKES, TWINS, some
from .plan import ScenePlan, plan
from .recording import record
from .scene import GeneratedScene, SceneOptions, generate_scene, scannet_cameras
from .sensor import Sensor
from .spoiled_masks import MaskFaults
from .truth import truth_of

TRUTH = "truth.json"
_CLAIM = ".generating.json"  # there while a set is made: what a run that was killed left behind is known by it
BENCH = "bench"  # the frozen set of benchmark.py, which is no format, and what it has beside its scenes
BENCH2 = "bench2"  # that of benchmark2
_BENCH_SHARED = {
    BENCH: ("queries", "absent.txt", "bench.json"),
    BENCH2: ("queries", "masks", "simulated", "bench.json"),
}
_SCENE_NAME = re.compile(r"scene\d{4,}_\d\d")


@dataclass(frozen=True)
class FolderOptions:
    """What the scans of a set are like."""

    frames: int = field(default=32, metadata={"help": "Images with a pose per scene."})
    lost_frames: int = field(default=1, metadata={"help": "Images whose pose was lost (-inf) per scene."})
    color_size: tuple[int, int] = field(
        default=(480, 360), metadata={"help": "Width and height of the colour images; time grows with the area."}
    )
    depth_size: tuple[int, int] = field(default=(320, 240), metadata={"help": "Width and height of the depth images."})
    spacing: float = field(
        default=0.03,
        metadata={
            "help": "Metres between points on furniture, finer on small things; half makes four times the points."
        },
    )
    clutter: float = field(default=1.0, metadata={"help": "Multiplies the number of small things."})
    twins: int = field(
        default=0, metadata={"help": "Pairs of equal things per scene that stand side by side and touch."}
    )
    lookalikes: int = field(
        default=0, metadata={"help": "Things per scene with the colour and the size of another kind of thing."}
    )
    noise: float = field(default=1.0, metadata={"help": "Multiplies the noise of images, depth and mesh; 0 is none."})
    max_range: float = field(default=6.0, metadata={"help": "Metres beyond which there are no depth readings."})
    masks: bool = field(
        default=False,
        metadata={
            "help": "Also write 2D masks of every frame to DIR/masks, with the faults of a segmenter such as SAM: "
            "merged, split, missing or partial masks and wrong borders."
        },
    )
    mask_faults: float = field(
        default=1.0, metadata={"help": "Multiplies how often masks have a fault (docs/datasets.md); 0 is never."}
    )

    def __post_init__(self) -> None:
        if self.frames < 1 or self.lost_frames < 0:
            raise BadInput("--frames must be at least 1 and --lost-frames at least 0.")
        if min(*self.color_size, *self.depth_size) < 16:
            raise BadInput("--color-size and --depth-size must be at least 16 pixels in width and height.")
        if not 0.005 <= self.spacing <= 0.5:
            raise BadInput(f"--spacing is {self.spacing} metres; 0.005 to 0.5 were expected.")
        if not (0 <= self.twins <= len(TWINS) and 0 <= self.lookalikes <= len(LOOKALIKES)):
            raise BadInput(f"--twins must be 0 to {len(TWINS)} and --lookalikes 0 to {len(LOOKALIKES)} per scene.")
        if self.clutter < 0 or self.noise < 0 or not self.max_range > 0.5:
            raise BadInput("--clutter and --noise must be at least 0, --max-range more than half a metre.")
        if not 0 <= self.mask_faults < np.inf:
            raise BadInput(f"--mask-faults is {self.mask_faults}; 0 or more was expected.")


def generate_set(
    format_name: str,
    root: Path,
    scenes: int,
    seed: int,
    options: FolderOptions | None = None,
    workers: int = 1,
    force: bool = False,
    report: Callable[[dict[str, Any]], None] = lambda truth: None,
) -> dict[str, Any]:
    """Make `scenes` scenes below `root` in a format of `formats/`; the truth, which is also written to truth.json.

    `report` hears the truth of each scene as it is done. The bytes depend on the seed and the options, not on the
    workers. Existing scenes are refused unless `force` replaces them.
    """
    form = plugins.load("ingest.generated.formats", format_name)
    if scenes < 1 or seed < 0:
        raise BadInput("A set has at least 1 scene and a seed of at least 0.")
    options = options or FolderOptions()
    plans = plan(scenes, seed)
    with room_for(root, format_name, [p.name for p in plans], force, options.masks):
        ordered = made(partial(write_scene, format_name, root, options), plans, workers, report)
        form.write_set(root, [p.name for p in plans])
        where = {name: truth["scene"] for truth in ordered for name in truth["planted"]}
        truth = {"format": format_name, "seed": seed, "planted": where, "scenes": ordered}
        if options.masks:
            faults = MaskFaults().times(options.mask_faults)
            (root / MASKS).mkdir()
            counts = made(partial(_write_masks, format_name, root, options, faults), plans, workers)
            truth["mask_faults"] = asdict(faults)
            truth["scenes"] = [scene | one for scene, one in zip(ordered, counts, strict=True)]
        write_json(root / TRUTH, truth)
        return truth


@contextmanager
def room_for(root: Path, format_name: str, names: Sequence[str], force: bool, masks: bool = False) -> Iterator[None]:
    """The folder `root` with a place for the scenes `names`, and for `masks`; an earlier set is refused unless `force`
    removes it."""
    try:
        if force:
            _remove_earlier(root)
        else:
            _refuse_to_overwrite(root, names)
        _refuse_what_nobody_generated(root, (*_shared(format_name), *((MASKS,) if masks else ())))
        root.mkdir(parents=True, exist_ok=True)
        claim = {"format": format_name, "scenes": [{"scene": name} for name in names]}
        with replacing(root / _CLAIM) as part:
            write_json(part, claim | ({"mask_faults": {}} if masks else {}))
        yield
        (root / _CLAIM).unlink()
    except OSError as error:
        raise BadInput(f"{root}: cannot be written: {error.strerror or error}") from error


def made(
    task: Callable[[Any], dict[str, Any]],
    plans: Sequence[Any],
    workers: int,
    report: Callable[[dict[str, Any]], None] = lambda truth: None,
) -> list[dict[str, Any]]:
    """What `task` says of each scene that is planned, in the order of `plans`; `report` hears it as it is said."""
    engine = plugins.load("ingest.engines", "processes" if workers > 1 else "inline")
    truths = {}
    for outcome in engine.run(task, plans, workers):
        if outcome.error is not None:
            raise outcome.error
        truths[outcome.result["scene"]] = outcome.result
        report(outcome.result)
    return [truths[planned.name] for planned in plans]


def write_json(path: Path, value: Any) -> None:
    """A document, in lines that people can read."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="ascii", newline="\n")


@contextmanager
def whole_folder(root: Path, name: str) -> Iterator[Path]:
    """A new folder to write into, which becomes `root`/`name` once it is complete, in place of what is there."""
    part, final = root / f".{name}.part", root / name
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    yield part
    if final.exists():
        shutil.rmtree(final)
    part.rename(final)


def write_scene(format_name: str, root: Path, options: FolderOptions, planned: ScenePlan) -> dict[str, Any]:
    """Make one scene of a set; its folder appears whole or not at all. The truth about it."""
    recording = record(
        planned.name,
        _scene(options, planned),
        scannet_cameras(options.color_size, options.depth_size),
        Sensor(noise=options.noise, max_range=options.max_range),
        options.spacing,
        options.lost_frames,
        np.random.default_rng([*planned.seed, 1]),
    )
    with whole_folder(root, planned.name) as folder:
        plugins.load("ingest.generated.formats", format_name).write(folder, recording)
    return truth_of(recording)


def _write_masks(
    format_name: str, root: Path, options: FolderOptions, faults: MaskFaults, planned: ScenePlan
) -> dict[str, Any]:
    """The masks of a scene that was written. What became of the things of its frames."""
    counts = write_masks(format_name, root, planned.name, _scene(options, planned), faults, planned.seed)
    return {"scene": planned.name, "masks": asdict(counts)}


def _scene(options: FolderOptions, planned: ScenePlan) -> GeneratedScene:
    rng = np.random.default_rng([*planned.seed, 2])
    wanted = SceneOptions(
        frames=options.frames,
        planted=planned.planted,
        clutter=options.clutter,
        scene_type=planned.scene_type,
        twins=some(TWINS, options.twins, rng),
        lookalikes=some(LOOKALIKES, options.lookalikes, rng),
    )
    return generate_scene(planned.seed, wanted)


def _refuse_to_overwrite(root: Path, names: Sequence[str]) -> None:
    if root.exists() and not root.is_dir():
        raise BadInput(f"{root} is a file; a folder for the scenes was expected.")
    existing = [path for path in (*(root / name for name in names), root / TRUTH, root / _CLAIM) if path.exists()]
    if existing:
        there = short_list([str(path) for path in existing], 1)
        raise BadInput(f"{there} exist already. Choose another folder, or replace them with --force.")


def _refuse_what_nobody_generated(root: Path, shared: tuple[str, ...]) -> None:
    """What a set would be joined with: a release of real scans, which nothing here may change."""
    existing = [root / name for name in shared if (root / name).exists()]
    if existing:
        raise BadInput(f"{existing[0]} exists, but does not belong to a generated set. Choose another folder.")


def _shared(format_name: str) -> tuple[str, ...]:
    if format_name in _BENCH_SHARED:
        return _BENCH_SHARED[format_name]
    shared = offers(plugins.load("ingest.generated.formats", format_name), SharedFiles)
    return () if shared is None else shared.SHARED


def _remove_earlier(root: Path) -> None:
    """Take away the set that was made here, or begun: of two sets in one folder neither would be true."""
    if (root / _CLAIM).exists():
        (root / TRUTH).unlink(missing_ok=True)  # of the same set, and perhaps not written to its end
    for name in (_CLAIM, TRUTH):
        _remove_set(root, root / name)


def _remove_set(root: Path, told: Path) -> None:
    """What the file `told` speaks of, and the file itself."""
    try:
        truth = json.loads(told.read_bytes())
        names, format_name = [scene["scene"] for scene in truth["scenes"]], truth["format"]
    except (FileNotFoundError, NotADirectoryError):
        return
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{told} is not the ground truth of generated scenes; choose another folder.") from error
    for name in names:
        if isinstance(name, str) and _SCENE_NAME.fullmatch(name):
            shutil.rmtree(root / name, ignore_errors=True)
            shutil.rmtree(root / f".{name}.part", ignore_errors=True)
    if format_name in (*_BENCH_SHARED, *plugins.names("ingest.generated.formats")):
        for name in (*_shared(format_name), *((MASKS,) if "mask_faults" in truth else ())):
            if (root / name).is_file():
                (root / name).unlink()
            shutil.rmtree(root / name, ignore_errors=True)
            shutil.rmtree(root / f".{name}.part", ignore_errors=True)
    told.unlink()
