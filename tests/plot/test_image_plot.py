"""Attention over the patches of a picture."""

import base64
import io
import re

import numpy as np
import pytest

import regard
from regard.errors import ArgumentError
from regard.types import AttentionMap, Observation

RED = np.zeros((8, 8, 3), np.uint8)
RED[..., 0] = 200
RED[:4, :4] = 0
ROW = np.full(4, 0.25)


def a_map(weights, *axes):
    return AttentionMap(np.asarray(weights, dtype=float), axes, "vit/look")


def class_token_map():
    """Two heads over a class token and 2 x 2 patches, each looking at one of these."""
    weights = np.full((2, 5, 5), 0.2)
    weights[0, 0] = [0.25, 0.75, 0, 0, 0]
    weights[1, 0] = [0.5, 0, 0, 0, 0.5]
    return a_map(weights, "heads", "queries", "keys")


def test_the_class_token_of_a_vit_is_the_query_and_no_patch():
    plot = regard.plot.image(class_token_map(), RED)
    assert [panel.name for panel in plot.panels] == ["head 0", "head 1"]
    np.testing.assert_array_equal(plot.panels[0].weights, [[0.75, 0], [0, 0]])
    assert [panel.rest for panel in plot.panels] == [0.25, 0.5]
    other = regard.plot.image(class_token_map(), RED, query=2).panels[0]
    np.testing.assert_allclose(other.weights, 0.2)
    assert "row 0, column 0  0.750" in str(plot)
    assert "on no patch  0.500" in str(plot)
    (mean,) = regard.plot.image(class_token_map().mean(), RED).panels
    np.testing.assert_allclose(mean.weights, [[0.375, 0], [0, 0.25]])


def test_steps_of_a_caption_are_panels_with_their_words():
    steps = a_map(np.eye(6)[:2], "queries", "keys")
    plot = regard.plot.image(steps, RED, grid=(2, 3), tokens=["a", "كلب"])
    assert [panel.name for panel in plot.panels] == ["a", "كلب"]
    assert plot.panels[1].weights.shape == (2, 3)
    frame = plot.to_pandas()
    assert len(frame) == 12
    assert frame[frame.weight == 1].values.tolist() == [
        ["a", 0, 0, 1],
        ["كلب", 0, 1, 1],
    ]
    page = plot.to_html()
    assert re.findall(r"<bdi[^>]*>(.*?)</bdi>", page) == ["a", "كلب"]
    assert page.count('data-w="row 0, column 1: 1.000"') == 1
    assert "img-src data:" in page
    assert "<script" not in page
    few = regard.plot.image(steps, RED, grid=(2, 3), most=1)
    assert "1 more were left out" in few.to_html()


def test_the_picture_is_on_the_page_as_it_is():
    pil = pytest.importorskip("PIL.Image", reason="reading a PNG needs Pillow")
    page = regard.plot.image(np.full(4, 0.25), RED).to_html()
    data = re.search(r"data:image/png;base64,([^\"]+)", page)[1]
    shown = np.asarray(pil.open(io.BytesIO(base64.b64decode(data))))
    np.testing.assert_array_equal(shown, RED)


@pytest.mark.parametrize(
    "picture",
    [RED / 255, RED / 127.5 - 1, RED.astype(float), RED[None], RED[..., :1],
     RED[..., 0]],
)  # fmt: skip
def test_pictures_of_all_usual_ranges_are_read(picture):
    plot = regard.plot.image(np.full(4, 0.25), picture)
    assert plot.picture.dtype == np.uint8
    assert plot.picture.shape == (8, 8, 3)
    assert plot.picture[7, 7, 0] > plot.picture[0, 0, 0] == 0


def test_a_large_picture_becomes_smaller():
    plot = regard.plot.image(np.full(4, 0.25), np.zeros((1000, 800)))
    assert plot.picture.shape == (334, 267, 3)


def test_no_line_of_a_large_picture_is_lost():
    lines = np.arange(767.0)[:, None] / 766
    shown = regard.plot.image(np.full(4, 0.25), np.repeat(lines, 10, 1)).picture
    assert shown.shape == (384, 5, 3)
    assert (shown[0, 0, 0], shown[-1, 0, 0]) == (0, 255)


