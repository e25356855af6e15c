"""Stores that earlier versions made, kept as files and rows, and what those versions answered.

    tests/made_before/VERSION/
      scans/          what was taken in: a .sens scan, a folder of posed images, OpenScene's files with fused features
      store/          the files of the store: Parquet, FAISS indexes, unpacked images
      rows.sql        the rows of its tables as COPY text, after the revision of their schema
      answers.json    what the command line said of it, see ASKED

    python tests/helpers/made_before.py          makes the folder of the installed version anew

Paths in rows.sql and answers.json begin with {scans} or {store}; `restored` puts those of the copy in their place.
"""

import hashlib
import json
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import ovstore
import psycopg
from click.testing import CliRunner
from ovstore.cli import main

MADE_BEFORE = Path(ovstore.__file__).parent / "tests" / "made_before"
SCENES = ("scannet/scene0000_00", "rgbd/room", "openscene/scene0000_00")

# How each feature set was made, and how it can be made again: none of them needs a graphics card or a download.
INGESTS = {
    "scannet color_words": ("scannet", "{scans}/scannet", "--frame-stride", "1", "--encoder", "color_words"),
    "scannet tiny": ("scannet", "{scans}/scannet", "--frame-stride", "1", "--encoder", "tiny"),
    "rgbd color_words": ("rgbd", "{scans}/rgbd/room", "--voxel-size", "0.3", "--encoder", "color_words"),
    "openscene published": ("openscene", "{scans}/openscene", "--encoder", "color_words", "--features", "published",
                            "--fused", "{scans}/openscene/scannet_multiview_color_words"),
}  # fmt: skip

_LIKE = ("search", "--json", "--top", "5", "--like")
_REGION = "region, dataset, scene, level, ordinal"
_REGIONS = (
    "split, label, point_count, seen_count, centre_x, centre_y, centre_z, min_x, min_y, min_z, max_x, max_y, max_z, "
    "size_x, size_y, size_z, volume, radius, feature_set, feature_source, space, encoder, scene_id, feature_set_id, "
    "embedding_space_id, embedding"
)
_COLUMNS = {
    "points": "dataset, scene, x, y, z, r, g, b, label, superpoint, original_index, nx, ny, nz, instance, segment, "
    "label_name",
    "correspondences": "dataset, scene, frame, point_index, u, v, depth",
}

# What is asked of a store in JSON, name -> command line. No text is encoded by a network: its last bits may differ.
ASKED = {
    "scenes": ("scenes", "--json"),
    "features": ("features", "--json"),
    "jobs": ("sql", "--json", "SELECT dataset, scene, state, worker, message FROM jobs ORDER BY id LIMIT 4"),
    "indexes": ("sql", "--json", "SELECT name, embedding_space_id, level, row_count, file FROM indexes ORDER BY id"),
    "labels": ("labels", "map", "scannet20", "--all", "--json"),
    **{f"show {name}": ("show", name, "--json") for name in SCENES},
    "show region": ("show", "scannet/scene0000_00:2@object", "--features", "tiny", "--json"),
    **{
        f"like {features} {level}": (*_LIKE, f"{SCENES[0]}:1@{level}", "--features", features, "--level", level)
        for features in ("color_words", "tiny", "distilled")
        for level in ("object", "superpoint")
    },
    "like, over all": (*_LIKE, f"{SCENES[2]}:3@object", "--features", "published", "--exact"),
    "words": ("search", "--ungrouped", "red", "--features", "color_words", "--json"),
    "words, filtered": ("search", "brown", "--not", "white", "--where", "size_z > 0.2 AND dataset = 'scannet'",
                        "--features", "color_words", "--level", "superpoint", "--json"),
    "sql scenes": ("sql", "--json", "SELECT * FROM scene_overview ORDER BY scene_id"),
    "sql regions": ("sql", "--json",
                    f"SELECT {_REGION}, {_REGIONS} FROM region_overview ORDER BY feature_set, {_REGION}"),
    "sql text": ("sql", "--json", "--features", "color_words",
                 "SELECT scene, region, 1 - (embedding <=> {text:red}) AS score FROM region_overview "
                 f"WHERE feature_set = 'color_words' ORDER BY score DESC, {_REGION} LIMIT 9"),
    **{
        f"sql files {view}": ("sql", "--json", "--files", f"SELECT {columns} FROM {view} ORDER BY ALL")
        for view, columns in _COLUMNS.items()
    },
    "sql files features": ("sql", "--json", "--files",
                           "SELECT dataset, scene, len(vector) AS dim, object, superpoint, point_index, view_count, "
                           "round(list_sum(vector), 4) AS total FROM features ORDER BY ALL"),
}  # fmt: skip

