"""The benchmark of things on two of its rooms: generated, ingested with the simulated encoder, all questions asked."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("embreex", reason="needs the extra 'generate'")

import ovstore
from ovstore.cli import main
from ovstore.core.errors import BadInput
from ovstore.evaluation.things.figures import ThingFigures
from ovstore.evaluation.things.report import ThingReport
from ovstore.ingest.generated.benchmark2 import benchmark
from ovstore.ingest.generated.benchmark2.plan import bench2_plan
from ovstore.workflows.evaluate_things import evaluate_things

NAMES = ("scene0001_00", "scene0003_00")  # of one house


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of the rooms, and a store that holds them."""
    folder = tmp_path_factory.mktemp("things")
    bench, store, maps = folder / "bench2", folder / "store", folder / "bench2" / "simulated"
    chosen = tuple(room for room in bench2_plan() if room.name in NAMES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "bench2_plan", lambda: chosen)
        patch.setattr(benchmark, "HOUSES", 1)
        commands = (
            ["generate", "bench2", str(bench), "--simulated"],
            [
                "--store", str(store), "ingest", "rgbd", str(bench), "--features", "simulated-low",
                "--encoder", "precomputed", "--files", str(maps / "low"), "--text", "table",
                "--names", str(maps / "names.txt"), "--text-weights", str(maps / "texts.npy"),
            ],
        )  # fmt: skip
        for command in commands:
            result = CliRunner().invoke(main, command)
            assert result.exit_code == 0, result.output
    return bench, store


@pytest.fixture(scope="module")
def report(rooms: tuple[Path, Path]) -> ThingReport:
    with ovstore.open(rooms[1]) as store:
        return evaluate_things(store, rooms[0])


def test_every_name_is_asked_once_and_each_needle_by_two_pictures_at_most(report: ThingReport) -> None:
    said = report.things
    assert {each.label for each in said.needles("name").asked} == {"traffic cone", "pumpkin"}
    assert len(said.absent) == 41 and len(said.needles("same room").asked) == 2
    assert not said.needles("other room").asked  # there is no other house
    assert len({each.label for each in said.words().asked}) == len(said.words().asked) > 15
    assert len(said.twins) == 1


def test_needles_are_found_where_they_stand_with_little_noise(report: ThingReport) -> None:
    for way in (report.things, report.regions):
        assert isinstance(way, ThingFigures)
        assert way.needles("name").recall_at_1 == way.needles("same room").recall_at_1 == 1
        assert way.words().right > 0.7
        assert way.absent_auroc > 0.9


def test_the_command_prints_the_same_figures(rooms: tuple[Path, Path], report: ThingReport) -> None:
    bench, store = rooms
    command = ["--store", str(store), "eval", "retrieval", "--bench", str(bench)]
    said = CliRunner().invoke(main, [*command, "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["figures"] == report.to_dict()["figures"]
    table = CliRunner().invoke(main, command).stdout
    assert "needles by name: scene R@1 %" in table and max(map(len, table.split("\n\n")[1].splitlines())) <= 100


def test_other_options_are_refused_beside_bench(rooms: tuple[Path, Path]) -> None:
    bench, store = rooms
    said = CliRunner().invoke(
        main, ["--store", str(store), "eval", "retrieval", "--bench", str(bench), "--absent", "cat"]
    )
    assert said.exit_code == 2 and "--bench has its own questions" in said.output


def test_a_store_without_the_rooms_names_the_next_command(rooms: tuple[Path, Path], tmp_path: Path) -> None:
    bench, _ = rooms
    body = json.loads((bench / "bench.json").read_text())
    body["houses"][0]["scenes"].append("scene0002_00")
    for name in ("queries", "truth.json"):
        (tmp_path / name).symlink_to(bench / name)
    truth = json.loads((bench / "truth.json").read_text())
    truth["scenes"].append(truth["scenes"][0] | {"scene": "scene0002_00"})
    (tmp_path / "truth.json").unlink()
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "bench.json").write_text(json.dumps(body))
    with ovstore.open(rooms[1]) as store, pytest.raises(BadInput, match=r"no house of .* with all of its rooms"):
        evaluate_things(store, tmp_path)
