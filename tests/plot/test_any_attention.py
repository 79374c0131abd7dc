"""The attention of any model as a picture, and what is no attention of anything."""

import re
from datetime import date

import keras
import numpy as np
import pytest
from test_text_page import Reader

import regard
from regard.comparison import Budget, Comparison
from regard.errors import ArgumentError
from regard.types import AttentionMap, Observation

WORDS = ["a", "good", "film"]
ROW = [0.25, 0.5, 0.25]
SQUARE = np.array([[0.5, 0.5, 0.0], [0.125, 0.75, 0.125], [0.0, 0.0, 1.0]])


def a_map(weights, *axes):
    return AttentionMap(np.asarray(weights), axes, "encoder/looked")


def heads_map():
    """Two sequences of two heads, whose averages are rows of a quarter and a half."""
    weights = np.stack([np.stack([SQUARE, SQUARE[::-1]]), np.full((2, 3, 3), 1 / 3)])
    return a_map(weights, "batch", "heads", "queries", "keys")


def drawn_weights(plot):
    """What the cells of each map say; those that are left out are 0."""
    maps = plot.to_html().split('<div class="map')[1:]
    return [
        [
            [
                float(cell.get("data-w", 0))
                for cell in Reader(f"<tr>{row}</tr>").all("td")
            ]
            for row in re.findall(r"</th>(<td.*)\n", part.split("</tbody>")[0])
        ]
        for part in maps
    ]


def titles(plot):
    return re.findall(r"<h2[^>]*>(.*?)</h2>", plot.to_html())


@pytest.mark.backends
def test_the_attention_of_a_model_is_drawn_as_it_is():
    tokens = keras.Input((3,), dtype="int32")
    states = keras.layers.Embedding(9, 4)(tokens)
    attention = keras.layers.MultiHeadAttention(2, 4, name="looked")
    states = attention(states, states)
    model = keras.Model(tokens, regard.layers.AttentionPooling(name="pooled")(states))
    seen = regard.observe(model).predict(np.array([[1, 2, 3], [3, 2, 1]]), verbose=0)
    looked = seen.attention["looked"]
    plot = regard.plot.alignment(looked.select(batch=1), WORDS, WORDS)
    np.testing.assert_allclose(drawn_weights(plot), looked.weights[1], atol=6e-4)
    assert titles(plot) == ["looked, head 0", "looked, head 1"]
    pooled = seen.attention["pooled"]
    (rows,) = drawn_weights(regard.plot.alignment(pooled))
    np.testing.assert_allclose(rows, pooled.weights[:, 0], atol=6e-4)
    drawn = regard.plot.text(WORDS, pooled.select(batch=0)).explanations[0]
    np.testing.assert_allclose(drawn.weights, pooled.weights[0, 0], atol=1e-6)
    bars = regard.plot.bars(pooled.select(batch=0), WORDS)
    np.testing.assert_allclose(bars.values, pooled.weights[0, 0], atol=1e-6)
    # The weights as a layer gives them, tensors of the backend.
    _, tensor = attention(
        *[keras.ops.ones((1, 3, 4))] * 2, return_attention_scores=True
    )
    one = keras.ops.stop_gradient(tensor)[0, 0]
    np.testing.assert_allclose(
        drawn_weights(regard.plot.alignment(one)), [np.full((3, 3), 0.333)]
    )


def test_tokens_and_weights_are_a_shaded_text():
    plot = regard.plot.text(WORDS, ROW)
    page = plot.to_html()
    assert Reader(page).shaded == "a good film"
    assert re.findall(r"data-w=([\d.]+)", page) == ["0.250", "0.500", "0.250"]
    assert "<h2" not in page
    assert str(plot) == "a [good 0.500] film\n"


def test_tokens_that_bring_their_spaces_are_joined_as_they_stand():
    tokens = ["It", " finds", " its", "\n", "feet", ""]
    text = regard.plot.text(tokens, np.full(6, 1 / 6)).explanations[0].text
    assert text == "It finds its\nfeet∅"


