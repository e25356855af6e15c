"""Fusion, distillation and their ensemble on generated rooms: over several seeds.

    python bench/distill.py                  40 rooms, 3 seeds (half an hour on two cores)
    python bench/distill.py --quick          6 rooms, 1 seed, to see that it runs; its figures mean nothing

Everything goes through the commands that people type. The rooms are seen by few frames, so that half of their points
have no fused vector; these are wrong, as in ScanNet's benchmark. Students speak in five passes, as OpenScene's do.
Figures are the mean IoU in per cent of the rooms that taught and of validation's, and validation's point accuracy. The
last column is how often the student is right about points of validation's rooms that no frame saw, as a share of how
often it is about the others.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

JUDGED = ("fusion", "distill", "ensemble")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="6 rooms, 1 seed, 2 epochs")
    parser.add_argument("--scenes", type=int, default=40, help="rooms; a quarter of them are validation's [40]")
    parser.add_argument("--frame-stride", type=int, default=4, help="each so many of 10 frames is fused [4]")
    parser.add_argument("--seeds", type=int, default=3, help="trainings [3]")
    parser.add_argument("--epochs", type=int, default=50, help="of each training [50]")
    parser.add_argument("--folder", type=Path, help="keeps rooms and store for another time  [default: thrown away]")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.scenes, arguments.seeds, arguments.epochs = 6, 1, 2
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        prepare(folder, arguments.scenes, arguments.frame_stride)
        rows = [taught(folder, seed, arguments.epochs) for seed in range(arguments.seeds)]
    groups = ("taught, mIoU", "validation, mIoU", "validation, points")
    names = [f"{group}: {name}" for group in groups for name in JUDGED]
    print("\n| seed | CPU min | " + " | ".join(names) + " | unseen / seen |\n|" + " --: |" * 12)
    for number, row in enumerate(rows):
        print(line(str(number), row))
    print(line("mean", [statistics.mean(column) for column in zip(*rows, strict=True)]))


def prepare(folder: Path, scenes: int, stride: int) -> None:
    """Rooms, and what the encoder `tiny` sees in them."""
    scans = folder / "scans"
    if not (scans / "truth.json").exists():
        ovstore(folder, "generate", "scannet", scans, "--scenes", scenes, "--seed", 7, "--frames", 10, "--workers", 2,
                "--color-size", 320, 240, "--depth-size", 240, 180, "--spacing", 0.04, "--force")  # fmt: skip
    ovstore(folder, "ingest", "scannet", scans, "--encoder", "tiny", "--frame-stride", stride, "--workers", 2)


def taught(folder: Path, seed: int, epochs: int) -> list[float]:
    """One training, judged: CPU minutes, the figures of JUDGED in three groups, unseen by seen accuracy."""
    before = os.times()
    ovstore(folder, "distill", "--features", "tiny", "--out", f"seed{seed}", "--student", "small", "--config", "small",
            "--voxel-size", 0.08, "--epochs", epochs, "--loop", 1, "--base-lr", 4e-3, "--color-probability", 0,
            "--contrast-probability", 0, "--seed", seed, "--validate-every", 10, "--workers", 1,
            "--passes", 5)  # fmt: skip
    after = os.times()
    minutes = (after.children_user + after.children_system - before.children_user - before.children_system) / 60
    sets = ("tiny", f"seed{seed}", f"tiny,seed{seed}")
    taught, validation = ([judged(folder, split, wanted) for wanted in sets] for split in ("train", "val"))
    figures = [100 * report["means"]["mIoU"] for report in (*taught, *validation)]
    figures += [100 * report["means"]["point accuracy"] for report in validation]
    sight = validation[1]["accuracy_by_sight"]
    return [minutes, *figures, sight["unseen"] / sight["seen"]]


def judged(folder: Path, split: str, features: str) -> dict[str, Any]:
    """The report on features of the rooms of a split."""
    words = ("eval", "--labels", "scannet20", "--split", split, "--features", features, "--json")
    report: dict[str, Any] = json.loads(ovstore(folder, *words))
    return report


def line(name: str, row: list[float]) -> str:
    """A row of the table."""
    minutes, *figures, share = row
    return " | ".join(["| " + name, f"{minutes:.1f}", *(f"{value:.1f}" for value in figures), f"{share:.2f} |"])


def ovstore(folder: Path, *words: object) -> str:
    """What a command prints, which is shown while it works."""
    started = time.monotonic()
    environment = {**os.environ, "OVSTORE_HOME": str(folder / "store"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ovstore.cli", *map(str, words)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    print(f"{' '.join(map(str, words[:2]))}  {time.monotonic() - started:.0f} s", file=sys.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
