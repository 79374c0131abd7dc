"""Every head of a layer or of a model, side by side."""

import base64
import json
import math
import re

import keras
import numpy as np
import pytest

import regard
from regard.errors import ArgumentError
from regard.types import AttentionMap, Observation

WORDS = ["[CLS]", "a", "film"]
AXES = ("batch", "heads", "queries", "keys")
EVEN = np.full((3, 3), 1 / 3)
#: Each query looks at the key before it, the first at itself.
BACK = np.eye(3)[[0, 0, 1]]


def a_map(weights, *axes, layer="encoder_0/look"):
    return AttentionMap(np.asarray(weights, dtype=float), axes, layer)


def observation(*layers):
    maps = {
        f"encoder_{n}/look": a_map(each, *AXES, layer=f"encoder_{n}/look")
        for n, each in enumerate(layers)
    }
    return Observation(np.ones(1), maps)


def kept(plot):
    """What the page carries: its data, and the weights of each head as bytes."""
    page = plot.to_html()
    data = json.loads(re.search(r'id="heads-data">(.*?)</script>', page)[1])
    packed = re.search(r'id="heads-weights">(.*?)</script>', page)[1]
    return data, np.frombuffer(base64.b64decode(packed), np.uint8)


def test_figures_of_heads_are_those_of_their_formulas():
    plot = regard.plot.heads(a_map([EVEN, BACK], "heads", "queries", "keys"), WORDS)
    even, back = plot.figures.values()
    assert even.entropy == pytest.approx(math.log(3))
    assert even.distance == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert (even.strongest, even.first) == pytest.approx((1 / 3, 1 / 3))
    assert (back.entropy, back.strongest) == (0, 1)
    assert (back.distance, back.first) == pytest.approx((2 / 3, 2 / 3))
    frame = plot.to_pandas()
    assert list(frame["head"]) == [0, 1]
    np.testing.assert_allclose(frame["entropy"], [math.log(3), 0], atol=1e-12)
    assert re.search(r"encoder_0/look +1 +0\.000 +0\.667 +1\.000", str(plot))


def test_a_query_without_a_key_and_other_queries_have_no_distance():
    cross = a_map([[[0.0, 0.0], [1.0, 0.0]]], "heads", "queries", "keys")
    ((figures),) = regard.plot.heads(cross, ["a", "b"], ["x", "y"]).figures.values()
    assert figures.strongest == 1
    assert math.isnan(figures.distance)
    assert "distance" not in kept(regard.plot.heads(cross, WORDS[:2], ["x", "y"]))[0]


def test_each_layer_of_an_observation_is_a_row():
    plot = regard.plot.heads(observation([[EVEN, BACK]], [[BACK, EVEN]]), WORDS)
    data, packed = kept(plot)
    assert [each["name"] for each in data["layers"]] == [
        "encoder_0/look", "encoder_1/look",
    ]  # fmt: skip
    assert data["names"] == [WORDS]
    assert re.findall(r"<h3[^>]*><bdi>(.*?)</bdi>", plot.to_html()) == ["0", "1"]
    # The share of the largest weight is the square of the byte.
    tops = [top for each in data["layers"] for top in each["tops"]]
    heads = (packed.reshape(4, 3, 3) / 255) ** 2 * np.array(tops)[:, None, None]
    np.testing.assert_allclose(heads, [EVEN, BACK, BACK, EVEN], rtol=1e-5)
    np.testing.assert_array_equal(plot.head("encoder_1/look", 0).grids[0].weights, BACK)
    np.testing.assert_array_equal(plot.head(0, 0).grids[0].weights, EVEN)
    with pytest.raises(ArgumentError, match="'encoder_0/look'"):
        plot.head("decoder", 0)


def test_bytes_are_no_further_off_than_the_page_says():
    weights = np.random.default_rng(0).dirichlet(np.ones(40) * 0.2, (3, 40))
    data, packed = kept(regard.plot.heads(a_map(weights, "heads", "queries", "keys")))
    tops = np.array(data["layers"][0]["tops"])[:, None, None]
    off = np.abs((packed.reshape(weights.shape) / 255) ** 2 * tops - weights)
    assert (off / tops).max() < 0.004


def test_a_page_of_144_heads_over_60_tokens_is_below_two_megabytes():
    weights = np.random.default_rng(0).dirichlet(np.ones(60), (12, 1, 12, 60))
    plot = regard.plot.heads(observation(*weights))
    assert len(plot.to_html().encode()) < 1_000_000


def test_long_texts_are_grouped_and_many_heads_left_out():
    weights = np.full((1, 2, 200, 200), 1 / 200)
    plot = regard.plot.heads(observation(weights, weights, weights), most=4)
    assert [len(each.grids) for each in plot.layers] == [2, 2]
    assert "2 more were left out" in plot.to_html()
    assert "2 more were left out" in str(plot)
    assert plot.layers[0].grids[0].weights.shape == (67, 67)
    assert "groups of at most 3 by 3" in plot.to_html()
    # The figures are those of all tokens.
    assert plot.layers[0].figures[0].entropy == pytest.approx(math.log(200))
    every = regard.plot.heads(observation(weights), most_tokens=None)
    assert every.layers[0].grids[0].weights.shape == (200, 200)


