"""The line that tells of a generated scene as it is done."""

from typing import Any


def line_of(truth: dict[str, Any]) -> str:
    """Its name, its type, how much there is of it, and the rare things that it holds."""
    holds = f"  holds: {', '.join(truth['planted'])}" if truth["planted"] else ""
    counts = f"{truth['frames']} frames  {truth['points']:,} points  {len(truth['objects'])} objects"
    return f"{truth['scene']}  {truth['scene_type']:<21}  {counts}{holds}"
