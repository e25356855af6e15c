"""`ovstore ingest --dry-run`: a scene's cameras, checks and costs, and nothing written."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ...core.wording import counted
from .scene_jobs import SceneLines, scene_lines

if TYPE_CHECKING:
    from ...ingest.checks.rehearsal import Rehearsal
    from ...workflows.ingest import IngestPlan

_GOOD = "ingested"


def print_rehearsal(plan: "IngestPlan", as_json: bool) -> int:
    """A few lines per scene and the sums; the exit code says whether some would fail."""
    from ...workflows import ingest

    lines_of = partial(_lines, encoder=plan.features.encoder)
    with scene_lines(lines_of, as_json, failure="would fail", failures_to_stderr=False) as lines:
        ingest.rehearse(plan, lines.report, lines.finished)
    return lines.close(_summary)


def _summary(lines: SceneLines) -> str:
    counts = f"{lines.count(_GOOD)} would be ingested, {lines.count('failed')} would fail"
    return f"{counts}{_costs(lines.documents)}. Nothing is written."


def _lines(found: "Rehearsal", encoder: str) -> tuple[str, list[str]]:
    size = " x ".join(f"{edge:.2f}" for edge in found.extent)
    lines = [f"{found.scene}  {counted(found.frames, 'frame')}  {counted(found.points, 'point')}  {size} m"]
    lines += [f"camera {camera}" for camera in found.cameras[:3]]
    if len(found.cameras) > 3:
        lines.append(f"and {len(found.cameras) - 3} more cameras")
    lines.append(f"depth in {found.depth_frames} of {found.frames} frames")
    lines += found.findings
    if found.seconds is None:
        return _GOOD, [*lines, f"about {found.megabytes:,.0f} MB and the vectors; time unknown: {found.not_tried}"]
    return _GOOD, [*lines, f"about {found.megabytes:,.0f} MB, {_time(found.seconds)} with {encoder}"]


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