def test_a_row_is_averaged_over_heads_and_nothing_else():
    row = heads_map().select(batch=0, queries=0)
    expected = (SQUARE[0] + SQUARE[2]) / 2
    assert regard.plot.bars(row).values == tuple(expected)
    assert regard.plot.bars(row).labels == ("0", "1", "2")
    assert regard.plot.over_time(row, [1, 2, 3]).weights == tuple(expected)
    drawn = regard.plot.text(WORDS, row).explanations[0]
    np.testing.assert_array_equal(drawn.weights, expected)
    with pytest.raises(ArgumentError, match=r"select\(batch=0, queries=0\)"):
        regard.plot.bars(heads_map())


def test_each_sequence_and_head_is_a_map():
    plot = regard.plot.alignment(heads_map())
    names = [f"encoder/looked, sequence {b}, head {h}" for b in (0, 1) for h in (0, 1)]
    assert titles(plot) == names
    np.testing.assert_allclose(drawn_weights(plot)[:2], [SQUARE, SQUARE[::-1]])
    mean = regard.plot.alignment(heads_map().select(batch=0).mean())
    np.testing.assert_allclose(drawn_weights(mean), [(SQUARE + SQUARE[::-1]) / 2])


def test_a_map_without_queries_has_heads_or_sequences_as_rows():
    heads = a_map(SQUARE[None], "batch", "heads", "keys")
    np.testing.assert_array_equal(
        drawn_weights(regard.plot.alignment(heads))[0], SQUARE
    )
    assert titles(regard.plot.alignment(heads)) == [
        "encoder/looked, a row for each head"
    ]
    batch = a_map(SQUARE[:, None], "batch", "heads", "keys")
    np.testing.assert_array_equal(
        drawn_weights(regard.plot.alignment(batch))[0], SQUARE
    )
    one = a_map(ROW, "keys")
    assert drawn_weights(regard.plot.alignment(one, WORDS)) == [[ROW]]


def test_several_axes_of_queries_and_keys_are_one():
    weights = np.full((1, 2, 2, 2, 2, 3), 1 / 6)
    axes = ("batch", "heads", "queries_1", "queries_2", "keys_1", "keys_2")
    shapes = [
        np.shape(m) for m in drawn_weights(regard.plot.alignment(a_map(weights, *axes)))
    ]
    assert shapes == [(4, 6), (4, 6)]


def test_plain_arrays_and_lists_are_maps_too():
    for weights in (SQUARE, SQUARE.tolist(), SQUARE.astype("float16"), list(SQUARE)):
        plot = regard.plot.alignment(weights, WORDS, ["ein", "guter", "Film"])
        np.testing.assert_allclose(drawn_weights(plot), [SQUARE])
        first, _, last = str(plot).splitlines()
        assert first == "  ein   a 0.50  good 0.50"
        assert last == " Film   film 1.00"


@pytest.mark.parametrize(
    "shape",
    [(0, 2, 3, 3), (1, 2, 0, 3), (1, 2, 3, 0), (1, 0, 3, 3), (1, 2, 0, 300)],
)
def test_a_map_of_nothing_is_shown(shape):
    nothing = a_map(np.zeros(shape), "batch", "heads", "queries", "keys")
    assert "text/html" in nothing._repr_mimebundle_()
    assert "0" in nothing._repr_mimebundle_()["text/plain"]


def test_a_notebook_looks_at_a_map_of_any_size():
    even = np.broadcast_to(np.float32(1 / 2_000), (64, 8, 2_000, 2_000))
    bundle = a_map(even, "batch", "heads", "queries", "keys")._repr_mimebundle_()
    assert bundle["text/plain"].startswith("AttentionMap('encoder/looked', batch=64")
    assert "508 more were left out" in bundle["text/html"]
    assert len(bundle["text/html"]) < 300_000
    even = a_map(even[:2, :, :5, :5], "batch", "heads", "queries", "keys")
    html = even._repr_mimebundle_()["text/html"]
    assert html.count("<article") == 16


def test_a_notebook_is_told_of_weights_that_are_none():
    diverged = a_map(np.full((2, 3), np.nan), "batch", "keys")
    assert "6 times NaN" in diverged._repr_mimebundle_()["text/plain"]
    assert "6 times NaN" in diverged._repr_mimebundle_()["text/html"]


