"""Decoding pictures and depth: Pillow, OpenCV, simplejpeg, and what `read_image` and `read_depth` do with them.

    python bench/decode.py                      4 pictures of each kind, 15 rounds; about a minute
    python bench/decode.py --scan my-room/      also those of your own scan
    python bench/decode.py --quick              2 pictures, 2 rounds, to see that it runs; its ratios mean nothing

The pictures are those of a generated room, with the noise of its sensor. Methods take turns, in an order that is
reversed each round; a ratio is the median over rounds. CPU time of one thread, files in the page cache; every method
ends with an array of its own: RGB, or for depth the stored 16 bits (`read_depth`: metres). OpenCV is not needed by
anything else: pip install opencv-python-headless.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.ingest.generated.recording import record
from ovstore.ingest.generated.scene import SceneOptions, generate_scene, scannet_cameras
from ovstore.ingest.generated.sensor import Sensor
from PIL import Image

try:
    import cv2

    cv2.setNumThreads(1)
except ModuleNotFoundError:
    cv2 = None
try:
    import simplejpeg
except ModuleNotFoundError:
    simplejpeg = None

SIZES = ((640, 480), (1296, 968), (1600, 900))
DEPTH_SIZE = (640, 480)
Decode = Callable[[Path], NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """One method on one kind of picture."""

    method: str
    cpu_ms: float  # for 100 pictures, median over rounds
    ratio: float  # the first method's time over this, median over rounds
    off: int | None  # largest difference from the first method's pixels; None where the sizes differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 images of each kind, 2 rounds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each method; the median counts [15]")
    parser.add_argument("--scan", type=Path, action="append", default=[], help="also a folder with color/ and depth/")
    arguments = parser.parse_args()
    count, rounds = (2, 2) if arguments.quick else (4, arguments.rounds)
    report = []
    with tempfile.TemporaryDirectory() as folder:
        found = cases(Path(folder), count)
        for scan in arguments.scan:
            found |= of_scan(scan, count)
        for kind, (paths, methods) in found.items():
            rows = measure(paths, methods, rounds)
            size = sum(path.stat().st_size for path in paths) / len(paths)
            report.append({"kind": kind, "kilobytes": round(size / 1e3), "methods": [asdict(row) for row in rows]})
            if not arguments.json:
                print_case(kind, size, rows)
    if arguments.json:
        print(json.dumps(report, indent=2))


def cases(folder: Path, count: int) -> dict[str, tuple[list[Path], dict[str, Decode]]]:
    """What is decoded, and by whom; the files lie in `folder`."""
    found: dict[str, tuple[list[Path], dict[str, Decode]]] = {}
    scene = generate_scene(7, SceneOptions(frames=count))
    for size in SIZES:
        print(f"taking {count} images of {size[0]}x{size[1]} ...", file=sys.stderr)
        cameras = scannet_cameras(size, DEPTH_SIZE)
        frames = record("room", scene, cameras, Sensor(), 0.1, 0, np.random.default_rng(0)).frames
        files = {folder / f"{size[0]}-{number}.jpg": frame.jpeg for number, frame in enumerate(frames)}
        found[f"JPEG {size[0]}x{size[1]}"] = written(files), JPEG
        found[f"JPEG {size[0]}x{size[1]} at half its size"] = list(files), HALF_JPEG
        if size == SIZES[0]:
            rgb = [np.asarray(Image.open(io.BytesIO(frame.jpeg))) for frame in frames]
            pngs = {folder / f"{number}.png": png(picture) for number, picture in enumerate(rgb)}
            found["PNG 640x480, 8 bit RGB"] = written(pngs), PNG
            for level, writer in ((6, "as most tools write it"), (1, "as unpacked from a .sens")):
                depths = {
                    folder / f"d{level}-{k}.png": png(f.depth, compress_level=level) for k, f in enumerate(frames)
                }
                found[f"PNG 640x480, 16 bit depth, {writer}"] = written(depths), DEPTH
            arrays = [saved(folder / f"{number}.npy", frame.depth) for number, frame in enumerate(frames)]
            found["npy 640x480, 16 bit depth"] = arrays, NPY
    return found


def of_scan(folder: Path, count: int) -> dict[str, tuple[list[Path], dict[str, Decode]]]:
    """The first pictures and depths of a person's own scan."""
    pictures, depths = (sorted((folder / name).iterdir())[:count] for name in ("color", "depth"))
    of_kind = JPEG if pictures[0].suffix.lower() in (".jpg", ".jpeg") else PNG
    return {f"images of {folder.name}": (pictures, of_kind), f"depth of {folder.name}": (depths, DEPTH)}


