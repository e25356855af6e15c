"""Matterport3D's categories: OpenScene's classes come out of the table, and a point has what its faces vote for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadScene
from ovstore.ingest.formats.matterport.labels import LabelSet, label_set, read_categories, vote
from ovstore.ingest.formats.matterport.points import read_region

TABLE = Path(__file__).parents[3] / "shared/data/labels/category_mapping.tsv"


def small_table(folder: Path, classes: Sequence[str], nyu40: Sequence[str] = ()) -> Path:
    nyu40 = nyu40 or ["40"] * len(classes)
    rows = ["index\traw_category\tcategory\tnyu40id\tnyuClass"]
    rows += [f"{k}\traw {k}\t\t{n}\t{name}" for k, (name, n) in enumerate(zip(classes, nyu40, strict=True), start=1)]
    path = folder / "category_mapping.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_classes_are_the_first_names_of_the_table_but_void_and_unknown(tmp_path: Path) -> None:
    many = [f"class {number}" for number in range(38)]
    table = read_categories(small_table(tmp_path, ["wall", "void", "", "door", "unknown", *many, "late", "wall"]))
    of_category, names = label_set(table, "40")
    assert list(names.values()) == ["wall", "door", *many] and list(names) == list(range(40))
    assert (of_category[1], of_category[4], of_category[6]) == (0, 1, 2)
    assert of_category[45] == 0  # a row after the list is full, of a name that is kept
    assert not {2, 3, 5, 44} & set(of_category)


def test_twenty_one_classes_are_those_of_scannet_and_the_ceiling(tmp_path: Path) -> None:
    nyu40 = ["1", "22", "39", "", "13", "40", "12", "14"]
    of_category, names = label_set(read_categories(small_table(tmp_path, ["x"] * 8, nyu40)), "21")
    assert {category: names[label] for category, label in of_category.items()} == {
        1: "wall", 2: "ceiling", 3: "other", 7: "counter", 8: "desk",
    }  # fmt: skip
    assert names[19] == "other" and names[20] == "ceiling" and len(names) == 21
    assert (of_category[1], of_category[2], of_category[3]) == (0, 20, 19)


@pytest.mark.skipif(not TABLE.exists(), reason="the release's table is not in ../shared/data/labels")
@pytest.mark.parametrize(
    "name, rows, last, at",
    [("40", 605, "faucet", 62), ("80", 748, "bucket", 148), ("160", 975, "alarm", 399), ("21", 534, "ceiling", 3)],
)
def test_the_release_s_table_gives_the_published_sets(name: LabelSet, rows: int, last: str, at: int) -> None:
    """openscene.md, Appendix H; the last names are those of the published lists."""
    categories = read_categories(TABLE)
    of_category, names = label_set(categories, name)
    assert len(categories) == 1659 and len(of_category) == rows and len(names) == int(name)
    assert names[int(name) - 1] == last
    if name != "21":
        assert [of_category.get(index, -1) + 1 for index in range(1, 13)] == [1, 2, 3, 4, 5, 6, 7, 2, 0, 8, 0, 9]
    first = min(index for index, label in of_category.items() if names[label] == last)
    assert first == at
    assert [category.index for category in categories if not category.nyu40id] == [1240]


def test_of_labels_as_frequent_around_a_point_the_smallest_wins_and_none_is_the_smallest() -> None:
    """openscene.md, Appendix H"""
    two = np.array([[0, 1, 2], [0, 3, 4]], np.int32)
    assert vote(two, np.array([3, -1]), 6).tolist() == [-1, 3, 3, -1, -1, -1]  # point 5 is in no face
    assert vote(two, np.array([5, 3]), 5).tolist() == [3, 5, 5, 3, 3]
    assert vote(np.empty((0, 3), np.int32), np.empty(0, np.int64), 2).tolist() == [-1, -1]


def test_votes_are_the_histogram_that_openscene_fills() -> None:
    rng = np.random.default_rng(5)
    faces, label = rng.integers(0, 40, (300, 3)).astype(np.int32), rng.integers(-1, 6, 300)
    histogram = np.zeros((45, 7), int)
    for corners, name in zip(faces, label, strict=True):
        for corner in corners:
            histogram[corner, name + 1] += 1
    assert vote(faces, label, 45).tolist() == (histogram.argmax(axis=1) - 1).tolist()


def test_categories_of_one_class_vote_together(tmp_path: Path) -> None:
    """Three kinds of chair around a point, two faces of wall: raw it is wall, as a class it is chair."""
    faces = [(7, 1), (7, 1), (1, 2), (1, 3), (2, 4)]  # segment_id, category_id
    head = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    head += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nproperty int segment_id\n"
    body = "".join(f"3 0 1 2 {instance} {category}\n" for instance, category in faces)
    path = tmp_path / "region0.ply"
    path.write_text(head + "property int category_id\nend_header\n0 0 0\n1 0 0\n0 1 0\n" + body)
    table = read_categories(small_table(tmp_path, ["wall", "chair", "chair", "chair", "sofa"]))
    raw, _ = read_region(path, table, "raw")
    grouped, _ = read_region(path, table, "40")
    assert raw.labels is not None and {raw.label_names[label] for label in raw.labels} == {"raw 1"}
    assert grouped.labels is not None and {grouped.label_names[label] for label in grouped.labels} == {"chair"}
    assert raw.instances is not None and raw.instances.tolist() == [1, 1, 1]  # of 1 and 7, twice each, the smaller


@pytest.mark.parametrize(
    "content, said",
    [
        ("", "no column index, raw_category"),
        ("index\traw_category\tnyu40id\tnyuClass\n", "no rows"),
        ("index\traw_category\tnyu40id\tnyuClass\n1\twall\t1\n", "line 2: 3 fields between tabs; the head has 4"),
        ("index\traw_category\tnyu40id\tnyuClass\nx\twall\t1\twall\n", "line 2: the index 'x'"),
        ("index\traw_category\tnyu40id\tnyuClass\n1\ta\t1\ta\n1\tb\t1\tb\n", "two with the same index"),
        (b"\x80\x04\x95\xff", "not a text file"),
    ],
)
def test_a_wrong_table_is_one_sentence(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "category_mapping.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadScene, match=said):
        read_categories(path)
