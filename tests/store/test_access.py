"""Who may reach a store: its owner alone unless a group shares it; and who may only read it can still search."""

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_scene
from command_line import ovstore as typed
from ovstore.core.errors import BadInput
from ovstore.store.postgres import access, database
from ovstore.store.postgres.server import Server

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

# Opens the store, searches, and tries to write; prints what came of it.
VISITOR = f"""
import site, sys
site.addsitedir({sysconfig.get_path("purelib")!r})
import json, tempfile
from pathlib import Path
import numpy as np
from ovstore.store.postgres import database; from ovstore.store.catalog import jobs
from ovstore.core.errors import OvstoreError
from ovstore.core.features import EmbeddingSpace, Query
from ovstore.store.search.search import search
said = {{}}
try:
    with database.open(sys.argv[1], create=False) as store:
        query = Query(np.eye(16, dtype=np.float32)[0], EmbeddingSpace("toy/16", 16, ""), top=3)
        said["found"] = [hit.region for hit in search(store, query)]
        try:
            said["job"] = jobs.start(store, "scans", "new", {{}})
        except OvstoreError as error:
            said["refused"] = str(error)
except OvstoreError as error:
    said["closed"] = str(error)
said["left"] = [path.name for path in Path(tempfile.gettempdir()).glob("ovstore-copy-*")]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def made(quick_folder: Path) -> Path:
    """A closed store with a scene in it, made while the umask let everybody read."""
    before = os.umask(0)
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("OVSTORE_DATABASE_URL", raising=False)
        with database.open(quick_folder / "access" / "store", create=True) as store:
            small_scene.make().publish(store)
    os.umask(before)
    return store.path


@pytest.fixture
def folder(made: Path, quick_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it for one test, in a folder that every user can pass."""
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    home = quick_folder / "access-copy"
    home.mkdir(mode=0o755)
    subprocess.run(["cp", "-a", made, home], check=True)
    (home / "tmp").mkdir()
    (home / "tmp").chmod(0o1777)
    yield home / "store"
    shutil.rmtree(home)


def visit(folder: Path, *prefix: str, user: int | None = None) -> dict[str, Any]:
    """What a process of that user finds in the store."""
    become = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    command = [*prefix, *become, interpreter(user), "-c", VISITOR, folder]
    away = {**os.environ, "TMPDIR": str(folder.parent / "tmp")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=away)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said.pop("left") == []
    return said


def interpreter(user: int | None) -> str:
    """A Python of this version that the user can run."""
    if user is None:
        return sys.executable
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin")):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([python or "", "-c", "import site"], check=True, user=user, group=user, extra_groups=[])
            return python or ""
    pytest.skip("user nobody can reach no interpreter of this version")