LONG = ("sql regions", "sql files points", "sql files correspondences", "sql files features")

# What is written for other programs; OUT is a new file or folder.
EXPORTS = {
    "ply": ("export", "ply", SCENES[0], "OUT", "--level", "object", "--features", "tiny"),
    "ply of a region": ("export", "ply", f"{SCENES[0]}:2@object", "OUT", "--features", "color_words"),
    "npz": ("export", "npz", SCENES[1], "OUT", "--features", "color_words"),
    "openscene": ("export", "openscene", SCENES[0], "OUT", "--features", "color_words"),
}


class Made:
    """A copy of a store that an earlier version made, open to the command line."""

    def __init__(self, folder: Path, scans: Path, store: Path) -> None:
        self.folder, self.scans, self.store = folder, scans, store

    def told(self) -> dict[str, Any]:
        """answers.json."""
        answers: dict[str, Any] = json.loads((self.folder / "answers.json").read_text(encoding="utf-8"))
        return answers

    def run(self, *arguments: str) -> str:
        """What `ovstore ARGUMENTS` prints, which has to succeed; paths as answers.json has them."""
        typed = [word.replace("{scans}", str(self.scans)) for word in arguments]
        result = CliRunner().invoke(main, ["--store", str(self.store), *typed])
        assert result.exit_code == 0, result.output
        return result.stdout.replace(str(self.scans), "{scans}").replace(str(self.store), "{store}")

    def answer(self, question: str) -> Any:
        """The JSON that answers one of ASKED; long lists of rows as a count and a digest."""
        found = json.loads(self.run(*ASKED[question]))
        if question in LONG:
            return {"rows": len(found), "first": found[0], "digest": _digest(json.dumps(found).encode())}
        return found

    def export(self, name: str, folder: Path) -> dict[str, str]:
        """File -> digest of what one of EXPORTS writes into the new `folder`; of a .npz, array -> digest."""
        folder.mkdir()
        out = folder / ("data" if name == "openscene" else f"room.{name[:3]}")
        self.run(*(str(out) if word == "OUT" else word for word in EXPORTS[name]))
        if name == "npz":
            with np.load(out) as arrays:
                return {key: _digest(str((a.dtype, a.shape)).encode() + a.tobytes()) for key, a in arrays.items()}
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(folder)): _digest(path.read_bytes()) for path in files}


def versions() -> list[str]:
    """Those whose stores are kept."""
    return sorted(path.name for path in MADE_BEFORE.iterdir() if (path / "rows.sql").is_file())


def schema_of(version: str) -> str:
    """The revision of the migrations that its rows were written at."""
    with (MADE_BEFORE / version / "rows.sql").open(encoding="utf-8") as file:
        return file.readline().removeprefix("-- schema ").strip()


def restored(version: str, into: Path, connection: psycopg.Connection[Any]) -> Made:
    """A copy below `into` of a store kept, with its rows in the external database of `connection`.

    The database has the schema of those rows, and no row.
    """
    made = Made(MADE_BEFORE / version, into / "scans", into / "store")
    shutil.copytree(made.folder / "scans", made.scans)
    shutil.copytree(made.folder / "store", made.store)
    made.store.chmod(0o700)
    note = made.store / "store.json"
    note.write_text(note.read_text(encoding="utf-8").replace('"embedded"', '"external"'), encoding="utf-8")
    for table, columns, rows in _tables(made):
        with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            copy.write(rows)
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND is_identity = 'YES'"
    ).fetchall():
        connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), coalesce(max({column}) + 1, 1), false)"
            f" FROM {table}"
        )
    return made


def _tables(made: Made) -> Iterator[tuple[str, str, str]]:
    """(table, columns, rows) in the order in which they can be put in."""
    text = (made.folder / "rows.sql").read_text(encoding="utf-8")
    text = text.replace("{scans}", str(made.scans)).replace("{store}", str(made.store))
    for match in re.finditer(r"^COPY (\w+) \(([^)]+)\) FROM stdin;\n(.*?)^\\\.$", text, re.DOTALL | re.MULTILINE):
        yield match[1], match[2], match[3]


