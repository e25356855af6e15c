"""Maps that other tools left on disk: whose words they know, their recipe, and as good as the network's own."""

from pathlib import Path

import numpy as np
import pytest
import torch
import toy_room
from command_line import document, ovstore
from ovstore.core.errors import BadInput, UnknownWords
from ovstore.models.encoders import color_words, precomputed
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from PIL import Image
from precomputed_maps import COLOURS, chw, options


def test_the_space_is_the_text_towers_own(tmp_path: Path) -> None:
    assert precomputed.space(options(tmp_path)) == color_words.space(color_words.Options())
    with pytest.raises(BadInput, match="Name the text tower"):
        precomputed.space(options(tmp_path, text=""))
    with pytest.raises(BadInput, match="give --text-model and --text-weights"):
        precomputed.space(options(tmp_path, text="openclip", text_model="ViT-B-32"))
    with pytest.raises(BadInput, match="--text color_words has no model"):
        precomputed.space(options(tmp_path, text_model="ViT-B-32"))


def test_a_space_without_words_is_declared(tmp_path: Path) -> None:
    declared = options(tmp_path, text="none", space_name="dino/vits8", dim=384)
    assert (precomputed.space(declared).name, precomputed.space(declared).dim) == ("dino/vits8", 384)
    with pytest.raises(UnknownWords, match=r"declared without words .* query with --like"):
        precomputed.load_text_encoder(declared)
    with pytest.raises(BadInput, match="image queries are not possible"):
        precomputed.load_image_encoder(declared)


def test_a_table_knows_its_words_and_no_others(tmp_path: Path) -> None:
    """UOV's text_embedding.pt, with FC-CLIP's row for no class after the words'."""
    torch.save(torch.tensor([[3.0, 0], [0, 2], [1, 1]]), tmp_path / "text_embedding.pt")
    table = options(
        tmp_path, text="table", text_weights=str(tmp_path / "text_embedding.pt"), names="Road, traffic cone"
    )
    assert precomputed.space(table).dim == 2
    assert precomputed.background_texts(table) == ("Road", "traffic cone")
    encode = precomputed.load_text_encoder(table)
    np.testing.assert_array_equal(encode(["traffic cone", "road"]), [[0, 1], [1, 0]])
    with pytest.raises(UnknownWords, match="'kerb' is not among the 2 words"):
        encode(["kerb"])


def test_other_maps_or_names_are_another_recipe(tmp_path: Path) -> None:
    def digest(**more: object) -> str:
        return precomputed.load_frame_maps(options(tmp_path, **more), "room").digest

    np.save(tmp_path / "7.npy", COLOURS)
    before = digest(names="red,blue")
    assert digest(names="red,blue") == before
    assert digest(names="blue,red") != before
    np.save(tmp_path / "7.npy", COLOURS[::-1])
    assert digest(names="red,blue") != before


# The whole way


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("scans") / "room", frames=6)


@pytest.fixture(scope="module")
def maps(room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What color_words sees in the room, as another tool would leave it."""
    folder = tmp_path_factory.mktemp("maps")
    (folder / "room").mkdir()
    encode = color_words.load_image_encoder(color_words.Options())
    for path in sorted((room / "color").iterdir()):
        [found] = encode([np.asarray(Image.open(path))])
        torch.save(torch.from_numpy(chw(found.values)), folder / "room" / f"frame-{int(path.stem):06d}.pt")
    return folder


def test_maps_on_disk_are_as_good_as_the_networks(store: Database, room: Path, maps: Path) -> None:
    ours = ["--encoder", "precomputed", "--files", maps, "--text", "color_words", "--sampling", "nearest"]
    assert ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words").exit_code == 0
    result = ovstore(store, "ingest", "rgbd", room, *ours)
    assert "1 ingested" in result.stdout, result.output
    network, read = (catalog.load_features(store, one.scene_id, one.name) for one in catalog.feature_sets(store))
    for name in ("point_index", "vectors", "view_count"):
        np.testing.assert_array_equal(getattr(read, name), getattr(network, name))

    [hit] = document(ovstore(store, "search", "red", "--features", "precomputed", "--top", 1, "--json"))["hits"]
    low, high, _ = toy_room.BOXES["red"]
    assert np.all(np.array(hit["centre"]) > np.array(low) - 0.06)
    assert np.all(np.array(hit["centre"]) < np.array(high) + 0.06)

    assert "1 up to date" in ovstore(store, "ingest", "rgbd", room, *ours).stdout
    missing = maps / "room" / "frame-000003.pt"
    content = missing.read_bytes()
    missing.unlink()
    result = ovstore(store, "ingest", "rgbd", room, *ours)
    missing.write_bytes(content)
    assert "1 ingested" in result.stdout, result.output
    assert "1 of 6 frames skipped: no map in" in result.stdout
    assert "(0003)" in result.stdout


def test_a_map_of_another_space_stops_the_scene_with_a_sentence(store: Database, room: Path, maps: Path) -> None:
    declared = ["--text", "none", "--space-name", "dino/vits8", "--dim", 384]
    result = ovstore(store, "ingest", "rgbd", room, "--encoder", "precomputed", "--files", maps, *declared)
    assert result.exit_code == 1
    assert "frame-000000.pt: an array of shape (13, 30, 40); (384, h, w) or (h, w, 384) was expected" in result.stderr


def test_a_large_map_that_was_written_to_in_its_middle_is_noticed(store: Database, room: Path, tmp_path: Path) -> None:
    """The digest in the recipe reads the ends of a file; the times of the files are remembered beside it."""
    encode = color_words.load_image_encoder(color_words.Options(patch=2))
    for path in sorted((room / "color").iterdir()):
        [found] = encode([np.asarray(Image.open(path))])
        np.save(tmp_path / f"{path.stem}.npy", found.values.astype(np.float64))
    ours = ["--encoder", "precomputed", "--files", tmp_path, "--text", "color_words", "--frame-limit", 2]
    assert "1 ingested" in ovstore(store, "ingest", "rgbd", room, *ours).stdout
    assert "1 up to date" in ovstore(store, "ingest", "rgbd", room, *ours).stdout
    large = tmp_path / "0000.npy"
    content = bytearray(large.read_bytes())
    assert len(content) > 400_000
    content[len(content) // 2] ^= 1
    large.write_bytes(content)
    assert "1 ingested" in ovstore(store, "ingest", "rgbd", room, *ours).stdout
