"""ovstore doctor: what is installed, what the store holds, what is wrong, and what mends it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.wording import counted
from ._options.named_store import store_folder
from ._options.shared import json_option, typed_here
from ._output.printing import print_json, print_table, say

if TYPE_CHECKING:
    from ..workflows.doctor import Examination
    from ..workflows.installation import Extra


@click.command("doctor")
@click.option("--contents", is_flag=True, help="Also read every file and compare it with its digest (slow).")
@click.option(
    "--clean", is_flag=True, help="Remove files that no scene refers to, and close jobs whose worker is gone."
)
@click.option(
    "--repair",
    is_flag=True,
    help="Read every file, rebuild what can be rebuilt from the rest, and print the commands for what cannot.",
)
@json_option
@click.pass_context
def command(ctx: click.Context, contents: bool, clean: bool, repair: bool, as_json: bool) -> None:
    """Check the installation and the store. Exit code 1 if something is wrong.

    Each finding comes with the command that fixes it. --repair does what needs no scan: everything that --clean does,
    rebuilding damaged index files from the database, and rebuilding regions from the vectors of points.

    \b
    Examples:
      ovstore doctor --contents
      ovstore doctor --repair
    """
    from ..workflows.doctor import ExaminationRequest, examine
    from ._output.progress import bar

    with bar() as report:
        found = examine(ExaminationRequest(Path(store_folder()), contents, clean, repair), report)
    findings = tuple(replace(finding, remedy=typed_here(finding.remedy)) for finding in found.findings)
    found = replace(found, findings=findings)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    ctx.exit(1 if findings else 0)


def _print(found: "Examination") -> None:
    installed, facts, cleaned = found.installation, found.facts, found.cleaned
    rows = [("ovstore", f"{installed.ovstore}, Python {installed.python}, {installed.system}")]
    rows += [(extra.name or "core", _packages(extra)) for extra in installed.extras]
    if found.no_store is not None:
        rows.append(("store", found.no_store))
    if facts is not None:
        rows += [("store", facts.store), ("database", facts.database)]
        held = [counted(count, name.replace("_", " ")[:-1]) for name, count in facts.holds.items()]
        sizes = [f"{name} {size / 1e6:,.1f} MB" for name, size in facts.bytes.items()]
        rows += [("holds", ", ".join(held)), ("size", ", ".join(sizes))]
    print_table(("part", "found"), rows)
    if cleaned is not None:
        for file in cleaned.files:
            say(f"removed {file}")
        say(
            f"Cleaned: {counted(len(cleaned.files), 'leftover')} removed ({cleaned.bytes / 1e6:,.1f} MB), "
            f"{counted(cleaned.jobs, 'lost job')} closed."
        )
    for what in found.repaired:
        say(f"rebuilt: {what}")
    say()
    for finding in found.findings:
        say(f"{finding.subject}: {finding.problem}", *([f"    {finding.remedy}"] if finding.remedy else []))
    examined = (
        "Nothing is wrong." if facts is not None else "Nothing is wrong with the installation; no store was checked."
    )
    wrong = {0: examined, 1: "1 problem found."}
    say(wrong.get(len(found.findings), f"{len(found.findings)} problems found."))


def _packages(extra: "Extra") -> str:
    from ..workflows.installation import FAISS, faiss_packages

    present = ", ".join(f"{name} {version}" for name, version in extra.versions.items() if version)
    missing = ", ".join(name for name, version in extra.versions.items() if version is None)
    if not missing:
        return present
    if set(extra.versions) <= set(FAISS) and faiss_packages():
        return "not needed beside the other faiss"
    install = f"pip install 'ovstore[{extra.name}]'" if extra.name else "pip install ovstore"
    return f"{present}; without {missing}: {install}" if present else f"not installed: {install}"