def _dump(connection: psycopg.Connection[Any]) -> str:
    """All rows, each table after those that it refers to."""
    [revision] = connection.execute("SELECT version_num FROM alembic_version").fetchone() or [None]
    refers = connection.execute(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
    ).fetchall()
    left = {
        name
        for (name,) in connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
            " AND relname <> 'alembic_version'"
        )
    }
    text = f"-- schema {revision}\n"
    while left:
        for table in sorted(name for name in left if not any(a == name and b in left - {name} for a, b in refers)):
            names = connection.execute(
                "SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND table_name = %s",
                [table],
            ).fetchone()
            columns = (names or [""])[0]
            with connection.cursor().copy(f"COPY (SELECT {columns} FROM {table} ORDER BY 1, 2) TO STDOUT") as copy:
                rows = b"".join(bytes(part) for part in copy).decode()
            text += f"\nCOPY {table} ({columns}) FROM stdin;\n{rows}\\.\n"
            left.remove(table)
    return text


def _one_line_each(answers: dict[str, dict[str, Any]]) -> str:
    """JSON in which a changed answer is a changed line."""
    parts = [
        f"{json.dumps(part)}: {{\n"
        + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items())
        for part, found in answers.items()
    ]
    return "{\n" + "\n},\n".join(parts) + "\n}\n}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _scans(folder: Path) -> None:
    """A generated room as ScanNet has it, and the toy room as images with depth."""
    import toy_room
    from ovstore.core import plugins
    from ovstore.ingest.generated.recording import record
    from ovstore.ingest.generated.scene import SceneOptions, generate_scene, scannet_cameras
    from ovstore.ingest.generated.sensor import Sensor

    scene = generate_scene(7, SceneOptions(frames=3, planted=("snoopy",)))
    cameras = scannet_cameras((80, 60), (80, 60))
    recording = record("scene0000_00", scene, cameras, Sensor(), 0.15, 0, np.random.default_rng(3))
    (folder / "scannet").mkdir(parents=True)
    plugins.load("ingest.generated.formats", "scannet").write(folder / "scannet", recording)
    next((folder / "scannet").glob("*.labels.ply")).unlink()  # nothing reads it where there are segments
    toy_room.write(folder / "rgbd" / "room", frames=3)


def _make() -> None:
    """The folder of the installed version, in an embedded database that is gone afterwards."""
    folder = MADE_BEFORE / ovstore.__version__
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        made = Made(folder, Path(work) / "scans", Path(work) / "store")
        _scans(made.scans)
        for arguments in (
            *(("ingest", *words) for name, words in INGESTS.items() if not name.startswith("openscene")),
            ("export", "openscene", SCENES[0], "{scans}/openscene", "--features", "color_words"),
            ("ingest", *INGESTS["openscene published"]),
            ("distill", "--features", "color_words", "--student", "tiny", "--config", "small", "--voxel-size", "0.2",
             "--epochs", "2", "--loop", "1", "--batch-size", "1", "--hold-out", "1", "--validate-every", "1",
             "--workers", "0", "--device", "cpu", "--out", "distilled"),
            ("index", "build", "faiss"),
        ):  # fmt: skip
            print(made.run(*arguments), end="")
        answers = {
            "answers": {question: made.answer(question) for question in ASKED},
            "exports": {name: made.export(name, Path(work) / f"out {name}") for name in EXPORTS},
        }
        with ovstore.open(made.store) as store, psycopg.connect(store.conninfo) as connection:
            rows = _dump(connection)
        for place, name in ((made.scans, "{scans}"), (made.store, "{store}")):
            rows = rows.replace(str(place), name)
        rows = rows.replace(f"{socket.gethostname()}:", "somewhere:")
        text = _one_line_each(answers)
        folder.mkdir()
        (folder / "rows.sql").write_text(rows, encoding="utf-8")
        (folder / "answers.json").write_text(
            text.replace(f"{socket.gethostname()}:", "somewhere:") + "\n", encoding="utf-8"
        )
        shutil.copytree(made.scans, folder / "scans")
        without = shutil.ignore_patterns("postgres", "students", "lock")
        shutil.copytree(made.store, folder / "store", ignore=without)


if __name__ == "__main__":
    _make()
