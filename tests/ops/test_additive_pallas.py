"""The kernels for NVIDIA GPUs, interpreted, and translated where there is no GPU."""

import contextlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from additive_inputs import draw, exact_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from light_compilation import is_on_gpu

if keras.backend.backend() != "jax":
    pytest.skip("the kernels are written in Pallas, for JAX", allow_module_level=True)

import jax
import jax.numpy as jnp

from regard.ops.additive import (
    dispatch,
    jax_scores,
    pallas_gradient,
    pallas_scores,
    pallas_tiles,
)
from regard.ops.additive.dispatch import plain_scores
from regard.ops.additive.jax_residuals import Branch
from regard.ops.additive.pallas_tiles import LANES, WARPS, Tile

pytestmark = pytest.mark.backends

# Of what is promised relative to the sum of |scale|.
ACCURATE = 4e-6
# Three tiles of the queries, two of the keys; neither they nor the features fill one.
RAGGED = (2, 2, 2 * 2 * WARPS + 3, LANES + 5, 10)
SHAPES = {"ragged": RAGGED, "step": (2, 1, 1, 5, 3)}


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    """The compilation of interpreted kernels takes as long as a tile has pieces."""
    monkeypatch.setattr(pallas_scores, "TILE", Tile(2, 1))
    monkeypatch.setattr(pallas_gradient, "TILE", Tile(2, 1))


def interpreted(query, key, scale):
    return pallas_scores.kernel_scores(*map(jnp.asarray, (query, key, scale)), True)


def relative_error(query, key, scale):
    exact = oracle.additive_scores(*(np.float64(x) for x in (query, key, scale)))
    size = np.abs(scale).sum(-1).reshape(1, -1, 1, 1) + 1e-30
    return np.abs((interpreted(query, key, scale) - exact) / size).max()


@jax.jit
def branches(query, key, scale):
    return pallas_tiles.score_operands(query, key, scale, Tile(1, 1)).branch


class TestScores:
    """Against the float64 oracle."""

    @pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
    @given(
        seed=st.integers(0, 1000),
        size=st.sampled_from([1e-6, 0.1, 1.0, 3.0, 8.0, 25.0, 60.0, 1e4, 1e30]),
        scale=st.sampled_from([1e-20, 1.0, 1e3]),
    )
    @settings(max_examples=20, deadline=None)
    def test_any_size(self, shape, seed, size, scale):
        assert relative_error(*draw(shape, seed, size, scale)) < ACCURATE

    @given(
        seed=st.integers(0, 1000), far=st.sampled_from([12.0, 28.0, 60.0, 1e4, 3e38])
    )
    @settings(max_examples=10, deadline=None)
    def test_rows_that_cancel(self, seed, far):
        query, key, scale = draw(RAGGED, seed)
        query[:, :, 0] += far
        key[:, :, :2] -= far
        assert relative_error(query, key, scale) < ACCURATE

    @given(
        seed=st.integers(0, 1000),
        small=st.sampled_from([0.0, 1e-30, 1e-9, 1e-6, 1e-3]),
        every=st.integers(1, 4),
        size=st.sampled_from([1.0, 3.0, 7.0]),
    )
    @settings(max_examples=20, deadline=None)
    def test_scales_of_very_different_size(self, seed, small, every, size):
        query, key, scale = draw(RAGGED, seed, size)
        scale[:, ::every] *= small
        assert relative_error(query, key, scale) < ACCURATE

    @given(
        sizes=st.tuples(
            st.integers(1, 2),
            st.integers(1, 2),
            st.integers(1, 10),
            st.integers(1, 40),
            st.integers(1, 9),
        )
    )
    @settings(max_examples=3, deadline=None)
    def test_any_shape(self, sizes):
        """Few: each is compiled anew."""
        assert relative_error(*draw(sizes)) < ACCURATE

    @pytest.mark.parametrize(
        ("size", "expected"),
        [(1.0, Branch.UNCAPPED), (7.0, Branch.CAPPED), (30.0, Branch.TANH)],
    )
    def test_every_branch_is_taken(self, size, expected):
        """So that the accuracy above is that of all of them."""
        assert set(np.ravel(branches(*draw(RAGGED, size=size)))) == {expected}

    @pytest.mark.parametrize("top", [29.9, 21.0, 10.5])
    def test_the_edge_of_a_branch(self, top):
        """All four of a group at the largest sum; products stay finite."""
        query = np.full((1, 1, 4, 8), top, "float32")
        key, scale = np.zeros_like(query), np.full((1, 8), 1e3, "float32")
        for sign in (1.0, -1.0):
            result = interpreted(sign * query, key, scale)
            np.testing.assert_allclose(result, sign * 8e3 * np.tanh(top), rtol=1e-6)

    def test_one_far_row_slows_down_its_own_head_of_its_own_batch(self):
        query, key, scale = draw(RAGGED)
        query[1, 0, 3] = 1e4
        expected = [
            [Branch.UNCAPPED],
            [Branch.UNCAPPED],
            [Branch.TANH],
            [Branch.UNCAPPED],
        ]
        np.testing.assert_array_equal(branches(query, key, scale), expected)


