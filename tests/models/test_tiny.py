"""The shipped tiny model: an open_clip checkpoint that knows generated rooms, and says so when asked for more."""

import json
import shutil
from dataclasses import replace

import numpy as np
import open_clip
import pytest
import torch
from ovstore.core.errors import BadInput, BadWeights, UnknownWords
from ovstore.models.encoders import tiny
from ovstore.models.encoders.tiny import SHIPPED, Options
from ovstore.models.openclip.dense import pooled
from ovstore.models.openclip.model import build_visual, read_side_config
from ovstore.models.tiny.examples import Example, load_examples, save_examples
from ovstore.models.tiny.held_out import label_pictures
from ovstore.models.tiny.kept_training import KeptTraining
from ovstore.models.tiny.language import language_of
from ovstore.models.tiny.phrases import Thing, truth
from ovstore.models.tiny.saving import save, weights_to_start_from
from ovstore.models.tiny.tiny_clip import TinyTrainingOptions as TrainingOptions
from ovstore.models.tiny.tiny_clip import train
from ovstore.models.tiny.windows import SHARES, Cutter, PreparedWindows, prepare
from ovstore.models.tiny.words import TaughtWords
from torch.nn import functional as F

LANGUAGE = language_of(["chair", "snoopy", "wall"], ["red", "white"], ["wooden", "plush"])
SMALL = TrainingOptions(
    grid=(4, 6), dim=16, text_width=32, text_layers=1, steps=60, batch=4, window=(3, 4), cells=40, learning_rate=4e-3
)


def encode_text(*texts: str) -> np.ndarray:
    return tiny.load_text_encoder(Options(), "cpu")(texts)


