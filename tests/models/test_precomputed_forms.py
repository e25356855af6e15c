"""What a file of maps holds becomes vectors: scores, masks, segments and labels, worked by hand and read from files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.models.precomputed import forms
from ovstore.models.precomputed.runs import run_lengths
from PIL import Image
from precomputed_maps import DIM, one_map, read, words

# Forms, worked by hand


def test_scores_weigh_the_vectors_of_their_names() -> None:
    words = np.eye(2, 3, dtype=np.float32)
    scores = np.array([[[0, np.log(3)], [0, 0]]])
    np.testing.assert_allclose(forms.from_scores(scores, words, True)[0], [[0.25, 0.75, 0], [0.5, 0.5, 0]], atol=1e-3)
    np.testing.assert_allclose(
        forms.from_scores(np.array([[[0.2, 0.1]]]), words, False)[0, 0], [0.2, 0.1, 0], atol=1e-3
    )


def test_masks_weigh_their_embeddings() -> None:
    """Shares 0.5 and 0.75: (0.5, 0) + (0, 4 * 0.75), of unit length."""
    masks, embeddings = np.array([[[0, np.log(3)]]]), np.array([[1.0, 0], [0, 4]])
    expected = np.array([0.5, 3]) / np.hypot(0.5, 3)
    np.testing.assert_allclose(forms.from_masks(masks, embeddings)[0, 0], expected, atol=1e-3)
    np.testing.assert_allclose(forms.from_winners(masks, embeddings)[0, 0], [0, 1])
    np.testing.assert_array_equal(forms.from_winners(-1 - masks, embeddings)[0, 0], [0, 0])  # no mask is there


def test_a_segment_takes_the_embeddings_of_masks_by_their_share_of_it() -> None:
    masks = np.array([[[1, 0], [1, 0], [0, 1]]])  # (1, 3, 2), certain
    rows = forms.segment_rows(masks, np.array([[1.0, 0], [0, 1]]), np.array([[2, 2, 2]]))
    np.testing.assert_allclose(rows, [[0, 0], [0, 0], np.array([2, 1]) / np.sqrt(5)], rtol=1e-6)


def test_pooling_segments_is_pooling_the_dense_map() -> None:
    """normalise(sum over pixels of E) = normalise(sum over q of e_q times its share), which needs no dense map."""
    rng = np.random.default_rng(1)
    masks, embeddings = rng.normal(size=(6, 7, 5)), rng.normal(size=(5, 8))
    segments = rng.integers(0, 4, (6, 7))
    dense = 1 / (1 + np.exp(-masks)) @ embeddings
    for number, row in enumerate(forms.segment_rows(masks, embeddings, segments)[1:], start=1):
        total = dense[segments == number].sum(axis=0)
        np.testing.assert_allclose(row, total / np.linalg.norm(total), atol=1e-5)


def test_scores_of_a_large_image_are_those_of_its_rows() -> None:
    """It is larger than what is worked on at a time."""
    rng = np.random.default_rng(0)
    scores, vectors = rng.normal(size=(90, 400, 6)).astype(np.float32), rng.normal(size=(6, DIM)).astype(np.float32)
    whole = forms.from_scores(scores, vectors, True)
    rows = [forms.from_scores(scores[row : row + 1], vectors, True) for row in range(90)]
    np.testing.assert_array_equal(whole, np.concatenate(rows))


def test_a_map_too_large_for_memory_is_refused_before_it_is_made() -> None:
    with pytest.raises(BadInput, match=r"a map of 4000x6000x768 takes 36,864,000,000 bytes"):
        forms.from_segments(np.broadcast_to(np.int64(0), (4000, 6000)), np.zeros((1, 768)))


def test_cells_are_spread_over_the_picture() -> None:
    np.testing.assert_array_equal(forms.spread(np.arange(8)[None].repeat(4, 0), 4), [[1, 3, 5, 7]] * 2)


def test_runs_are_those_of_coco() -> None:
    """Made by pycocotools of ones (2, 3), of the identity of 3, and of ones (40, 40) with a hole and no first pixel."""
    assert run_lengths("06").tolist() == [0, 6]
    assert run_lengths("013000").tolist() == [0, 1, 3, 1, 3, 1]
    assert run_lengths("1a6?XJ" + "0" * 47 + "V<").tolist() == [1, 209, *[15, 25] * 24, 15, 415]


# Forms, from files


def test_scores_of_named_classes(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("red\nblue\n")
    scores = np.full((2, 3, 4), -20, np.float16)
    scores[0, :, :2] = scores[1, :, 2:] = 20
    np.save(tmp_path / "7.npy", scores)
    found = read(tmp_path, form="logits", names=str(names))
    np.testing.assert_array_equal(found, words("red", "red", "blue", "blue").astype(np.float16)[None].repeat(3, 0))
    with pytest.raises(BadInput, match=r"7.npy: classes have no names; give --names"):
        read(tmp_path, form="logits")


def test_masks_and_embeddings_are_told_apart_by_their_shapes(tmp_path: Path) -> None:
    masks = np.zeros((2, 3, 4), bool)
    masks[0, :, :2] = masks[1, :, 2:] = True
    expected = words("red", "red", "blue", "blue").astype(np.float16)[None].repeat(3, 0)
    np.savez(tmp_path / "7.npz", pred_masks=masks[None], mask_embed=words("red", "blue")[None])
    for form in ("masks", "winners"):
        np.testing.assert_array_equal(read(tmp_path, form=form), expected)
    np.savez(tmp_path / "7.npz", m=masks, e=words("red", "blue"), s=np.array([[0, 0, 1, 2]] * 3))
    pooled = np.concatenate([np.zeros((2, DIM)), words("blue", "blue")]).astype(np.float16)
    np.testing.assert_array_equal(read(tmp_path, form="masks"), pooled[None].repeat(3, 0))
    np.savez(tmp_path / "7.npz", m=masks)
    with pytest.raises(BadInput, match=r"contains bool \(2, 3, 4\); masks \(Q, h, w\) and one array of embeddings"):
        read(tmp_path, form="masks")


def write_triplet(folder: Path, ids: NDArray[np.integer], rows: object, entries: int | None = None) -> None:
    """As UOV's extractors write them."""
    Image.fromarray(ids).save(folder / "7.png")
    torch.save(rows, folder / "7.pt")
    if entries is not None:
        (folder / "7.json").write_text(json.dumps([{"id": i + 1, "category_id": 0} for i in range(entries)]))


