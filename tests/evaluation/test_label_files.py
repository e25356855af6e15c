"""Where label sets come from: the tables of raw names that are shipped or official, and files of one's own."""

import csv
from pathlib import Path

import ovstore
import pytest
from ovstore.core.errors import BadInput, NotFound
from ovstore.evaluation.labels import label_files, name_tables
from ovstore.evaluation.labels.palette import distinct_colours

TABLES = Path(ovstore.__file__).parent.parent / "shared" / "data" / "labels"
SETS = label_files.names()


def rows_of(file: str) -> list[dict[str, str]]:
    path = TABLES / file
    if not path.exists():
        pytest.skip(f"needs {file} of ScanNet or Matterport3D in {TABLES}")
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


@pytest.mark.parametrize(
    ("shipped", "file"), [("scannet", "scannetv2-labels.combined.tsv"), ("matterport", "category_mapping.tsv")]
)
def test_shipped_raw_names_are_those_of_the_official_table(shipped: str, file: str) -> None:
    rows = name_tables.shipped_table(shipped, ())
    assert rows == [{column: row[column] for column in rows[0]} for row in rows_of(file)]


@pytest.mark.parametrize("name", [name for name in SETS if name.startswith(("scannet", "nyu", "matterport"))])
def test_the_official_table_gives_the_shipped_set(name: str) -> None:
    file = "category_mapping.tsv" if name.startswith("matterport") else "scannetv2-labels.combined.tsv"
    rows_of(file)
    assert label_files.load(name, TABLES / file) == label_files.load(name)


@pytest.mark.parametrize(
    ("count", "mapped", "last", "first_row"),
    [(40, 605, "faucet", 62), (80, 748, "bucket", 148), (160, 975, "alarm", 399)],
)
def test_classes_of_matterport_are_the_first_of_the_table(count: int, mapped: int, last: str, first_row: int) -> None:
    rows = rows_of("category_mapping.tsv")
    found = label_files.load(f"matterport{count}")
    names = [name for name in dict.fromkeys(row["nyuClass"] for row in rows) if name not in ("", "void", "unknown")]
    assert [each.name for each in found.classes] == names[:count]
    assert (found.classes[-1].name, [row["nyuClass"] for row in rows].index(last) + 1) == (last, first_row)
    indices = [found.raw[row["raw_category"]] for row in rows]
    assert sum(index >= 0 for index in indices) == mapped
    assert [index + 1 for index in indices[:12]] == [1, 2, 3, 4, 5, 6, 7, 2, 0, 8, 0, 9]


def test_matterport21_maps_534_categories() -> None:
    found = label_files.load("matterport21")
    assert sum(found.raw[row["raw_category"]] >= 0 for row in rows_of("category_mapping.tsv")) == 534


def test_a_table_of_ones_own_has_the_say(tmp_path: Path) -> None:
    table = tmp_path / "labels.tsv"
    table.write_text("raw_category\tnyu40id\ntrashcan\t39\nwall\t2\n")
    found = label_files.load("scannet20", table)
    assert [found.index_of(label) for label in ("trashcan", "wall", "trash can")] == [19, 1, None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"id\traw_category\n1\twall\n", "no column 'nyu40id'; it has: id, raw_category"),
        (b"", "no column 'raw_category'; it has: none"),
        (b"\xff\xfe\x00", "not a text table"),
    ],
)
def test_a_wrong_table_is_one_sentence(content: bytes | None, message: str, tmp_path: Path) -> None:
    table = tmp_path / "labels.tsv"
    if content is not None:
        table.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        label_files.load("scannet20", table)


def test_a_set_without_a_table_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nuscenes16 takes no table"):
        label_files.load("nuscenes16", tmp_path / "labels.tsv")


def test_a_set_of_ones_own_needs_ids_and_names_only(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"classes": [{"id": 7, "name": "mug", "raw": ["cup"]}, {"id": 8, "name": "jug"}]}')
    mine = label_files.load(str(path))
    assert (mine.name, mine.index_of("cup"), mine.index_of("Jug"), mine.index_of("pot")) == ("mine", 0, 1, None)
    assert [each.rgb for each in mine.classes] == distinct_colours(2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "no list 'classes'"),
        ('{"classes": []}', "no list 'classes'"),
        ('{"classes": [{"name": "mug"}]}', "is not a class"),
        ('{"classes": [{"id": 1, "name": "mug", "rgb": [0, 0, 256]}]}', "three numbers from 0 to 255"),
        ('{"classes": [{"id": 1, "name": "mug", "rgb": "red"}]}', "three numbers from 0 to 255"),
        ('{"classes": [{"id": 1, "name": "mug", "words": "cup"}]}', "not a list of strings"),
        ('{"classes": [{"id": 1, "name": "mug"}, {"id": 1, "name": "jug"}]}', "two classes have the same id 1"),
        ('{"classes": [{"id": 1, "name": "mug"}, {"id": 2, "name": "mug"}]}', "two classes have the same name 'mug'"),
        ('{"classes": [{"id": 1, "name": "mug"}], "title": 3}', "'title' is 3, not a string"),
        ('{"classes": [{"id": 1, "name": "mug", "raw": ["cup"]}], "ignored": ["cup"]}', "'cup' occurs twice in"),
        ('{"classes": [{"id": 1, "name": "mug"}], "table": "x"}', "'file', 'names' and 'value'"),
        (
            '{"classes": [{"id": 1, "name": "mug"}], "table": {"file": "x", "names": ["a"], "value": "b"}}',
            "no table 'x'",
        ),
        ('{"classes": [{"id": 1, "name": "mug"}], "table": {"file": "scannet", "names": ["a"], "value": "id"}}', "'a'"),
    ],
)
def test_a_wrong_file_is_one_sentence(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=message):
        label_files.load(str(path))


def test_a_misspelt_set_is_met_with_the_nearest_name() -> None:
    with pytest.raises(NotFound, match="Did you mean 'scannet200'"):
        label_files.load("scanet200")


def test_made_colours_are_distinct_and_always_the_same() -> None:
    assert len(set(distinct_colours(300))) == 300
    assert distinct_colours(300)[:101] == distinct_colours(101)
