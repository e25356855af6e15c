"""`ovstore ingest --dry-run`: a scene's cameras, checks and costs, and nothing written."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...core import plugins
from ...core.wording import counted, shown
from .._options.shared import print_json, say, why_failed

if TYPE_CHECKING:
    from ...ingest.checks.rehearsal import Rehearsal
    from ...ingest.recipe import FeatureRequest, GeometryRequest


def rehearse(
    geometry: "GeometryRequest", features: "FeatureRequest", names: Sequence[str], device: str, as_json: bool
) -> int:
    """Some lines for each scene, and all of it in one; the exit code says whether some would fail."""
    from dataclasses import asdict

    from ...ingest.checks import rehearsal
    from .progress import stages

    documents: list[dict[str, Any]] = []
    run = plugins.load("ingest.engines", "inline").run
    with stages(len(names)) as bar:
        for outcome in run(lambda name: rehearsal.rehearse(geometry, features, name, device), names, 1):
            bar.scene_done()
            scene = shown(outcome.item)
            if outcome.error is not None:
                documents.append({"scene": scene, "failed": why_failed(outcome.error, scene)})
                lines = [f"{scene}  would fail: {documents[-1]['failed']}"]
            else:
                documents.append(asdict(outcome.result))
                lines = _lines(outcome.result, features.encoder)
            if not as_json:
                say(lines[0], *(f"    {line}" for line in lines[1:]))
    failed = sum("failed" in document for document in documents)
    if as_json:
        print_json(documents)
    else:
        say(f"{len(documents) - failed} would be ingested, {failed} would fail{_costs(documents)}. Nothing is written.")
    return 1 if failed else 0


def _lines(found: "Rehearsal", encoder: str) -> list[str]:
    size = " x ".join(f"{edge:.2f}" for edge in found.extent)
    lines = [f"{found.scene}  {counted(found.frames, 'frame')}  {counted(found.points, 'point')}  {size} m"]
    lines += [f"camera {camera}" for camera in found.cameras[:3]]
    if len(found.cameras) > 3:
        lines.append(f"and {len(found.cameras) - 3} more cameras")
    lines.append(f"depth in {found.depth_frames} of {found.frames} frames")
    lines += found.findings
    if found.seconds is None:
        return [*lines, f"about {found.megabytes:,.0f} MB and the vectors; time unknown: {found.not_tried}"]
    return [*lines, f"about {found.megabytes:,.0f} MB, {_time(found.seconds)} with {encoder}"]


def _costs(documents: Sequence[dict[str, Any]]) -> str:
    """What all scenes cost together, where each could be told."""
    good = [document for document in documents if "failed" not in document]
    if not good or any(document["seconds"] is None for document in good):
        return ""
    size, seconds = (sum(document[name] for document in good) for name in ("megabytes", "seconds"))
    return f"; about {size:,.0f} MB and {_time(seconds)} with one worker"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