def test_whole_numbers_of_other_ranges_are_stretched_and_nothing_is_white():
    deep = RED.astype(np.uint16) * 300
    shown = regard.plot.image(np.full(4, 0.25), deep).picture
    assert (shown[0, 0, 0], shown[7, 7, 0]) == (0, 255)
    clear = np.concatenate([RED, np.full((8, 8, 1), 51, np.uint8)], axis=-1)
    shown = regard.plot.image(np.full(4, 0.25), clear).picture
    assert shown[0, 0].tolist() == [204, 204, 204]
    assert shown[7, 7].tolist() == [244, 204, 204]


def test_a_long_name_is_cut():
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    plot = regard.plot.image(a_map([ROW], "queries", "keys"), RED, tokens=["x" * 400])
    plot._picture("png")
    assert f">{'x' * 31}…</bdi>" in plot.to_html()


def test_drawn_patches_are_blue_and_others_keep_the_grey_picture(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")
    plot = regard.plot.image([1.0, 0, 0, 0], np.full((8, 8), 255, np.uint8))
    figure, axes = plt.subplots()
    plot.plot(axes)
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(shown[7, 7], 1)
    assert shown[0, 0, 2] > 0.5 > shown[0, 0, 0]
    plt.close(figure)
    for kind in ("png", "svg", "txt", "html"):
        plot.save(tmp_path / f"image.{kind}")
    with pytest.raises(ArgumentError, match="'path' has a wrong value"):
        plot.save(None)
    with pytest.raises(ArgumentError, match="index below 1"):
        plot.plot(index=3)


@pytest.mark.parametrize(
    ("weights", "picture", "options", "said"),
    [
        (np.full(7, 1 / 7), RED, {}, r"grid=\(rows, columns\)"),
        (np.full(4, 0.25), RED, {"grid": (3, 3)}, "at most 4 patches"),
        (np.full(4, 0.25), RED, {"grid": 2}, "grid"),
        (np.full(4, 2.0), RED, {}, "0 to 1"),
        (np.ones((2, 2, 2)), RED, {}, r"\(panels, patches\)"),
        (np.full(4, 0.25), RED.transpose(2, 0, 1), {}, "channels last"),
        (np.full(4, 0.25), np.stack([RED, RED]), {}, r"images\[0\]"),
        (np.full(4, 0.25), RED, {"tokens": ["a", "b"]}, "1 tokens"),
        (a_map(np.ones((2, 1, 4)) / 4, "batch", "heads", "keys"), RED, {}, "batch=0"),
        (a_map([1.0], "queries"), RED, {}, "no keys"),
        (a_map(np.ones((0, 4)), "heads", "keys"), RED, {}, "0 heads, 4 keys"),
        (a_map(np.ones((1, 0, 0)), "heads", "queries", "keys"), RED, {}, "0 keys"),
        (np.full(4, 0.25), None, {}, "a NoneType"),
    ],
)
def test_what_cannot_be_drawn_says_so(weights, picture, options, said):
    with pytest.raises(ArgumentError, match=said):
        regard.plot.image(weights, picture, **options)


def stack():
    """Two layers of one head over a class token and four patches."""
    first, second = np.eye(5)[[1, 1, 2, 3, 4]], np.full((5, 5), 0.2)
    maps = {
        f"layer_{n}": AttentionMap(
            each[None, None], ("batch", "heads", "queries", "keys"), f"layer_{n}"
        )
        for n, each in enumerate((first, second))
    }
    return Observation(np.ones(1), maps), (first, second)


def test_rollout_of_an_observation_is_the_product_of_its_layers():
    observation, (first, second) = stack()
    product = (second + np.eye(5)) @ (first + np.eye(5)) / 4
    rolled = regard.explain.rollout(observation, query=0)
    np.testing.assert_allclose(rolled.scores[0], product[0], atol=1e-6)
    (panel,) = regard.plot.image(rolled, RED).panels
    np.testing.assert_allclose(panel.weights.ravel(), product[0, 1:], atol=1e-6)
    one = regard.explain.rollout(observation, layers="layer_0", query=0).scores
    np.testing.assert_allclose(one[0], [0.5, 0.5, 0, 0, 0])
    every = regard.explain.rollout(observation, query="all")
    np.testing.assert_allclose(every.scores[0], product, atol=1e-6)
    masked = regard.explain.rollout(observation, mask=np.eye(5, dtype=bool)[[0]])
    assert masked.mask.sum() == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layers": "none"}, "no attention to roll out"),
        ({"x": np.ones(3)}, "left out"),
        ({"mask": np.ones((1, 4), bool)}, r"\(1, 5\)"),
    ],
)
def test_what_cannot_be_rolled_out_says_so(options, said):
    with pytest.raises(ArgumentError, match=said):
        regard.explain.rollout(stack()[0], **options)