def modes(folder: Path) -> set[str]:
    """What group and others may do with anything below, the folder included."""
    found = [path.lstat().st_mode for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    return {stat.filemode(mode) for mode in found if mode & 0o077}


def group_of_nobody() -> str:
    return subprocess.check_output(["id", "-gn", str(NOBODY)], text=True).strip()


def test_a_store_is_for_its_owner_alone_whatever_the_umask(made: Path) -> None:
    passing, settings = "drwx--x---", "-rw-r-----"  # for the group of the server that root starts as another user
    assert modes(made) <= ({passing, settings} if os.geteuid() == 0 else set())
    assert not {path for path in made.rglob("*") if stat.filemode(path.lstat().st_mode) == passing} - {
        made / "postgres"
    }
    assert access.described(made) == "the owner"


def test_a_store_of_older_modes_is_named_by_the_doctor_and_closed_by_its_remedy(folder: Path) -> None:
    subprocess.run(["chmod", "-R", "a+rX", folder / "scenes", folder / "features", folder / "store.json"], check=True)
    folder.chmod(0o755)
    with database.open(folder) as store:
        doctor = typed(store, "doctor")
        assert "the store's files: can be read by every user of this machine" in doctor.stdout
        assert f"    ovstore --store {folder} db access --private\n" in doctor.stdout
        busy = typed(store, "db", "access", "--private")
        assert (busy.exit_code, "is in use: close the processes" in busy.stderr) == (1, True)
    assert typed(store, "db", "access", "--private").stdout == f"{folder} can be read by the owner.\n"
    with database.open(folder) as store:
        assert "can be read by" not in typed(store, "doctor").stdout
    assert modes(folder) <= {"drwx--x---", "-rw-r-----"}


def test_a_group_that_does_not_exist_is_named() -> None:
    with pytest.raises(BadInput, match="There is no group 'no such group' on this machine"):
        access.shared_with("no such group")


@as_root
def test_a_group_shares_a_store_for_writing_while_it_is_open_and_for_reading_when_it_is_not(folder: Path) -> None:
    assert "is closed to this user. Its owner opens a store to a group" in visit(folder, user=NOBODY)["closed"]
    access.change(folder, access.shared_with(group_of_nobody()))
    assert access.described(folder) == f"the group {group_of_nobody()}"
    alone = visit(folder, user=NOBODY)
    assert len(alone["found"]) == 3
    assert "open read-only: it belongs to user" in alone["refused"]
    with database.open(folder) as store:
        together = visit(folder, user=NOBODY)
        assert (together["found"], together["job"] > 0) == (alone["found"], True)
        small_scene.make("second").publish(store)
    assert not any("r" in mode[7:] or "w" in mode[7:] for mode in modes(folder))
    assert len(visit(folder)["found"]) == 3


@as_root
def test_an_older_schema_is_brought_up_to_date_in_the_copy_alone(folder: Path) -> None:
    with database.open(folder) as store:
        assert typed(store, "db", "downgrade", "0007", "--yes").exit_code == 0
    access.change(folder, access.shared_with(group_of_nobody()))
    assert len(visit(folder, user=NOBODY)["found"]) == 3
    assert "0008  no" in typed(store, "db", "current").stdout


@as_root
@pytest.mark.parametrize("user", [None, NOBODY])
def test_a_store_on_read_only_media_is_searched_and_not_changed(folder: Path, user: int | None) -> None:
    read_only = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    prefix = ["unshare", "-m", "sh", "-c", read_only, str(folder)]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("this root may not mount")
    if user is not None:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", folder], check=True)
    before = visit(folder, user=user)
    for derived in (folder / "indexes").iterdir():
        shutil.rmtree(derived)
    said = visit(folder, *prefix, user=user)
    assert said["found"] == before["found"]
    assert len(said["found"]) == 3
    assert "(open read-only: it is on a read-only file system) reports" in said["refused"]
    assert list((folder / "indexes").iterdir()) == []
    for command in (["index", "build", "faiss"], ["index", "drop", "exact"], ["db", "access", "--private"]):
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "ovstore.cli", "--store", folder, *command], capture_output=True, text=True
        )
        assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr


@as_root
def test_a_foreign_store_names_no_program_that_its_visitor_runs(folder: Path) -> None:
    planted, run = folder.parent / "tmp" / "planted", "archive_mode = on\narchive_command = 'touch {}'\n"
    for name in ("postgresql.conf", "postgresql.auto.conf"):
        with (folder / "postgres" / "data" / name).open("a") as file:
            file.write(run.format(planted) + "archive_timeout = 1\n")
    access.change(folder, access.shared_with(group_of_nobody()))
    assert len(visit(folder, user=NOBODY)["found"]) == 3
    assert not planted.exists()


@as_root
def test_a_foreign_store_that_is_in_use_is_said_to_be(folder: Path) -> None:
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    assert len(visit(folder, user=NOBODY)["found"]) == 3
    cluster_folder = folder / "postgres" / "data"
    cluster_folder.chmod(0o700)
    server = Server(folder / "postgres")
    cluster_folder.chmod(0o755)
    assert "is in use, and can be searched from here only when it is not" in visit(folder, user=NOBODY)["closed"]
    server.close()


@as_root
def test_a_foreign_store_that_is_closed_says_how_it_is_shared(folder: Path) -> None:
    for path in (folder, folder / "postgres", folder / "store.json"):
        path.chmod(0o755)
    assert "ovstore db access --shared GROUP" in visit(folder, user=NOBODY)["closed"]