def examples(count: int = 8) -> list[Example]:
    """Pictures of 32 x 48 pixels: a red chair and a white, dotted snoopy on a grey wall."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        image = np.full((32, 48, 3), 128, np.uint8)
        things = np.zeros((32, 48), np.int16)
        for thing, colour in ((1, (200, 20, 20)), (2, (250, 250, 250))):
            top, left = 8 * rng.integers(0, 3), 8 * rng.integers(0, 2) + 24 * (thing - 1)
            image[top : top + 16, left : left + 16] = colour
            things[top : top + 16, left : left + 16] = thing
        image[things == 2] -= (np.indices(things.shape).sum(0) % 4 == 0)[things == 2, None].astype(np.uint8) * 200
        made.append(Example(image, things, (Thing("wall"), Thing("chair", "red", "wooden"), Thing("snoopy", "white"))))
    return made


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> PreparedWindows:
    """A few dozen windows of these pictures."""
    folder = tmp_path_factory.mktemp("windows")
    save_examples(folder / "scene.npz", examples())
    return prepare(folder / "made", [folder / "scene.npz"], 48, SMALL.grid, SMALL.window, 0)


def test_the_weights_are_small_enough_to_ship() -> None:
    assert SHIPPED.stat().st_size <= 10_000_000


def test_the_notes_beside_the_weights_tell_how_they_were_made() -> None:
    training = json.loads(SHIPPED.with_suffix(".json").read_text())["training"]
    assert training["command"].startswith("ovstore train tiny")
    assert min(training["scene_seeds"] + training["held_out_seeds"]) >= 1000  # lower ones are for tests and the demo
    assert training["held_out"]["mean_iou"] > 0.3


def test_open_clip_itself_reads_the_checkpoint(tmp_path) -> None:
    shutil.copy(SHIPPED, tmp_path / "open_clip_model.safetensors")
    shutil.copy(SHIPPED.with_suffix(".json"), tmp_path / "open_clip_config.json")
    theirs = open_clip.create_model(f"local-dir:{tmp_path}").eval()
    checkpoint = read_side_config(SHIPPED.with_suffix(".json"), SHIPPED)
    pixels = torch.randn(1, 3, *theirs.visual.image_size)
    with torch.no_grad():
        torch.testing.assert_close(pooled(build_visual(checkpoint), pixels), theirs.encode_image(pixels))
        tokens = TaughtWords(tiny.vocabulary(Options()))(["a red chair"])
        expected = F.normalize(theirs.encode_text(tokens), dim=-1).numpy()
    np.testing.assert_allclose(encode_text("a red chair"), expected, atol=1e-5)


def test_the_space_is_told_apart_by_its_weights() -> None:
    space = tiny.space(Options())
    assert space.name == "tiny"
    assert len(space.digest) == 64


@pytest.mark.parametrize(
    ("same", "as_this"),
    [("Snoopy", "snoopy"), ("chairs", "chair"), ("a red chair!", "a red chair")],
)
def test_spelling_that_means_the_same_is_the_same(same: str, as_this: str) -> None:
    np.testing.assert_array_equal(encode_text(same), encode_text(as_this))


def test_words_it_was_never_taught_are_named_with_a_way_out() -> None:
    with pytest.raises(UnknownWords) as caught:
        encode_text("a red snopy")
    assert str(caught.value) == (
        "'a red snopy': tiny was never trained on 'snopy'; near it: snoopy. It knows generated rooms only, in the "
        "words that `ovstore encoders tiny` lists; for real scenes use --encoder openclip."
    )
    with pytest.raises(UnknownWords, match="there is no word in it"):
        encode_text("?!")


def test_what_a_phrase_means_is_what_its_texts_say() -> None:
    nearness = encode_text("couch", "sofa", "banana") @ encode_text("sofa", "banana", "toilet").T
    assert nearness[0].argmax() == nearness[1].argmax() == 0
    assert nearness[2].argmax() == 1


def test_weights_that_are_not_there_are_a_sentence(tmp_path) -> None:
    with pytest.raises(BadWeights, match=r"No tiny model at .*a .safetensors and a .json beside it"):
        tiny.space(Options(weights=str(tmp_path / "mine.safetensors")))
    with pytest.raises(BadInput, match="long_side is -1"):
        Options(long_side=-1)


def test_a_generated_room_is_labelled_by_its_words() -> None:
    """Views of a scene that training never saw: most cells take the name of what they show."""
    pytest.importorskip("embreex")
    from ovstore.ingest.generated.scene import SceneOptions, generate_scene, render, scannet_cameras

    scene = generate_scene(7, SceneOptions(frames=6, planted=("snoopy",), planted_views=2))
    camera = scannet_cameras(color_size=(320, 240))[0]
    encode = tiny.load_image_encoder(Options(), "cpu")
    labels = [placed.label for placed in scene.objects]
    names = sorted(set(labels))
    text, snoopy = encode_text(*names), encode_text("snoopy")[0]
    right, most_like_snoopy = [], (-1.0, "")
    for pose in scene.camera_to_world:
        picture = render(scene, camera, pose)
        values = encode([picture.rgb])[0].values.astype(np.float32)
        cell = 320 // values.shape[1]
        shown = picture.instance[cell // 2 :: cell, cell // 2 :: cell]
        right.append((values @ text.T).argmax(-1) == np.array([names.index(label) for label in labels])[shown])
        score = values @ snoopy
        most_like_snoopy = max(most_like_snoopy, (float(score.max()), labels[shown.flat[score.argmax()]]))
    assert np.mean(right) > 0.7
    assert most_like_snoopy[1] == "snoopy"


def test_training_teaches_the_words(tmp_path, windows: PreparedWindows) -> None:
    model, losses = train(windows, LANGUAGE, SMALL)
    assert all(np.isfinite(value) for value in losses.values())
    result = label_pictures(model, examples(), LANGUAGE, SMALL)
    assert result["mean_iou"] > 0.7
    weights, notes = save(tmp_path, model, LANGUAGE, SMALL, {"command": "a test"})
    picture = examples(1)[0].image.repeat(2, axis=0).repeat(2, axis=1)  # one cell for what were 8 pixels
    values = tiny.load_image_encoder(Options(weights=str(weights)), "cpu")([picture])[0].values
    text = tiny.load_text_encoder(Options(weights=str(weights)), "cpu")(["chair", "snoopy", "wall"])
    cells = examples(1)[0].thing_map[4::8, 4::8]
    assert ((values.astype(np.float32) @ text.T).argmax(-1) == np.array([2, 0, 1])[cells]).mean() > 0.85
    assert json.loads(notes.read_text())["training"] == {"command": "a test"}


def test_training_goes_on_with_words_moved_to_their_new_places(tmp_path, windows: PreparedWindows) -> None:
    model, _ = train(windows, LANGUAGE, replace(SMALL, steps=2))
    weights, _ = save(tmp_path, model, LANGUAGE, SMALL, {"command": "a test"})
    larger = language_of(["apple", "chair", "snoopy", "wall"], ["red", "white"], ["wooden", "plush"])
    tensors, notes = weights_to_start_from(weights, larger)
    old, new = LANGUAGE.words().index("chair") + 1, larger.words().index("chair") + 1
    table = model.text.token_embedding.weight.detach()
    torch.testing.assert_close(tensors["text.token_embedding.weight"][new], table[old], atol=1e-3, rtol=1e-3)
    assert len(tensors["text.token_embedding.weight"]) == len(larger.words()) + 3
    assert notes == {"command": "a test"}
    train(windows, larger, replace(SMALL, steps=2), start=tensors)


def test_a_training_that_was_stopped_ends_with_the_same_weights(tmp_path, windows: PreparedWindows) -> None:
    options = replace(SMALL, steps=6)
    straight, _ = train(windows, LANGUAGE, options)

    def stopped(step: int, steps: int, losses: dict[str, float]) -> None:
        if step == 5:
            raise KeyboardInterrupt

    kept = KeptTraining(tmp_path / "run" / "checkpoint.pt", "six steps", every=2)
    with pytest.raises(KeyboardInterrupt):
        train(windows, LANGUAGE, options, stopped, kept=kept)
    resumed, _ = train(windows, LANGUAGE, options, kept=kept)
    for name, tensor in straight.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor, atol=0, rtol=0)
    with pytest.raises(BadWeights, match=r"belongs to another training \(six steps\); this one is seven"):
        train(windows, LANGUAGE, options, kept=replace(kept, asked="seven steps"))


def test_a_checkpoint_is_neither_overwritten_nor_missed(tmp_path) -> None:
    kept = KeptTraining(tmp_path / "checkpoint.pt", "mine")
    kept.require(resume=False)
    with pytest.raises(BadInput, match="There is no training to resume"):
        kept.require(resume=True)
    kept.path.write_bytes(b"not a checkpoint")
    kept.require(resume=True)
    with pytest.raises(BadInput, match="continue it with --resume, or remove it"):
        kept.require(resume=False)
    with pytest.raises(BadWeights, match="is not a readable PyTorch"):
        kept.restore(torch.nn.Linear(1, 1), torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))]))


def test_a_cell_shows_each_thing_by_its_share() -> None:
    """A picture of four cells along a side: the left half of one row is a chair, an eighth of another cell a snoopy."""
    things = np.zeros((64, 64), np.int16)
    things[:16, :32], things[48:, 56:60] = 1, 2
    names = (Thing("wall"), Thing("chair"), Thing("snoopy"))
    cutter = Cutter([Example(np.zeros((64, 64, 3), np.uint8), things, names)], (4, 4), (4, 4))
    cutter._place = lambda rng: (0, np.array([32.0, 32.0]))  # type: ignore[method-assign]
    _, thing, share = cutter.cut(np.random.default_rng(0))
    assert thing.shape == share.shape == (4, 4, SHARES)
    assert [cutter.things[row].name for row in thing[..., 0].ravel()] == ["chair"] * 2 + ["wall"] * 14
    assert thing[3, 3, 1] == cutter.things.index(Thing("snoopy"))
    np.testing.assert_allclose(share[3, 3, :2] / 255, [0.75, 0.25], atol=0.01)
    np.testing.assert_allclose(share.sum(axis=-1), 255, atol=1)


def test_windows_are_the_same_however_many_workers_cut_them(tmp_path, windows: PreparedWindows) -> None:
    files = []
    for number in range(33):
        save_examples(tmp_path / f"{number:02d}.npz", examples(1))
        files.append(tmp_path / f"{number:02d}.npz")
    one, two = (prepare(tmp_path / str(workers), files, 9, SMALL.grid, SMALL.window, 5, workers) for workers in (1, 2))
    np.testing.assert_array_equal(one.pixels, two.pixels)
    first, second = (each.draw(6, np.random.default_rng(1)) for each in (one, two))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.things == second.things


def test_rare_things_are_looked_at_as_often_as_common_ones() -> None:
    """Seven pictures of a wall alone, one with all three: the snoopy is in a good part of the windows."""
    rare = examples(1)[0]
    common = Example(rare.image, np.zeros_like(rare.thing_map), rare.things)
    cutter = Cutter([common] * 7 + [rare], (4, 6), (3, 4))
    rng = np.random.default_rng(0)
    snoopy = cutter.things.index(Thing("snoopy", "white"))
    showing = [(cutter.cut(rng)[1] == snoopy).any() for _ in range(40)]
    assert 10 <= sum(showing) <= 35


def test_phrases_are_true_of_what_they_name() -> None:
    rng = np.random.default_rng(0)
    chair, snoopy = Thing("chair", "red", "wooden"), Thing("snoopy", "white", "plush")
    said = [LANGUAGE.name("chair", rng), LANGUAGE.colour("white", rng), LANGUAGE.use("something to sit on")]
    np.testing.assert_array_equal(truth(said, [chair, snoopy]), [[True, False, True], [False, True, False]])
    for _ in range(20):
        assert LANGUAGE.composed(chair, rng).holds(chair)
        assert set(LANGUAGE.composed(chair, rng).text.split()) <= set(LANGUAGE.words())


def test_pictures_are_read_back_as_they_were_kept(tmp_path) -> None:
    save_examples(tmp_path / "scene.npz", examples(2))
    for kept, read in zip(examples(2), load_examples(tmp_path / "scene.npz"), strict=True):
        np.testing.assert_array_equal(kept.image, read.image)
        np.testing.assert_array_equal(kept.thing_map, read.thing_map)
        assert kept.things == read.things


def test_a_very_long_word_is_refused_in_a_short_sentence() -> None:
    with pytest.raises(UnknownWords) as caught:
        tiny.load_text_encoder(tiny.Options(), "cpu")(["x" * 100_000])
    assert len(str(caught.value)) < 2000
