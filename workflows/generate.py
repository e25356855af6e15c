"""Generate: labelled scenes by ray casting, in the layout of a dataset format, or the frozen retrieval benchmark."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.options import chosen
from .scene_jobs import nobody

Truth = dict[str, Any]  # what stands where in a scene, as truth.json has it


@dataclass(frozen=True)
class GenerateRequest:
    """Scenes to generate. The same seed and options give the same files."""

    format: str  # the plug-in that writes them
    folder: Path
    scenes: int = 12
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)  # fields of FolderOptions, chosen explicitly
    workers: int = 1  # scenes generated at once
    force: bool = False  # replace existing scenes


def run(request: GenerateRequest, finished: Callable[[Truth], None] = nobody) -> dict[str, Any]:
    """What truth.json holds; `finished` is called as they are done."""
    from ..ingest.generated.folder import FolderOptions, generate_set

    options = chosen(FolderOptions, request.options, "generated scenes")
    return generate_set(
        request.format, request.folder, request.scenes, request.seed, options, request.workers, request.force, finished
    )


def run_benchmark(
    folder: Path, workers: int = 1, force: bool = False, finished: Callable[[Truth], None] = nobody
) -> dict[str, Any]:
    """Generate the frozen retrieval benchmark below `folder`; what its bench.json holds."""
    from ..ingest.generated.benchmark.benchmark import generate_bench

    return generate_bench(folder, workers, force, finished)


def run_benchmark2(
    folder: Path,
    workers: int = 1,
    force: bool = False,
    finished: Callable[[Truth], None] = nobody,
    simulated: bool = False,
) -> dict[str, Any]:
    """Generate the frozen benchmark of things below `folder`; what its bench.json holds."""
    from ..ingest.generated.benchmark2.benchmark import generate_bench2

    return generate_bench2(folder, workers, force, finished, simulated)
