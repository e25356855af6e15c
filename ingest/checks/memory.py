"""How much memory a scene takes at least, and how much there is: one that cannot fit is refused before it starts."""

from collections.abc import Iterable
from pathlib import Path

from ...core.errors import BadScene

POINT_BYTES = 350  # of a point, where most is taken (superpoints, objects), beside what was read; see docs/fusion.md
_CGROUPS = Path("/sys/fs/cgroup")


def require(points: int, what: str, bytes_a_point: int = POINT_BYTES, left: int | None = None) -> None:
    """BadScene where so many points cannot fit into the `left` bytes; None: those that are available."""
    needed, left = points * bytes_a_point, available() if left is None else left
    if left is not None and needed > left:
        raise BadScene(
            f"{points:,} points take {_gigabytes(needed)} of memory for {what}, and {_gigabytes(left)} are "
            "available: use a machine or container with more memory, fewer --workers, or a cloud with fewer points"
        )


def available(cgroups: Iterable[Path] | None = None) -> int | None:
    """Bytes that this process can still take: of the machine, and of each cgroup that it is in; None: nobody says."""
    folders = _cgroups() if cgroups is None else cgroups
    limits = [_of_machine(), *(_of_cgroup(folder) for folder in folders)]
    known = [limit for limit in limits if limit is not None]
    return max(0, min(known)) if known else None


def _of_machine() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _cgroups() -> list[Path]:
    """The folders of the process's group and of all above it, in either version of cgroups."""
    found = []
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            place = Path(path.lstrip("/"))
            found += [_CGROUPS / controllers / part for part in (place, *place.parents)]
    return found


def _of_cgroup(folder: Path) -> int | None:
    """What is left below its limit; pages of files count as free, for the kernel gives them up."""
    names = ("memory.max", "memory.current", "inactive_file")
    if not (folder / "memory.max").exists():
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    limit, used = (next(iter(_lines(folder / name)), "") for name in names[:2])
    if not (limit.isdigit() and used.isdigit()):  # "max": none
        return None
    statistics = dict(line.split(" ", 1) for line in _lines(folder / "memory.stat") if " " in line)
    return int(limit) - int(used) + int(statistics.get(names[2], "0"))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"