def written(files: dict[Path, bytes]) -> list[Path]:
    for path, content in files.items():
        path.write_bytes(content)
    return list(files)


def saved(path: Path, depth: NDArray[np.uint16]) -> Path:
    np.save(path, depth)
    return path


def png(picture: NDArray[Any], **options: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", **options)
    return content.getvalue()


def by_pillow(path: Path, half: bool = False) -> NDArray[Any]:
    with Image.open(path) as picture:
        if half:
            picture.draft("RGB", (picture.width // 2, picture.height // 2))
        return np.array(picture)


def by_cv2(path: Path, flag: str = "IMREAD_COLOR") -> NDArray[Any]:
    found = cv2.imread(str(path), getattr(cv2, flag))
    return found if found.ndim == 2 else cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def by_simplejpeg(path: Path, half: bool = False) -> NDArray[Any]:
    data = path.read_bytes()
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    smaller = {"min_height": height // 2, "min_width": width // 2, "min_factor": 2} if half else {}
    return simplejpeg.decode_jpeg(data, colorspace="RGB", **smaller)


def known(methods: dict[str, Decode]) -> dict[str, Decode]:
    """Those whose package is there."""
    gone = {name for name, package in (("OpenCV", cv2), ("simplejpeg", simplejpeg)) if package is None}
    return {name: decode for name, decode in methods.items() if name not in gone}


JPEG = known({"Pillow": by_pillow, "OpenCV": by_cv2, "simplejpeg": by_simplejpeg, "read_image": read_image})
HALF_JPEG = known({
    "Pillow": partial(by_pillow, half=True), "OpenCV": partial(by_cv2, flag="IMREAD_REDUCED_COLOR_2"),
    "simplejpeg": partial(by_simplejpeg, half=True), "read_image, whole": read_image,
})  # fmt: skip
PNG = known({"Pillow": by_pillow, "OpenCV": by_cv2, "read_image": read_image})
DEPTH = known({
    "Pillow": by_pillow, "OpenCV": partial(by_cv2, flag="IMREAD_UNCHANGED"),
    "read_depth": partial(read_depth, scale=1000.0),
})  # fmt: skip
NPY: dict[str, Decode] = {"np.load": np.load, "read_depth": partial(read_depth, scale=1000.0)}


def measure(paths: list[Path], methods: dict[str, Decode], rounds: int) -> list[Row]:
    reference = next(iter(methods))
    expected = methods[reference](paths[0])
    off = {name: difference(decode(paths[0]), expected) for name, decode in methods.items()}
    cpu: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(rounds):
        for name in list(methods)[:: 1 if number % 2 else -1]:
            started = time.process_time()
            for path in paths:
                methods[name](path)
            cpu[name].append((time.process_time() - started) / len(paths) * 100_000)
    return [
        Row(
            name,
            round(float(np.median(cpu[name])), 1),
            round(float(np.median(np.array(cpu[reference]) / cpu[name])), 2),
            off[name],
        )
        for name in methods
    ]


def difference(found: NDArray[Any], expected: NDArray[Any]) -> int | None:
    """The largest, in stored units; None for arrays of other shapes."""
    if found.shape != expected.shape:
        return None
    if found.dtype == np.float32:
        found = np.rint(found * 1000)
    return int(np.abs(found.astype(np.int64) - expected).max())


def print_case(kind: str, size: float, rows: list[Row]) -> None:
    print(f"\n{kind} ({size / 1e3:.0f} KB)")
    print(f"{'':20}{'cpu ms / 100':>14}{'times faster':>14}{'off':>6}")
    for row in rows:
        print(f"{row.method:20}{row.cpu_ms:14.0f}{row.ratio:14.2f}{'-' if row.off is None else row.off:>6}")


if __name__ == "__main__":
    if os.environ.get("OMP_NUM_THREADS") != "1":  # read when numpy is loaded, so before this line
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"})
    main()
