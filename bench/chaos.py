"""What a store survives: its processes are killed at random instants, its files rot, its disk fills up.

    python bench/chaos.py --minutes 5                 kills, flips and full disks in turn, for five minutes
    python bench/chaos.py --kills 1000 --flips 1000   so many, however long it takes
    python bench/chaos.py --kinds ingest,supervisor        only these kills

Two small generated rooms are ingested with `color_words` into a store with the embedded database. Each kill hits a
command at work at a random instant of its run. Then the store is opened as the next user would open it, every file is
read and compared with its digest, fixed questions are asked, and the command is run again to its end. Something is lost
when it is missing or other than it was; an answer is wrong when a question gets another answer and no sentence says
why. Flips hit one bit of one file: `doctor --contents` finds it, or everything that is asked answers as before. Equal
seeds choose equal blows; the instant within a command varies with the machine. Exit code 1 when anything was lost or
wrong. A full disk needs root, who may mount a small one.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from chaos_kills import KINDS, Kills
from chaos_rot import Flips, Rot, SmallDisk
from chaos_store import Attacked

WEIGHTS = {"ingest": 20, "distill": 1, "index": 15, "forget": 12, "upgrade": 12, "server": 8, "supervisor": 6}
_DISKS = 0.2  # of the blows, fill the disk besides


@dataclass
class Row:
    """One line of the table."""

    kind: str
    blows: int = 0
    at_work: int = 0  # the victim was still running
    checked: int = 0  # scenes and feature sets whose files were read and compared
    faults: list[str] = field(default_factory=list)  # what was lost or wrong, in sentences
    leftovers: int = 0  # files that no row names, removed by doctor --clean
    seconds: list[float] = field(default_factory=list)  # until the store was whole and the command done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="stop after so long  [default: 5, unless numbers are given]")
    parser.add_argument("--kills", type=int, help="so many kills that hit a process at work")
    parser.add_argument("--flips", type=int, help="so many flipped bits")
    parser.add_argument("--kinds", default=",".join(WEIGHTS), help="of " + ", ".join(WEIGHTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the store is made and kept  [default: a temporary one]")
    chosen = parser.parse_args()
    kinds = [kind for kind in chosen.kinds.split(",") if kind]
    if unknown := [kind for kind in kinds if kind not in WEIGHTS]:
        parser.error(f"--kinds: no {unknown[0]!r}; there are {', '.join(WEIGHTS)}")
    counted = chosen.kills is not None or chosen.flips is not None
    minutes = chosen.minutes if chosen.minutes is not None else float("inf") if counted else 5.0
    kills, flips = (0 if counted and one is None else one for one in (chosen.kills, chosen.flips))
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
    with tempfile.TemporaryDirectory(prefix="ovstore-chaos-") as temporary:
        folder = chosen.folder or Path(temporary)
        print(f"Making the store in {folder} ...", file=sys.stderr)
        with Attacked(folder, training="distill" in kinds) as store:
            faults = _attack(store, np.random.default_rng(chosen.seed), kinds, minutes, kills, flips)
    print(f"Seed {chosen.seed}.")
    sys.exit(1 if faults else 0)


def _attack(
    store: Attacked,
    rng: np.random.Generator,
    kinds: list[str],
    minutes: float,
    kills: int | None,
    flips: int | None,
) -> bool:
    """Blow after blow until time or numbers are reached, told in tables; whether anything was lost or wrong."""
    until = time.monotonic() + 60 * minutes
    rows = {kind: Row(kind) for kind in kinds}
    killing, rot, disk = Kills(store, rng), Rot(store, rng), SmallDisk(store, rng)
    if not disk.mounted:
        print("Skipped: a full disk, since only root may mount a small one.", file=sys.stderr)
    choices = _choices(rng, kinds)
    with suppress(KeyboardInterrupt):  # what was found by then is told
        while time.monotonic() < until:
            to_kill = kills is None or sum(row.at_work for row in rows.values()) < kills
            to_flip = flips is None or sum(row.flips for row in rot.rows.values()) < flips
            if not to_kill and not to_flip:
                break
            if to_kill:
                kind = next(choices)
                _strike(killing, kind, rows[kind])
            if to_flip:
                rot.strike()
            if to_kill and to_flip and disk.mounted and rng.random() < _DISKS:
                disk.strike()
    disk.close()
    print("\n".join([table(list(rows.values())), "", _table_of_flips(list(rot.rows.values())), ""]))
    print(f"Full disks: {disk.blows}, refused in a sentence: {disk.refused}, lost or wrong: {len(disk.faults)}")
    rotten = [fault for row in rot.rows.values() for fault in row.faults]
    for fault in (*rotten, *disk.faults):
        print(fault, file=sys.stderr)
    return bool(rotten or disk.faults or any(row.faults for row in rows.values()))


def _table_of_flips(rows: list[Flips]) -> str:
    lines = ["| one bit of | flips | found | without effect | answered wrongly |", "|---|--:|--:|--:|--:|"]
    for row in rows:
        lines.append(f"| {row.kind} | {row.flips:,} | {row.found:,} | {row.harmless:,} | {len(row.faults):,} |")
    totals = [sum(getattr(row, name) for row in rows) for name in ("flips", "found", "harmless")]
    lines.append(f"| all | {totals[0]:,} | {totals[1]:,} | {totals[2]:,} | {sum(len(r.faults) for r in rows):,} |")
    return "\n".join(lines)


def _choices(rng: np.random.Generator, kinds: list[str]) -> Iterator[str]:
    """Every kind once, then at random by their weights."""
    yield from kinds
    weights = np.array([WEIGHTS[kind] for kind in kinds], float)
    while True:
        yield str(rng.choice(kinds, p=weights / weights.sum()))


def _strike(kills: Kills, kind: str, row: Row) -> None:
    began = time.monotonic()
    blow = kills.strike(kind)
    row.blows += 1
    row.at_work += blow.at_work
    row.checked += blow.checked
    row.leftovers += blow.leftovers
    row.faults += blow.faults
    row.seconds.append(time.monotonic() - began)
    for fault in blow.faults:
        print(f"{kind}: {fault}", file=sys.stderr, flush=True)


def table(rows: list[Row]) -> str:
    """Markdown, for docs/reliability.md."""
    lines = [
        "| killed | kills | at work | checked | lost or wrong | leftovers | seconds to recover: median (worst) |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        times = np.array(row.seconds or [0.0])
        lines.append(
            f"| {KINDS[row.kind]} | {row.blows:,} | {row.at_work:,} | {row.checked:,} | {len(row.faults):,} "
            f"| {row.leftovers:,} | {np.median(times):.1f} ({times.max():.1f}) |"
        )
    lines.append(
        f"| all | {sum(row.blows for row in rows):,} | {sum(row.at_work for row in rows):,} "
        f"| {sum(row.checked for row in rows):,} | {sum(len(row.faults) for row in rows):,} "
        f"| {sum(row.leftovers for row in rows):,} | |"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
