"""Label sets: their facts, what falls into them, and the words of `ovstore labels`."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import ovstore
import pytest
from click.testing import CliRunner, Result
from ovstore.cli import main
from ovstore.evaluation import label_files, name_tables
from ovstore.evaluation.label_map import LabelUse, map_labels
from ovstore.evaluation.label_set import IGNORED, LabelClass, LabelSet
from ovstore.evaluation.legend import legend
from ovstore.evaluation.palette import distinct_colours
from ovstore.ingest.formats.scannet.nyu40 import NYU40
from ovstore.ingest.generated import catalogue
from ovstore.store.database import Store
from ovstore.store.errors import BadInput, NotFound
from small_scene import make

TABLES = Path(ovstore.__file__).parent.parent / "shared" / "data" / "labels"
SETS = label_files.names()
COUNT = {"ade20k": 150, "replica": 101, "ssov_dictionary": 31, "nuscenes16_details": 16}
# Where a published palette uses a colour more than once.
COLOURS = {"ade20k": 149, "matterport80": 76, "matterport160": 153, "semantickitti34": 24}


def rows_of(file: str) -> list[dict[str, str]]:
    path = TABLES / file
    if not path.exists():
        pytest.skip(f"needs {file} of ScanNet or Matterport3D in {TABLES}")
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def class_of(label_set: str, label: str) -> str | None:
    """The name of the class that a label falls into; None when it is ignored."""
    found = label_files.load(label_set)
    index = found.index_of(label)
    assert index is not None, f"{label_set} does not know {label!r}"
    return None if index == IGNORED else found.classes[index].name


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_as_many_classes_as_its_name_says(name: str) -> None:
    digits = "".join(filter(str.isdigit, name))
    assert len(label_files.load(name).classes) == COUNT.get(name, int(digits or -1))


@pytest.mark.parametrize("name", SETS)
def test_names_ids_and_colours_of_a_set_are_its_own(name: str) -> None:
    found = label_files.load(name)
    classes = found.classes
    assert len({each.name for each in classes}) == len({each.id for each in classes}) == len(classes)
    assert len({each.rgb for each in classes}) == COLOURS.get(name, len(classes))
    assert found.ignore_id not in {each.id for each in classes}
    assert all((found.title, found.source, found.url, found.licence, found.colours))
    assert set(found.raw.values()) <= set(range(-1, len(classes)))


@pytest.mark.parametrize("name", SETS)
def test_every_name_leads_to_its_own_class_unless_the_dataset_has_it_otherwise(name: str) -> None:
    found = label_files.load(name)
    other = {"television", "light"} if name in ("matterport40", "matterport80", "matterport160") else set()
    for i, each in enumerate(found.classes):
        assert found.index_of(each.name) == found.index_of(each.name.upper().replace(" ", "_"))
        assert found.index_of(each.name) == i or each.name in other


@pytest.mark.parametrize("name", SETS)
def test_what_show_prints_as_json_is_a_file_of_the_same_set(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.json"
    path.write_text(said("show", name, "--json").stdout)
    assert label_files.load(str(path)) == label_files.load(name)


@pytest.mark.parametrize(
    ("name", "index", "label", "rgb"),
    [
        ("scannet20", 0, "wall", (174, 199, 232)),
        ("scannet20", 15, "shower curtain", (158, 218, 229)),
        ("scannet20", 19, "otherfurniture", (82, 84, 163)),
        ("matterport21", 19, "other", (82, 84, 163)),
        ("matterport21", 20, "ceiling", (58, 98, 26)),
        ("matterport40", 38, "air vent", (49, 206, 87)),
        ("matterport80", 78, "headboard", (60, 126, 146)),
        ("matterport160", 49, "refridgerator", (213, 208, 88)),
        ("matterport160", 159, "alarm", None),
        ("nuscenes16", 6, "person", (220, 20, 60)),
        ("nuscenes16", 10, "drivable surface", (128, 64, 128)),
        ("scannet200", 199, "mattress", (42, 94, 198)),
        ("semantickitti19", 0, "car", (100, 150, 245)),
        ("ade20k", 109, "swimming pool", None),
        ("voc20", 14, "person", (192, 128, 128)),
        ("coco80", 79, "toothbrush", None),
        ("cityscapes19", 13, "car", (0, 0, 142)),
        ("replica51", 50, "rug", None),
    ],
)
def test_known_classes(name: str, index: int, label: str, rgb: tuple[int, int, int] | None) -> None:
    found = label_files.load(name).classes[index]
    assert found.name == label
    assert rgb in (None, found.rgb)


def test_the_sets_of_matterport_are_beginnings_of_one_list() -> None:
    names = [each.name for each in label_files.load("matterport160").classes]
    for count in (40, 80):
        assert [each.name for each in label_files.load(f"matterport{count}").classes] == names[:count]


def test_scannet_and_matterport_share_twenty_classes() -> None:
    scannet, matterport = (label_files.load(name).classes for name in ("scannet20", "matterport21"))
    assert [each.id for each in matterport] == [*(each.id for each in scannet), 22]
    assert [each.rgb for each in matterport[:20]] == [each.rgb for each in scannet]


def test_openscene_asks_for_other_and_lseg_for_the_first_word() -> None:
    assert label_files.load("scannet20").classes[19].texts == ("other",)
    assert label_files.load("scannet20").classes[15].texts == ("shower curtain",)
    ade = label_files.load("ade20k").classes
    assert ade[109].texts == ("swimming",)
    assert ade[58].texts == ade[130].texts == ("screen",)
    assert label_files.load("coco80").classes[9].texts == ("trafficlight",)


def test_the_details_of_nuscenes_are_43_words_and_the_dictionary_of_ssov_175() -> None:
    details = [text for each in label_files.load("nuscenes16_details").classes for text in each.texts]
    words = [text for each in label_files.load("ssov_dictionary").classes for text in each.texts]
    assert (len(details), details[:3], details[-1]) == (43, ["barrier", "barricade", "bicycle"], "woods")
    assert (len(words), len(set(words))) == (175, 173)
    assert [words[row] for row in (0, 14, 28, 74, 110, 149, 161, 174)] == [
        "car", "trailer truck", "scooter", "scooter", "sand", "pavilion", "pavilion", "bonnet under the picture",
    ]  # fmt: skip
    assert words[111] == " rolling hills"


def test_folds() -> None:
    voc, coco = label_files.load("voc20").classes, label_files.load("coco80").classes
    assert [each.name for each in voc if each.group == "fold 0"] == ["aeroplane", "bicycle", "bird", "boat", "bottle"]
    assert [i for i, each in enumerate(coco) if each.group == "fold 2"] == list(range(2, 80, 4))


def test_scannet200_is_66_head_68_common_and_66_tail() -> None:
    groups = [each.group for each in label_files.load("scannet200").classes]
    assert [groups.count(group) for group in ("head", "common", "tail")] == [66, 68, 66]


def test_nyu40_is_what_the_importer_of_scannet_says() -> None:
    assert {each.id: each.name for each in label_files.load("nyu40").classes} == NYU40


@pytest.mark.parametrize(
    ("label_set", "label", "expected"),
    [
        ("scannet20", "trash can", "otherfurniture"),
        ("scannet20", "office chair", "chair"),
        ("scannet20", "ceiling", None),
        ("scannet20", "otherprop", None),  # of a .labels.ply, where there is no aggregation
        ("scannet200", "office chair", "office chair"),
        ("nyu40", "ceiling", "ceiling"),
        ("matterport21", "ceiling", "ceiling"),
        ("matterport40", "doorframe", "door"),
        ("matterport160", "exercise machine", "excercise equipment"),
        ("matterport160", "refrigerator", "refridgerator"),
        ("nuscenes16", "vehicle.bus.bendy", "bus"),
        ("nuscenes16", "human.pedestrian.stroller", None),
        ("nuscenes16", "construction_vehicle", "construction vehicle"),
        ("nuscenes16", "driveable_surface", "drivable surface"),
        ("semantickitti19", "moving-car", "car"),
        ("semantickitti19", "lane-marking", "road"),
        ("semantickitti19", "bus", "other-vehicle"),
        ("semantickitti19", "unlabeled", None),
        ("replica", "indoor-plant", "indoor-plant"),
        ("replica51", "umbrella", None),
    ],
)
def test_what_importers_keep_falls_into_its_class(label_set: str, label: str, expected: str | None) -> None:
    assert class_of(label_set, label) == expected


@pytest.mark.parametrize(
    ("fine", "coarse", "ignored"),
    [("nuscenes32", "nuscenes16", 12), ("semantickitti34", "semantickitti19", 4), ("nyu40", "scannet20", 20)],
)
def test_coarse_sets_know_every_class_of_the_fine(fine: str, coarse: str, ignored: int) -> None:
    found = [class_of(coarse, each.name) for each in label_files.load(fine).classes]
    assert found.count(None) == ignored
    assert set(found) - {None} == {each.name for each in label_files.load(coarse).classes}


def test_groups_of_the_dictionary_lead_to_the_classes_of_nuscenes() -> None:
    found = {each.name: class_of("nuscenes16", each.name) for each in label_files.load("ssov_dictionary").classes}
    assert found["static.manmade"] == "manmade"
    assert list(found.values()).count(None) == 11  # all that the challenge leaves out, but noise


def test_most_of_what_is_generated_falls_into_nyu40() -> None:
    nyu40 = label_files.load("nyu40")
    unknown = [name for name in catalogue.class_names() if nyu40.index_of(name) is None]
    assert len(unknown) < 0.2 * len(catalogue.class_names()), unknown


# The tables of raw names


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
        (b"\xff\xfe\x00", "not a table in text"),
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


# Files of one's own


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
        ('{"classes": [{"id": 1, "name": "mug", "words": "cup"}]}', "not a list of texts"),
        ('{"classes": [{"id": 1, "name": "mug"}, {"id": 1, "name": "jug"}]}', "two classes have the id 1"),
        ('{"classes": [{"id": 1, "name": "mug"}, {"id": 2, "name": "mug"}]}', "two classes have the name 'mug'"),
        ('{"classes": [{"id": 1, "name": "mug"}], "title": 3}', "'title' is 3, not a text"),
        ('{"classes": [{"id": 1, "name": "mug", "raw": ["cup"]}], "ignored": ["cup"]}', "'cup' stands in two places"),
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


# Mapping clouds


def test_labels_become_indices_and_nothing_is_lost() -> None:
    names = {0: "wall", 1: "ceiling", 2: "trashcan", 5: "chair"}
    mapped = map_labels(label_files.load("scannet20"), np.array([5, 0, 2, -1, 0, 1, 9, 2, 2]), names)
    assert mapped.index.tolist() == [4, 0, -1, -1, 0, -1, -1, -1, -1]
    assert mapped.unlabelled == 1
    assert mapped.uses == (
        LabelUse("trashcan", 3, None),
        LabelUse("wall", 2, 0),
        LabelUse("9 (without a name)", 1, None),
        LabelUse("ceiling", 1, IGNORED),
        LabelUse("chair", 1, 4),
    )


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_a_cloud_without_labels_has_no_class(labels: list[int]) -> None:
    mapped = map_labels(label_files.load("scannet20"), np.array(labels, np.int32), {})
    assert (mapped.index.tolist(), mapped.uses, mapped.unlabelled) == (labels, (), len(labels))


@pytest.mark.parametrize(
    ("label", "near"), [("trashcan", "trash can"), ("dishrack", "dish rack"), ("refridgerator", "refrigerator")]
)
def test_an_unknown_label_is_met_with_the_nearest(label: str, near: str) -> None:
    scannet = label_files.load("scannet20")
    assert scannet.index_of(label) is None
    assert scannet.near(label) == near


# Legends, and the words people see


def said(*arguments: str, store: Store | None = None) -> Result:
    where = [] if store is None else ["--store", str(store.path)]
    return CliRunner().invoke(main, [*where, "labels", *arguments])


def test_a_legend_shows_every_colour_of_its_set() -> None:
    scannet = label_files.load("scannet200")
    shown = {colour for _, colour in legend(scannet).getcolors(1 << 24)}
    assert {each.rgb for each in scannet.classes} <= shown


def test_list_names_all_sets() -> None:
    result = said("list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == SETS
    assert [each["name"] for each in json.loads(said("list", "--json").stdout)] == SETS


def test_show_prints_classes_and_where_they_come_from(tmp_path: Path) -> None:
    result = said("show", "scannet20", "--save-picture", str(tmp_path / "legend.png"))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["id", "name", "colour", "asked", "with", "also"]
    assert lines[1].split() == ["1", "wall", "#aec7e8"]
    assert "Labels of the dataset: 148 fall into them, 465 into none." in lines
    assert (tmp_path / "legend.png").stat().st_size > 1000


def labelled(store: Store, names: dict[int, str]) -> None:
    """A scene 'scans/room' of 600 points; labels go round."""
    small = make("room")
    labels = np.resize(np.array([*names, -1], np.int32), len(small.scene.points))
    points = replace(small.scene.points, labels=labels, label_names=names)
    replace(small, scene=replace(small.scene, points=points)).publish_geometry(store)


def test_map_counts_points_and_reports_what_the_set_does_not_know(store: Store) -> None:
    labelled(store, {0: "wall", 1: "trashcan", 2: "office chair", 3: "ceiling"})
    result = said("map", "scannet20", "room", store=store)
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["id", "class", "points", "share", "labels"],
        ["1", "wall", "120", "20.0%", "wall"],
        ["5", "chair", "120", "20.0%", "office", "chair"],
        ["(no", "class", "of", "the", "set)", "120", "20.0%", "ceiling"],
        ["(unknown", "label)", "120", "20.0%", "see", "below"],
        ["(no", "label)", "120", "20.0%"],
        [],
        ["1", "scene,", "600", "points;", "2", "of", "20", "classes", "of", "scannet20", "occur."],
        result.stdout.splitlines()[8].split(),
        [],
        ["Labels", "that", "scannet20", "does", "not", "know,", "left", "out"],
        ["label", "points", "nearest", "that", "it", "knows"],
        ["trashcan", "120", "trash", "can"],
    ]
    report = json.loads(said("map", "scannet20", "--all", "--json", store=store).stdout)
    assert report["unknown"] == [{"label": "trashcan", "points": 120, "near": "trash can"}]
    assert report["ignored"] == {"ceiling": 120}
    assert report["classes"][4] == {"id": 5, "name": "chair", "points": 120, "labels": {"office chair": 120}}


def test_map_takes_a_table_of_ones_own_and_names_each_scene_once(store: Store, tmp_path: Path) -> None:
    labelled(store, {0: "trashcan"})
    table = tmp_path / "labels.tsv"
    table.write_text("raw_category\tnyu40id\ntrashcan\t39\n")
    result = said("map", "scannet20", "room", "scans/room", "--table", str(table), "--json", store=store)
    report = json.loads(result.stdout)
    assert (report["points"], report["classes"][19]["points"], report["unknown"]) == (600, 300, [])


def test_map_of_an_empty_store_names_the_next_step(store: Store) -> None:
    result = said("map", "scannet20", "--all", store=store)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "ovstore ingest --help" in result.stderr


@pytest.mark.parametrize("arguments", [["map", "scannet20"], ["map", "scannet20", "room", "--all"]])
def test_map_wants_scenes_or_all(store: Store, arguments: list[str]) -> None:
    result = said(*arguments, store=store)
    assert result.exit_code == 2
    assert "Name scenes, or say --all." in result.stderr


def test_names_go_before_synonyms_and_labels_of_the_dataset_before_both() -> None:
    classes = (
        LabelClass("stool", 1, (0, 0, 0)),
        LabelClass("toilet", 2, (1, 1, 1), synonyms=("stool", "can")),
        LabelClass("tin", 3, (2, 2, 2), synonyms=("can", "pot")),
    )
    about = dict.fromkeys(("name", "title", "source", "url", "licence", "colours"), "test")
    found = LabelSet(**about, ignore_id=None, classes=classes, raw={"pot": 0})
    assert [found.index_of(label) for label in ("stool", "can", "pot")] == [0, 1, 0]
