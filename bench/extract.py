"""Extraction of features: how much of the time passes outside of the encoder, and the peak of memory.

    python bench/extract.py                                                color_words, tiny, a small random LSeg
    python bench/extract.py --quick                                        the same in small, to see that it runs
    python bench/extract.py --encoder lseg --weights demo_e200.ckpt        one encoder, for --device cuda too

640x480 photographs in JPEG go through what `ovstore extract` does: decoded ahead, encoded, written by threads. Inside
is the time of the encoder's calls (resizing, network, copying back), outside what is left: waiting for pictures and
for room to write. The first batch is not counted, nor is the loading of weights. Each encoder runs in a process of
its own, whose peak of memory is told, Python and packages included; on CUDA also the peak of torch's own there.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ovstore.core import plugins
from ovstore.core.features import FeatureMap
from ovstore.ingest.extraction.folder import extract_pictures, find_pictures
from ovstore.ingest.recipe import encoding
from PIL import Image

SIZE = (640, 480)
BATCH = 4  # pictures that the encoder is given at once
SMALL_LSEG = "lseg, small"


@dataclass(frozen=True)
class Row:
    """One encoder in one format."""

    encoder: str
    file_format: str
    ms_a_picture: float
    inside_ms: float  # of them, in the encoder's calls
    outside: float  # share of the time
    mb_a_picture: float  # on disk
    peak_mb: float
    cuda_peak_mb: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="8 pictures a run")
    parser.add_argument("--pictures", type=int, default=60, help="of a run, after the first batch [60]")
    parser.add_argument("--encoder", help="only this one")
    parser.add_argument("--weights", help="its --weights")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--alone", nargs=2, metavar=("ENCODER", "FORMAT"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    count = 8 if chosen.quick else chosen.pictures
    if chosen.alone:
        print(json.dumps(asdict(measure(*chosen.alone, chosen.weights, chosen.device, count))))
        return
    rows = []
    for encoder in (chosen.encoder,) if chosen.encoder else ("color_words", "tiny", SMALL_LSEG):
        for file_format in ("npy", "pt", "parquet"):
            print(f"{encoder}, {file_format} ...", file=sys.stderr)
            command = [sys.executable, __file__, "--alone", encoder, file_format, "--pictures", str(count),
                       "--device", chosen.device]  # fmt: skip
            command += ["--weights", chosen.weights] if chosen.weights else []
            rows.append(Row(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)))
    if chosen.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print_rows(rows)


def measure(encoder: str, file_format: str, weights: str | None, device: str, count: int) -> Row:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder / "pictures", BATCH + count)
        plugin, options = set_up(encoder, weights, folder)
        encode = plugin.load_image_encoder(options, device)
        inside: list[float] = []

        def timed(images: Sequence[NDArray[np.uint8]]) -> list[FeatureMap]:
            started = time.perf_counter()
            maps: list[FeatureMap] = encode(images)
            inside.append(time.perf_counter() - started)
            return maps

        recipe = encoding(plugin.__name__, options, plugin.space(options))
        run(folder, "warm", file_format, recipe, timed, BATCH)
        inside.clear()
        seconds = run(folder, "features", file_format, recipe, timed, count)
        files = list((folder / "features").glob(f"*.{file_format}"))
        size = sum(file.stat().st_size for file in files) / len(files)
    return Row(
        encoder,
        file_format,
        round(seconds / count * 1e3, 1),
        round(sum(inside) / count * 1e3, 1),
        round(1 - sum(inside) / seconds, 3),
        round(size / 1e6, 1),
        round(peak_mb()),
        cuda_peak_mb(),
    )


def run(folder: Path, out: str, file_format: str, recipe: dict[str, Any], encode: Callable, count: int) -> float:
    """Seconds until `count` pictures are files."""
    (folder / out).mkdir()
    pictures = find_pictures(folder / "pictures", folder / out)[:count]
    started = time.perf_counter()
    for outcome in extract_pictures(pictures, folder / out, file_format, recipe, lambda: encode):
        assert outcome.error is None, outcome.error
    return time.perf_counter() - started


def set_up(encoder: str, weights: str | None, folder: Path) -> tuple[Any, Any]:
    """The encoder and its options; the small LSeg has the original's names and shapes, and random numbers."""
    plugin = plugins.load("models.encoders", "lseg" if encoder == SMALL_LSEG else encoder)
    if encoder == SMALL_LSEG:
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
        import lseg_file

        weights = str(folder / "small.ckpt")
        lseg_file.save(Path(weights))
    return plugin, plugin.Options(**({"weights": weights} if weights else {}))


def write_pictures(folder: Path, count: int) -> None:
    """Coarse patches with grain, which JPEG takes as long for as for a photograph."""
    folder.mkdir()
    rng = np.random.default_rng(7)
    for number in range(count):
        patches = Image.fromarray(rng.integers(0, 256, (15, 20, 3), dtype=np.uint8)).resize(SIZE)
        grain = rng.integers(-8, 9, (SIZE[1], SIZE[0], 1))
        pixels = np.clip(np.asarray(patches) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04}.jpg", quality=90)


def peak_mb() -> float:
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return int(match[1]) / 1024


def cuda_peak_mb() -> float | None:
    torch = sys.modules.get("torch")
    return round(torch.cuda.max_memory_allocated() / 2**20) if torch and torch.cuda.is_initialized() else None


def print_rows(rows: list[Row]) -> None:
    print(f"{'':14}{'':9}{'ms a picture':>14}{'inside':>9}{'outside':>9}{'MB a file':>11}{'peak MB':>9}{'CUDA MB':>9}")
    for row in rows:
        cuda = "" if row.cuda_peak_mb is None else f"{row.cuda_peak_mb:.0f}"
        print(f"{row.encoder:14}{row.file_format:9}{row.ms_a_picture:14.1f}{row.inside_ms:9.1f}{row.outside:9.1%}"
              f"{row.mb_a_picture:11.1f}{row.peak_mb:9.0f}{cuda:>9}")  # fmt: skip


if __name__ == "__main__":
    main()