def rows_of(*names: str) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([np.zeros((1, DIM), np.float32), words(*names)]))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_segments_have_a_row_each(tmp_path: Path, kind: type) -> None:
    write_triplet(tmp_path, np.array([[0, 1, 2]], kind), rows_of("red", "blue"), 2)
    torch.save(rows_of("red", "blue"), tmp_path / "text_embedding.pt")
    found = one_map(tmp_path, form="segments")
    assert found.sampling == "nearest"
    expected = np.concatenate([np.zeros((1, DIM)), words("red", "blue")]).astype(np.float16)
    np.testing.assert_array_equal(found.values[0], expected)


def test_of_fc_clips_pair_the_second_is_taken(tmp_path: Path) -> None:
    write_triplet(tmp_path, np.array([[1]], np.uint8), [3 * rows_of("red"), 5 * rows_of("blue")])
    np.testing.assert_array_equal(read(tmp_path, form="segments")[0], words("blue").astype(np.float16))
    np.testing.assert_array_equal(read(tmp_path, form="segments", key="0")[0], words("red").astype(np.float16))


@pytest.mark.parametrize(
    ("ids", "rows", "entries", "sentence"),
    [
        ([[3]], 3, None, "7.png: segment 3 has no row; its embeddings have rows 0 to 2"),
        ([[1]], 3, 1, "7.png: the JSON beside it has 1 entries for 2 segments"),
        ([[1]], 300, None, "7.png: 299 segments in an image of 8 bits, which holds 255"),
    ],
)
def test_a_triplet_that_does_not_agree_is_told(tmp_path: Path, ids, rows: int, entries, sentence: str) -> None:
    write_triplet(tmp_path, np.array(ids, np.uint8), torch.ones(rows, DIM), entries)
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, form="segments")


def test_labels_are_the_vectors_of_their_names(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 1, 255]], np.uint8)).save(tmp_path / "7.png")
    expected = np.concatenate([words("red", "blue"), np.zeros((1, DIM))]).astype(np.float16)
    np.testing.assert_array_equal(read(tmp_path, form="labels", names="red, blue")[0], expected)
    with pytest.raises(BadInput, match=r"7.png: class 1 has no name; there are 1, from 0"):
        read(tmp_path, form="labels", names="red")


def test_panoptic_segments_are_the_vectors_of_their_categories(tmp_path: Path) -> None:
    colour = np.array([[[0, 0, 0], [44, 1, 0], [0, 0, 1]]], np.uint8)  # ids 0, 300, 65536
    (tmp_path / "room" / "png").mkdir(parents=True)
    Image.fromarray(colour).save(tmp_path / "room" / "png" / "7.png")
    segments = [{"id": 300, "category_id": 9}, {"id": 65536, "category_id": 4}]
    categories = [{"id": 9, "name": "red"}, {"id": 4, "name": "blue"}]
    content = {"annotations": [{"file_name": "7.png", "segments_info": segments}], "categories": categories}
    (tmp_path / "room" / "panoptic.json").write_text(json.dumps(content))
    expected = np.concatenate([np.zeros((1, DIM)), words("red", "blue")]).astype(np.float16)
    np.testing.assert_array_equal(read(tmp_path, form="panoptic")[0], expected)


def test_detectron2s_runs_are_the_vectors_of_their_classes(tmp_path: Path) -> None:
    def write(size: list[int]) -> None:
        entry = {"file_name": "pictures/7.jpg", "category_id": 1, "segmentation": {"size": size, "counts": "013000"}}
        (tmp_path / "sem_seg_predictions.json").write_text(json.dumps([entry]))

    write([3, 3])
    expected = np.eye(3)[..., None] * words("blue").astype(np.float16)
    np.testing.assert_array_equal(read(tmp_path, form="semantic", names="red,blue"), expected)
    write([3, 4])
    with pytest.raises(BadInput, match=r"runs of 9 pixels for a mask of 4x3"):
        read(tmp_path, form="semantic", names="red,blue")