class TestBadNumbers:
    """As the formula has it."""

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_are_contained(self, bad, which):
        inputs = draw(RAGGED)
        inputs[which][(-1,) * inputs[which].ndim] = bad
        expected = plain_scores(*map(jnp.asarray, inputs))
        np.testing.assert_allclose(interpreted(*inputs), expected, rtol=0, atol=2e-5)

    def test_nan_spoils_its_own_row_in_the_gradient(self):
        query, key, scale = draw(RAGGED)
        query[1, 0, 4] = np.nan
        upstream = np.zeros(RAGGED[:4], "float32") + 1.0
        for_query, for_key, _ = pallas_gradient.gradient(
            query, key, scale, upstream, True
        )
        spoilt = np.isnan(for_query).any(-1)
        assert spoilt[1, 0, 4]
        assert spoilt.sum() == 1
        # The keys it meets are those of its batch and head.
        assert not np.isnan(np.delete(for_key.reshape(4, -1), 2, 0)).any()


class TestGradient:
    """Against float64, and what differentiation makes of the formula."""

    @pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
    @pytest.mark.parametrize("size", [0.5, 3.0, 6.0, 9.0, 15.0, 60.0, 1e4])
    def test_is_that_of_the_formula(self, shape, size):
        inputs = draw(shape, size=size)
        upstream = np.random.default_rng(1).normal(size=shape[:4]).astype("float32")
        _, pull = jax.vjp(interpreted, *inputs)
        result = pull(jnp.asarray(upstream))
        exact = exact_gradients(*inputs, upstream)
        _, pull = jax.vjp(plain_scores, *map(jnp.asarray, inputs))
        bound = 2e-5 * np.abs(inputs[2]).max()
        for ours, theirs, formula in zip(result, exact, pull(upstream), strict=True):
            largest = max(bound, 2e-5 * np.abs(theirs).max())
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=largest)
            np.testing.assert_allclose(ours, formula, rtol=0, atol=2 * largest)

    def test_is_the_same_in_every_run(self):
        inputs = draw(RAGGED)
        upstream = np.ones(RAGGED[:4], "float32")
        runs = (pallas_gradient.gradient(*inputs, upstream, True) for _ in range(2))
        for first, second in zip(*runs, strict=True):
            np.testing.assert_array_equal(first, second)

    def test_has_a_gradient(self):
        inputs = [jnp.asarray(x) for x in draw((1, 1, 3, 4, 4))]

        def curvature(scores):
            def steepness(query):
                result = jax.grad(lambda q: jnp.sum(scores(q, *inputs[1:]) ** 2))(query)
                return jnp.sum(result**2)

            return jax.grad(steepness)(inputs[0])

        np.testing.assert_allclose(
            curvature(interpreted), curvature(plain_scores), rtol=1e-4, atol=1e-3
        )


def abstract_gpu():
    """A GPU to translate for: since JAX 0.11 the translation asks which one it is."""
    if not hasattr(jax.sharding, "AbstractDevice"):
        return contextlib.nullcontext()
    device = jax.sharding.AbstractDevice("NVIDIA H100", num_cores=132, platform="gpu")
    mesh = jax.sharding.AbstractMesh((), (), abstract_device=device)
    return jax.sharding.use_abstract_mesh(mesh)


def kernels(function, *shapes):
    """How many kernels a function has when it is translated for a GPU."""
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    with abstract_gpu():
        traced = jax.jit(function).trace(*arguments)
        lowered = traced.lower(lowering_platforms=("cuda",))
    return lowered.as_text().count("custom_call @__gpu$xla.gpu.triton")


class TestTranslation:
    """To the language of Triton; it needs no GPU, and runs on none here."""

    @pytest.fixture(autouse=True)
    def whole_tiles(self, monkeypatch):
        monkeypatch.setattr(pallas_scores, "TILE", Tile(8, 4))
        monkeypatch.setattr(pallas_gradient, "TILE", Tile(4, 4))

    @pytest.mark.parametrize(
        "shape",
        [(8, 1, 1024, 1024, 256), (2, 3, 77, 130, 50), (1, 1, 1, 33, 5)],
        ids=str,
    )
    def test_of_the_score_and_its_gradient(self, shape):
        batch, heads, queries, keys, features = shape
        rows = (batch, heads, queries, features), (batch, heads, keys, features)
        assert kernels(pallas_scores.kernel_scores, *rows, (heads, features)) == 1

        def loss(query, key, scale):
            return jnp.sum(jnp.sin(pallas_scores.kernel_scores(query, key, scale)))

        gradient = jax.grad(loss, (0, 1, 2))
        assert kernels(gradient, *rows, (heads, features)) == 3