def test_neighbours_are_drawn_together_and_rows_still_add_up(tmp_path):
    size = 700
    weights = np.random.default_rng(0).dirichlet(np.full(size, 0.02), size)
    plot = regard.plot.alignment(weights, most_tokens=100)
    (grid,) = plot.grids
    assert grid.weights.shape == (100, 100)
    # A cell is the mean over its rows of the sum over its columns.
    assert grid.weights[3, 5] == pytest.approx(
        weights[21:28, 35:42].sum(axis=1).mean(), rel=1e-9
    )
    np.testing.assert_allclose(grid.weights.sum(axis=1), 1)
    assert (grid.rows[3], grid.columns[99]) == ("21…27", "693…699")
    assert "700 by 700 tokens" in plot.to_html()
    assert regard.plot.alignment(weights).grids[0].weights.shape == (234, 234)
    whole = regard.plot.alignment(weights, most_tokens=None).grids[0]
    assert whole.weights.shape == (size, size)


def test_maps_that_are_left_out_are_counted(tmp_path):
    plot = regard.plot.alignment(heads_map(), most=3)
    assert len(titles(plot)) == 3
    for shown in (plot.to_html(), plot._repr_html_(), str(plot)):
        assert "1 more were left out" in shown
    assert len(titles(regard.plot.alignment(heads_map(), most=None))) == 4


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (regard.plot.text, r"regard\.plot\.attention\(map"),
        (lambda m: regard.plot.text(m, WORDS), "a list of tokens"),
        (lambda _: regard.plot.text(WORDS), r"regard\.plot\.text\(tokens, weights\)"),
        (lambda _: regard.plot.text("a good film", ROW), r"\.split\(\)"),
        (lambda _: regard.plot.text([1, 2, 3], ROW), "a list with an int"),
        (lambda _: regard.plot.text([b"a", b"b", b"c"], ROW), "decode bytes"),
        (lambda m: regard.plot.text(WORDS, m), r"select\(batch=0, queries=0\)"),
        (lambda _: regard.plot.text(WORDS, ROW[:2]), "2 tokens.*Received: 3"),
        (lambda _: regard.plot.text(WORDS, [*ROW, 0, 0]), "last 2 have no weight"),
        (lambda _: regard.plot.text(WORDS, [0.5, np.nan, 0.5]), "1 times NaN"),
        (lambda _: regard.plot.text(WORDS, [0.5, -0.5, 1]), "not negative"),
        (lambda _: regard.plot.text(WORDS, SQUARE), r"shape \(3, 3\)"),
        (lambda _: regard.plot.text([], []), r"shape \(0,\)"),
        (lambda m: regard.plot.alignment(m, WORDS, WORDS), r"select\(batch=0\)"),
        (lambda _: regard.plot.alignment(SQUARE, WORDS[:2]), "3 source_tokens"),
        (lambda _: regard.plot.alignment(SQUARE, WORDS, [*WORDS, "."]), "Received: 4"),
        (lambda _: regard.plot.alignment(SQUARE, "abc"), "a list of texts"),
        (lambda _: regard.plot.alignment(SQUARE * 2), "from 0 to 1"),
        (lambda _: regard.plot.alignment(SQUARE - 0.5), "from 0 to 1"),
        (lambda _: regard.plot.alignment([[np.inf, 0.5]]), "NaN or infinity"),
        (lambda m: regard.plot.alignment(m.weights), r"weights\[0, 0\]"),
        (lambda _: regard.plot.alignment(ROW), r"shape \(3,\)"),
        (lambda _: regard.plot.alignment([ROW, ROW[:2]]), r"\(queries, keys\)"),
        (lambda m: regard.plot.alignment(m.select(keys=0)), "keys whole"),
        (lambda m: regard.plot.alignment(m.select(batch=slice(0))), "no map to draw"),
        (lambda m: regard.plot.alignment(m.select(queries=0, batch=0), WORDS, WORDS),
         "target_tokens left out"),
        (lambda m: regard.plot.alignment(m, most=0), "'most'"),
        (lambda m: regard.plot.alignment(m, most_tokens=2.5), "'most_tokens'"),
        (lambda m: regard.plot.bars(m.select(keys=0)), "keys whole"),
        (lambda _: regard.plot.bars(ROW, "abc"), "list of names"),
        (lambda _: regard.plot.bars(ROW, 3), "list of names"),
        (lambda _: regard.plot.bars(ROW, WORDS, title=None), "'title'"),
        (lambda _: regard.plot.bars(ROW, WORDS, sort="yes"), "'sort'"),
        (lambda _: regard.plot.bars(["1", "2"]), "something else than numbers"),
        (lambda _: regard.plot.bars([1j, 2]), "something else than numbers"),
        (lambda _: regard.plot.bars([True, None]), "NaN"),
        (lambda _: regard.plot.over_time(ROW, ROW, points=0), "'points'"),
        (lambda _: regard.plot.over_time(ROW, [date.today()] * 3), "finite numbers"),
        (lambda m: m.select(batch=2), "below 2"),
        (lambda m: m.select(batch=0.0), "below 2"),
    ],
)  # fmt: skip
def test_what_is_no_attention_is_refused_with_what_to_do(draw, message):
    with pytest.raises(ArgumentError, match=message):
        draw(heads_map())


