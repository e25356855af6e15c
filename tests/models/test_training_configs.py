"""Options of a training, by name and by file."""

from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from ovstore.core.errors import BadInput, NotFound
from ovstore.models.training import configs
from ovstore.models.training.options import TrainingOptions

NAMES = [
    "matterport", "mink_matterport", "mink_nuscenes", "mink_scannet", "nuscenes", "openscene_matterport",
    "openscene_nuscenes", "openscene_replica", "openscene_scannet", "scannet", "small",
]  # fmt: skip


def test_every_configuration_is_read() -> None:
    assert configs.names() == NAMES
    assert all(isinstance(configs.named(name), TrainingOptions) for name in NAMES)


def test_the_originals_values_on_scannet() -> None:
    assert asdict(configs.named("openscene_scannet")) == {
        "voxel_size": 0.02, "inputs": "ones", "target": "representative", "supervised_points": 20000,
        "batch_size": 8, "accumulate": 1, "epochs": 100, "loop": 5, "loss": "cosine", "anchor_weight": 0.0,
        "anchor_scale": 10.0, "optimizer": "adam",
        "base_lr": 1e-3, "first_step_lr": 1e-4, "warmup_steps": 0, "power": 0.9, "momentum": 0.0,
        "weight_decay": 0.0, "clip_norm": 0.0, "placement": "random", "flip_probability": 0.95, "shift": 100,
        "elastic_probability": 0.0, "elastic": (0.2, 0.4, 0.8, 1.6), "contrast_probability": 0.2,
        "color_probability": 0.95, "color_translation": 0.1, "color_jitter": 0.05, "hue": 0.5, "saturation": 0.2,
        "precision": "float32", "seed": 1463,
    }  # fmt: skip


def test_the_originals_values_elsewhere_differ_where_its_files_do() -> None:
    scannet = configs.named("openscene_scannet")
    assert configs.named("openscene_matterport") == replace(scannet, seed=3407)
    assert configs.named("openscene_replica") == configs.named("openscene_matterport")
    lidar = configs.named("openscene_nuscenes")
    assert (lidar.voxel_size, lidar.batch_size, lidar.loop, lidar.seed) == (0.05, 16, 1, 3407)
    assert (lidar.flip_probability, lidar.placement, lidar.supervised_points) == (0.0, "random", 0)
    labels = configs.named("mink_scannet")
    assert (labels.loss, labels.optimizer, labels.base_lr, labels.first_step_lr) == ("cross_entropy", "sgd", 0.01, 0.0)
    assert (labels.momentum, labels.weight_decay, labels.elastic_probability) == (0.9, 1e-4, 0.95)
    assert (configs.named("mink_nuscenes").batch_size, configs.named("mink_nuscenes").loop) == (24, 2)


def test_the_originals_file_leaves_no_option_to_a_default() -> None:
    folder = Path(configs.__file__).parent / "named_configs"
    lines = (folder / "openscene_scannet.toml").read_text(encoding="utf-8").splitlines()
    assert {line.partition(" = ")[0] for line in lines if " = " in line and line[0] != "#"} == {
        field.name for field in fields(TrainingOptions)
    }


def test_a_file_of_ones_own_takes_the_rest_from_a_named_one(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('like = "openscene_nuscenes"\nbase_lr = 1\nelastic = [0.5, 1]\n', encoding="utf-8")
    assert configs.named(str(mine)) == replace(configs.named("openscene_nuscenes"), base_lr=1.0, elastic=(0.5, 1.0))
    mine.write_text("epochs = 3\n", encoding="utf-8")
    assert configs.named(str(mine)) == TrainingOptions(epochs=3)


def test_a_wrong_name_suggests_the_nearest() -> None:
    with pytest.raises(NotFound, match=r"No configuration named 'scanet'\. Did you mean 'scannet'\?"):
        configs.named("scanet")


@pytest.mark.parametrize(
    "text, said",
    [
        ("epoch = 3", r"no option 'epoch'\. Did you mean 'epochs'\? Known: like, voxel_size"),
        ("epochs = 2.5", "epochs is 2.5; a whole number was expected"),
        ("epochs = true", "epochs is True; a whole number was expected"),
        ('base_lr = "high"', "base_lr is 'high'; a number was expected"),
        ("base_lr = nan", "base_lr is nan; more than 0 was expected"),
        ("voxel_size = inf", "voxel_size is inf; more than 0 was expected"),
        ('inputs = "colour"', "inputs is 'colour'; 'ones', 'color' was expected"),
        ("elastic = [0.2]", "elastic is .0.2,.; pairs of granularity and magnitude"),
        ("elastic = 3", "elastic is 3; a list of numbers was expected"),
        ('like = "scanet"', r"like is 'scanet'\. Did you mean 'scannet'"),
        ("like = [1]", r"like is \[1\]\. Known"),
        ('loss = "cross_entropy"', "Classes have no mean"),
        ("momentum = 0.9", "momentum is 0.9, which only optimizer = 'sgd' has"),
        ("flip_probability = 1.5", r"flip_probability is 1.5; 0 \.\. 1 was expected"),
        ("shift = -1", "shift is -1; 0 or more was expected"),
        ("epochs = ", "is not TOML"),
        ("[a]\n" + "x = " + "[" * 5000, "is not TOML"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=f"mine.toml.*{said}"):
        configs.named(str(file))


def test_files_that_are_no_configuration_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    with pytest.raises(BadInput, match=r"mine.toml: No such file"):
        configs.named(str(file))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not a text file"):
        configs.named(str(file))
    file.write_bytes(b"#" * 200_000)
    with pytest.raises(BadInput, match="200,000 bytes"):
        configs.named(str(file))