class TestDispatch:
    """Where the kernels run."""

    SHAPES = (2, 1, 70, 16), (2, 1, 90, 16), (1, 16)

    def test_the_device_that_a_program_is_compiled_for_decides(self):
        assert kernels(pallas_scores.scores, *self.SHAPES) == 1
        gradient = jax.grad(lambda *x: jnp.sum(pallas_scores.scores(*x) ** 2), (0, 1))
        assert kernels(gradient, *self.SHAPES) == 3
        query, key, scale = (jnp.ones(shape) for shape in self.SHAPES)
        np.testing.assert_array_equal(
            pallas_scores.scores(query, key, scale),
            jax_scores.scores(query, key, scale),
        )

    def test_the_path_says_so(self, monkeypatch):
        rows = [np.ones(shape, "float32") for shape in self.SHAPES]
        monkeypatch.setattr(dispatch, "_has_nvidia", lambda: False)
        monkeypatch.setattr(dispatch, "SMALL", {"jax": 0})
        monkeypatch.setattr(dispatch, "SMALL_ON_GPU", 0)
        assert dispatch.choose(*rows).name == "blocked"
        monkeypatch.setattr(dispatch, "_has_nvidia", lambda: True)
        monkeypatch.setattr(pallas_scores, "fault", lambda: None)
        path = dispatch.choose(*rows)
        assert (path.name, path.scores) == ("kernel", pallas_scores.scores)
        assert "GPU" in path.reason

    @pytest.mark.skipif(is_on_gpu(), reason="this device runs them")
    def test_kernels_that_fail_are_left_out(self, monkeypatch):
        """Here they do: this device cannot run them but as JAX operations."""
        pallas_scores.fault.cache_clear()
        rows = [np.ones(shape, "float32") for shape in self.SHAPES]
        monkeypatch.setattr(dispatch, "SMALL_ON_GPU", 0)
        monkeypatch.setattr(dispatch, "_has_nvidia", lambda: True)
        with pytest.warns(RuntimeWarning, match="kernels .* are left out: they failed"):
            path = dispatch.choose(*rows)
        assert path.name == "blocked"
        assert "they failed with" in path.reason

    @pytest.mark.parametrize("error", [ImportError, AttributeError])
    def test_they_are_left_out_where_jax_has_no_triton(self, monkeypatch, error):
        """It says that it will leave out what they are written in."""

        def fails(name):
            raise error("no Triton")

        rows = [np.ones(shape, "float32") for shape in self.SHAPES]
        monkeypatch.setattr(dispatch, "SMALL_ON_GPU", 0)
        monkeypatch.setattr(dispatch, "_has_nvidia", lambda: True)
        monkeypatch.setattr(dispatch, "_kernels", lambda: fails("pallas_scores"))
        with pytest.warns(RuntimeWarning, match="left out: .*no Triton"):
            path = dispatch.choose(*rows)
        assert path.name == "blocked"
        assert "no Triton" in path.reason

    def test_on_a_gpu_the_formula_is_fastest_for_longer(self, monkeypatch):
        rows = [np.ones(shape, "float32") for shape in self.SHAPES]
        monkeypatch.setattr(dispatch, "SMALL", {"jax": 0})
        monkeypatch.setattr(dispatch, "_has_nvidia", lambda: True)
        path = dispatch.choose(*rows)
        assert path.name == "plain"
        assert "small" in path.reason


class TestProbe:
    """A kernel is used where it has been seen to work."""

    @pytest.fixture(autouse=True)
    def _forget(self):
        pallas_scores.fault.cache_clear()
        yield
        pallas_scores.fault.cache_clear()

    def test_right_kernels_pass_also_under_the_trace_of_a_caller(self):
        assert jax.jit(lambda x: x if pallas_scores.fault(True) else x + 1)(1.0) == 2.0

    @pytest.mark.parametrize("nth", [0, 1, 2, 3])
    def test_wrong_kernels_do_not(self, monkeypatch, nth):
        def spoiled(rows, interpret):
            result = list(pallas_scores._expected_results(*rows))
            result[nth] = result[nth] * 1.001
            return result

        monkeypatch.setattr(pallas_scores, "_trial_results", spoiled)
        assert "wrong by 1.0e-03" in pallas_scores.fault()


class TestImports:
    """The modules that are loaded."""

    @pytest.mark.skipif(is_on_gpu(), reason="this one has a GPU")
    def test_pallas_is_not_imported_without_a_gpu(self):
        """A CPU has no use for it."""
        code = (
            "import sys, numpy, regard.ops.additive as additive;"
            "rows = numpy.ones((2, 64, 64), 'float32');"
            "additive.additive_scores(rows, rows, rows[0, 0]);"
            "print([name for name in sys.modules if 'additive.pallas' in name])"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert result.stdout.strip() == "[]"
