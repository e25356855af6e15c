"""Label sets: the facts of each, and what falls into its classes."""

import pytest
from ovstore.evaluation.labels import label_files
from ovstore.evaluation.labels.label_set import IGNORED
from ovstore.ingest.formats.scannet.nyu40 import NYU40
from ovstore.ingest.generated import catalogue

SETS = label_files.names()
COUNT = {"ade20k": 150, "replica": 101, "ssov_dictionary": 31, "nuscenes16_details": 16}
# Where a published palette uses a colour more than once.
COLOURS = {"ade20k": 149, "matterport80": 76, "matterport160": 153, "semantickitti34": 24}


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