def every_input(explain, translate):
    """Results of each type, and things that are none."""
    losses = {"a": np.ones((2, 4))}
    return [
        explain("a b", [0.5, 0.5]),
        explain("", []),
        explain("a b", [np.nan, 0.5]),
        explain("a b", [0.5, 0.5], probabilities=np.array([np.nan, 1.0])),
        translate("a b", "x", [[0.5, 0.5]]),
        translate("a b", "x", [[np.inf, 0.5]]),
        [[translate("a b", "x", [[0.5, 0.5]])]],
        heads_map(),
        a_map(np.float64(1.0)),
        Observation(np.ones(2), {"encoder/looked": heads_map()}),
        Comparison("first-n", ("a",), (), Budget(4), 1.0),
        losses, {}, [], [None], None, 3, "a text", b"x", ROW, SQUARE, np.zeros((2, 0)),
        np.array(["a"]), np.array([None, 1]), object(), lambda: None, iter(WORDS),
        {"a": "b"}, {"a": [[1.0], [2.0, 3.0]]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "function", ["text", "alignment", "bars", "over_time", "curves"]
)
def test_every_function_draws_or_says_what_is_wrong(explain, translate, function):
    draw = getattr(regard.plot, function)
    outcomes = [
        outcome(draw, given, *more)
        for given in every_input(explain, translate)
        for more in ([ROW], [WORDS], [heads_map()], [None], [[1, 2, 3, 4]])
    ]
    if function in {"text", "alignment", "bars"}:
        outcomes += [outcome(draw, given) for given in every_input(explain, translate)]
    assert set(outcomes) == {"drawn", "refused"}


def outcome(draw, *given):
    """What becomes of arguments; whatever else is raised is a failure."""
    try:
        plot = draw(*given)
    except ArgumentError:
        return "refused"
    return "drawn" if plot.to_html() and str(plot) else "empty"


@pytest.mark.parametrize(
    ("function", "wrong", "right"),
    [("text", "translation", "alignment"), ("alignment", "explanation", "text"),
     ("text", "observation", "attention"), ("bars", "comparison", "curves"),
     ("curves", "comparison", "curves"), ("alignment", "observation", "attention")],
)  # fmt: skip
def test_the_right_function_is_named(explain, translate, function, wrong, right):
    given = {
        "explanation": explain("a b", [0.5, 0.5]),
        "translation": translate("a b", "x", [[0.5, 0.5]]),
        "observation": Observation(np.ones(2), {"encoder/looked": heads_map()}),
        "comparison": Comparison("first-n", ("a",), (), Budget(4), 1.0),
    }[wrong]
    arguments = [given, ROW] if function == "curves" else [given]
    with pytest.raises(ArgumentError, match=rf"regard\.plot\.{right}\("):
        getattr(regard.plot, function)(*arguments)
