"""Opening a store: a folder of files (see store/files/places.py) and the database whose rows name them."""

import logging
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NoReturn, TypeVar

import psycopg
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from ...core import settings
from ...core.annotated import checked
from ...core.errors import BadInput, DatabaseError, Misused, NotFound, ReadOnlyStore
from ..files import places
from . import access, identity, migrate, pools, private_copy, reading
from .cluster import USER
from .connection import ServerFull, prepared, require_pgvector
from .database_url import described, plain_conninfo
from .pools import PoolLimits
from .presence import Presence
from .sentences import sentences
from .server import DATABASE, READER, VIEWER, Server

Opened = TypeVar("Opened", bound="Database")

_READ_ONLY = "-c default_transaction_read_only=on"

log = logging.getLogger(__name__)

_live: "weakref.WeakSet[Database]" = weakref.WeakSet()


class Database:
    """An open store. Safe to share between threads and to inherit by fork; other processes open it by its path.

    Whoever holds a connection waits for nothing else: see pools.py.
    """

    WORDING = "a Store"  # in sentences about wrong arguments

    @checked
    def __init__(
        self,
        path: Path,
        database_url: str | None = None,
        limits: PoolLimits | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        """Connects, without a look at the schema: `open` is what programs call. `limits` None: the usual ones."""
        self.path = path
        self.read_only = read_only
        self._as_viewer = False  # from when the schema was looked at
        self._limits = limits or pools.USUAL
        self.database_kind: Literal["embedded", "external"] = "external" if database_url else "embedded"
        self._copy = None if database_url else private_copy.where_needed(path / places.DATABASE)
        try:
            database = self._copy.folder if self._copy else path / places.DATABASE
            self._server = None if database_url else Server(database, read_only=self._copy is not None)
        except BaseException:
            if self._copy:
                self._copy.remove()
            raise
        self._url = plain_conninfo(database_url) if database_url else ""
        self.engine = pools.engine(self._connect_to_work, self._limits)
        self._glancing = self.engine.execution_options(isolation_level="AUTOCOMMIT")  # of the same pool
        self._reading = pools.engine(self._connect_to_read, self._limits)
        event.listen(self._reading, "checkin", reading.discard_session)
        self._closed = False
        self.presence = Presence(self._connect_to_work)
        _live.add(self)

    @checked
    @contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back by an exception.

        With `read_only` the server itself refuses to write; the embedded one also to reach outside the tables.
        """
        self._require_open()
        engine = self._reading if read_only else self.engine
        with self._sentences(), engine.begin() as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection for a few quick reads, each of which stands alone: saves the round trips of BEGIN and COMMIT."""
        self._require_open()
        with self._sentences(), self._glancing.connect() as connection:
            yield connection

    @checked
    @contextmanager
    def driver_connection(self, *, read_only: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """The driver's own connection in a transaction, as from `connect`: for what SQLAlchemy has no words for."""
        with self.connect(read_only=read_only) as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            yield driver

    @contextmanager
    def reading(self, statement: str, seconds: float) -> Iterator[psycopg.Connection[Any]]:
        """A connection on which the `statement` of a person can do no harm (see reading.py), for so many seconds."""
        with self.driver_connection(read_only=True) as driver:
            reading.confine(driver, statement, seconds, self.where, embedded=self._server is not None)
            yield driver

    @checked
    def file(self, relative: str | Path) -> Path:
        """The path of a file that a row names; it must lie inside the store, and the store be where it was."""
        root = self.path.resolve()
        if not root.is_dir():
            raise self._gone()
        path = _resolved(root / relative)
        if not path.is_relative_to(root):
            raise BadInput(f"The file {str(relative)!r} lies outside the store {self.path}.")
        return path

    @checked
    def entry(self, relative: str | Path) -> Path:
        """The path of a file or folder that is to go: of a link, which may lead out of the store, the link's own."""
        folder = self.file(Path(relative).parent)
        return folder / Path(relative).name

    @checked
    def unpacked(self, dataset: str, scene: str) -> Path:
        """The folder for what one scene's containers are unpacked into; the same at each ingest, not yet made."""
        return self.file(places.unpacked(dataset, scene))

    @checked
    def unpacked_entry(self, dataset: str, scene: str) -> Path:
        """The same folder where it is to go: of a link, the link's own path."""
        return self.entry(places.unpacked(dataset, scene))

    @checked
    def leads_out(self, relative: str | Path) -> bool:
        """Whether links on the way to a file or folder take it out of the store."""
        root = self.path.resolve()
        return not _resolved(root / relative).is_relative_to(root)

    @property
    def scratch(self) -> Path | None:
        """Where derived files go that end with the process; None where the store itself takes them."""
        return self._copy.folder.parent if self._copy else None

    @property
    def where(self) -> str:
        """The database, for people; never with a password."""
        if self._copy:
            return f"in {self.path} (open read-only: {self._copy.reason})"
        return f"in {self.path}" if self._server else described(self._url)

    @property
    def conninfo(self) -> str:
        """What psql takes to reach the database from this process."""
        self._require_open()
        return self._server.conninfo() if self._server else self._url

    def require_writable(self) -> None:
        """ReadOnlyStore when the store is open read-only: said before anything is computed."""
        if self.read_only:
            raise ReadOnlyStore(
                f"The store {self.path} is open read-only, which changes nothing in it: open it without read_only."
            )

    def close(self) -> None:
        """Give back the connections; the last client of an embedded server takes it down. Closing twice is closing."""
        self._closed = True
        _live.discard(self)
        self.presence.close()
        self.engine.dispose()
        self._reading.dispose()
        if self._server:
            self._server.close()
        if self._copy:
            self._copy.remove()

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {str(self.path)!r}, database {self.where}>"

    def __reduce__(self) -> NoReturn:
        raise BadInput(
            f"An open store cannot be pickled or copied: pass its path {str(self.path)!r} and open it there."
        )

    def _require_open(self) -> None:
        if self._closed:
            raise BadInput(f"The store {self.path} is closed: open it again with ovstore.open.")

    def _gone(self) -> NotFound:
        return NotFound(
            f"The folder {self.path} is gone: the store was moved or removed while it was open. Open it at its new "
            "location."
        )

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """`sentences` of this store; what a store that is open read-only refuses to do is not the server's matter."""
        with sentences(self.where, self._limits):
            try:
                yield
            except (DBAPIError, psycopg.Error) as error:
                cause = error.orig if isinstance(error, DBAPIError) else error
                if isinstance(cause, psycopg.errors.InsufficientPrivilege | psycopg.errors.ReadOnlySqlTransaction):
                    self.require_writable()
                raise

    def _become_viewer(self) -> None:
        """From the next connection on, the role that cannot write."""
        self._as_viewer = True
        if self._server is None:
            with self.driver_connection() as driver:
                may = reading.become_viewer(driver)
            if not may:
                log.warning(
                    "The database %s has no role %s that this user may take: the store is open read-only by its "
                    "transactions alone.", self.where, VIEWER,
                )  # fmt: skip

    def _connect_to_work(self) -> psycopg.Connection[Any]:
        if not self.read_only:
            return self._connect()
        if self._server is not None:
            return self._connect(VIEWER if self._as_viewer else None, options=_READ_ONLY)
        connection = self._connect(options=_READ_ONLY)
        if self._as_viewer:
            reading.become_viewer(connection)
        return connection

    def _connect(self, user: str | None = None, **options: Any) -> psycopg.Connection[Any]:
        if self._server is None:
            return prepared(self._url, self._limits.server_patience, **options)
        try:
            return prepared(self._server.conninfo(DATABASE, user or USER), self._limits.server_patience, **options)
        except ServerFull:
            raise
        except (DatabaseError, psycopg.OperationalError):
            if not self.path.is_dir():
                raise self._gone() from None
            self._require_open()  # another thread may have closed it: nobody is to start the server for a closed store
            self._server.ensure_running()  # it may have been killed; it replays its journal
            return prepared(self._server.conninfo(DATABASE, user or USER), self._limits.server_patience, **options)

    def _connect_to_read(self) -> psycopg.Connection[Any]:
        options = f"{_READ_ONLY} -c hnsw.iterative_scan=relaxed_order"  # outlive DISCARD ALL
        connection = self._connect(READER if self._server else None, options=options)
        connection.prepare_threshold = None  # prepared statements do not
        return connection


@checked
def open(
    path: str | Path | None = None,
    *,
    database_url: str | None = None,
    create: bool = False,
    check: bool = True,
    read_only: bool = False,
) -> Database:
    """Open the store in folder `path`; with `create`, make one where there is none.

    Left out, `path` and `database_url` come from the settings and OVSTORE_DATABASE_URL; without a URL the folder
    carries its own database. An empty database gets today's schema, an older or newer one is refused; without `check`
    the schema is taken as it is. A store that is open `read_only` runs as a role of the database that cannot write;
    what would change it raises ReadOnlyStore.
    """
    return open_as(Database, path, database_url=database_url, create=create, check=check, read_only=read_only)


def open_as(
    kind: type[Opened],
    path: str | Path | None,
    *,
    database_url: str | None,
    create: bool,
    check: bool,
    read_only: bool = False,
) -> Opened:
    """`open`, for a subclass of Database."""
    if read_only and (create or not check):
        raise Misused(
            "A store that is open read-only is neither created nor taken unchecked: leave one of the two out."
        )
    named = path or settings.store_folder()
    try:
        folder = Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise BadInput(f"The store's folder {str(named)!r} cannot be found: {error}.") from error
    url = database_url or settings.database_url()
    if not create:
        identity.require_store(folder)
    identity.require_kind(folder, "external" if url else "embedded")
    if not identity.is_store(folder):
        try:
            access.make(folder, embedded=url is None)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise BadInput(f"Cannot create the store's folder {str(folder)!r}: {why}.") from error
    store = kind(folder, url, read_only=read_only)
    try:
        with store.driver_connection() as driver:
            require_pgvector(driver, store.where)
        if check:
            with store.connect() as connection:
                if store.scratch:
                    connection.execute(text("SET TRANSACTION READ WRITE"))  # the copy, not the store
                found = migrate.current(connection)
                if (found is None and not read_only) or (store.scratch and (found or "") < migrate.head()):
                    migrate.upgrade(connection)
                migrate.require_head(connection, folder)
                identity.settle(connection, folder, store.database_kind)
        if read_only:
            store._become_viewer()
    except BaseException:
        store.close()
        raise
    store.engine.dispose()  # connections older than the extension know no vectors
    return store


def _resolved(path: Path) -> Path:
    """With all links followed; BadInput for what can be no path."""
    try:
        return path.resolve()
    except ValueError as error:
        raise BadInput(f"{str(path)!r} cannot be the name of a file ({error}).") from error


def _after_fork() -> None:
    """A child shares no socket with its parent: it forgets the inherited connections without closing them."""
    for store in list(_live):
        store.engine.dispose(close=False)
        store._reading.dispose(close=False)
        store.presence.forget()


os.register_at_fork(after_in_child=_after_fork)