def test_padding_behind_the_tokens_is_cut_off():
    padded = np.zeros((1, 1, 5, 5))
    padded[0, 0, :, :3] = 1 / 3
    plot = regard.plot.heads(observation(padded), WORDS)
    assert plot.layers[0].grids[0].weights.shape == (3, 3)
    padded[0, 0, 4, 4] = 0.5
    with pytest.raises(ArgumentError, match="5 tokens"):
        regard.plot.heads(observation(padded), WORDS)


def test_an_encoder_and_decoder_have_their_tokens_by_number():
    source, target = ["ein", "hund"], ["a", "dog", "runs"]
    maps = {
        "encoder": a_map(np.eye(2)[None], *AXES[1:], layer="encoder"),
        "decoder": a_map(np.eye(3)[None], *AXES[1:], layer="decoder"),
        "cross": a_map(np.full((1, 3, 2), 0.5), *AXES[1:], layer="cross"),
    }
    layers = regard.plot.heads(maps, source, target).layers
    sides = [(list(each.grids[0].rows), list(each.grids[0].columns)) for each in layers]
    assert sides == [(source, source), (target, target), (target, source)]
    assert math.isnan(layers[2].figures[0].distance)
    with pytest.raises(ArgumentError, match="one layer at a time"):
        regard.plot.heads(maps, source, ["x", "y"])
    # One map says by its axes which is which.
    (grid,) = regard.plot.heads(maps["encoder"], source, ["x", "y"]).layers[0].grids
    assert (grid.rows, grid.columns) == (("x", "y"), tuple(source))


def test_steps_are_rows_and_pooling_is_one_query():
    steps = a_map(np.full((2, 1, 3), 1 / 3), "step", "heads", "keys", layer="pool")
    layers = regard.plot.heads(steps, WORDS).layers
    assert [each.layer for each in layers] == ["pool, step 0", "pool, step 1"]
    assert layers[0].grids[0].weights.shape == (1, 3)


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (np.eye(3), {}, "Name the axes"),
        ([], {}, "received: none|Received: none"),
        (observation(np.ones((2, 1, 3, 3)) / 3), {}, r"batch=0"),
        (observation([[EVEN]]), {"tokens": ["a"]}, "3 tokens"),
        (observation([[EVEN * 6]]), {}, "0 to 1"),
        (observation([[EVEN]]), {"most": 0}, "most"),
        (observation([[EVEN]]), {"title": 3}, "title"),
        (a_map([0.5], "queries"), {}, "no keys"),
        (observation(np.ones((1, 0, 3, 3))), {}, "0 heads, 3 queries, 3 keys"),
        (observation(np.ones((1, 2, 0, 0))), {}, "2 heads, 0 queries, 0 keys"),
    ],
)
def test_what_cannot_be_drawn_says_so(given, options, said):
    with pytest.raises(ArgumentError, match=said):
        regard.plot.heads(given, **options)


def test_one_of_a_batch_is_chosen():
    both = observation([[EVEN], [BACK]])
    plot = regard.plot.heads(both, WORDS, batch=1)
    np.testing.assert_array_equal(plot.layers[0].grids[0].weights, BACK)


def test_nothing_of_a_text_acts_on_the_page():
    evil = ["</script><script>hit=1</script>", "\u202e", "\x1b[2J"]
    layer = '"><img src=x onerror=hit=1>'
    plot = regard.plot.heads(
        a_map([EVEN], "heads", "queries", "keys", layer=layer), evil
    )
    page = plot.to_html()
    assert page.count("<script") == 3
    assert "<img" not in page
    assert "\x1b" not in page + str(plot)
    assert "script-src 'sha256-" in page
    assert "default-src 'none'" in page


def test_pictures_show_all_heads_on_one_set_of_axes(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")
    plot = regard.plot.heads(observation([[EVEN, BACK]], [[BACK, EVEN]]), WORDS)
    figure, axes = plt.subplots()
    assert plot.plot(axes) is axes
    assert len(axes.images) == 4
    np.testing.assert_array_equal(axes.images[1].get_array(), BACK)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "1"]
    plt.close(figure)
    for kind in ("png", "svg"):
        plot.save(tmp_path / f"heads.{kind}")
        assert (tmp_path / f"heads.{kind}").stat().st_size > 1_000


@pytest.mark.backends
def test_the_heads_of_a_model_are_drawn():
    tokens = keras.Input((3,), dtype="int32")
    states = keras.layers.Embedding(9, 4)(tokens)
    for layer in range(2):
        look = keras.layers.MultiHeadAttention(2, 4, name=f"block_{layer}")
        states = look(states, states, use_causal_mask=True)
    model = keras.Model(tokens, states)
    seen = regard.observe(model).predict(np.array([[1, 2, 3]]), verbose=0)
    plot = regard.plot.attention(seen, WORDS)
    assert repr(plot) == "HeadsPlot(4 heads in 2 layers)"
    drawn = [grid.weights for each in plot.layers for grid in each.grids]
    expected = [
        *seen.attention["block_0"].weights[0],
        *seen.attention["block_1"].weights[0],
    ]
    np.testing.assert_array_equal(drawn, expected)
    assert plot.layers[0].figures[0].distance > 0
