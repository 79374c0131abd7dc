"""The implementation of JAX: branches, blocks, the memory, and steps in a loop."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle

if keras.backend.backend() != "jax":
    pytest.skip("the factored score of JAX needs JAX", allow_module_level=True)

import jax
import jax.numpy as jnp

from regard.ops.additive import blocks, jax_context, jax_scores
from regard.ops.additive.dispatch import plain_scores
from regard.ops.additive.jax_residuals import (
    Branch,
    factors,
    feature_maxima,
    gradient_branch,
    score_branch,
)
from regard.ops.additive.jax_scores import prepare_keys, step_scores

pytestmark = pytest.mark.backends


def rows(*shape, size=1.0):
    batch, heads, queries, keys, features = shape
    rng = np.random.default_rng(0)
    shapes = [(batch, heads, queries), (batch, heads, keys), (heads,)]
    draws = [rng.normal(size=(*shape, features)) for shape in shapes]
    return [
        jnp.asarray(x * s, jnp.float32)
        for x, s in zip(draws, (size, size, 1.0), strict=True)
    ]


class TestBlocks:
    """Plain numbers."""

    @given(st.integers(1, 5000))
    def test_blocks_cover_an_axis(self, length):
        for cut in (blocks.feature_blocks, blocks.row_blocks, blocks.key_blocks):
            result = cut(length)
            assert result.total >= length
            assert (result.count - 1) * result.size < length
        assert blocks.feature_blocks(length).size % blocks.GROUP == 0
        assert blocks.row_blocks(length).size % blocks.GROUP == 0

    @pytest.mark.parametrize("keys", [512, 1024, 2048, 4096, 16384])
    def test_rows_of_keys_lie_apart_in_the_cache(self, keys):
        beyond = 4 * blocks.key_blocks(keys).total % 4096
        assert 128 <= beyond <= 4096 - 128

    @given(st.integers(0, 5000))
    def test_rows_of_factors_do_not_share_few_lines(self, features):
        result = blocks.row_length(features)
        assert features == 0 or 4 * result % 512
        assert result in {features, features + 16}


class TestBranches:
    """Which branch runs."""

    @pytest.mark.parametrize(
        ("size", "score", "slope"),
        [
            (1.0, Branch.UNCAPPED, Branch.UNCAPPED),
            (8.0, Branch.CAPPED, Branch.CAPPED),
            (30.0, Branch.TANH, Branch.TANH),
            (np.nan, Branch.TANH, Branch.TANH),
        ],
    )
    def test_by_size(self, size, score, slope):
        query, key, scale = rows(1, 1, 6, 6, 8, size=size)
        assert score_branch(feature_maxima(query, key), scale) == score
        assert gradient_branch(feature_maxima(query, key), scale) == slope

    def test_infinite_scale(self):
        query, key, scale = rows(1, 1, 6, 6, 8)
        scale = scale.at[0, 3].set(jnp.inf)
        assert score_branch(feature_maxima(query, key), scale) == Branch.TANH

    def test_tiny_scales_leave_the_uncapped_range_before_they_overflow(self):
        query, key, scale = rows(1, 1, 6, 6, 8, size=2.0)
        result = feature_maxima(query, key)
        tiny = scale.at[0, jnp.array([0, 1, 2])].set(2e-7)
        assert score_branch(result, tiny) == Branch.CAPPED
        # Another width, other groups: these have two tiny scales and one.
        assert score_branch(result, tiny, lanes=2) == Branch.UNCAPPED

    @pytest.mark.parametrize(
        ("features", "spread"), [(16, False), (64, False), (128, True)]
    )
    def test_all_branches_agree_where_all_are_right(self, features, spread):
        query, key, scale = rows(2, 2, 5, 160, features)
        a, b = factors(query, spread=spread), factors(key, spread=spread)
        expected = plain_scores(query, key, scale)
        result = {
            "uncapped": jax_scores.uncapped_scores(a, b, scale),
            "capped": jax_scores.capped_scores(a, b, scale),
            "tanh": jax_scores.tanh_scores(query, key, scale),
            "direct": jax_scores.direct_scores(query, key, scale),
        }
        if features % (blocks.GROUP * blocks.LANES) == 0:
            width = blocks.LANES
            result["uncapped in vectors"] = jax_scores.uncapped_scores(
                a, b, scale, width
            )
        for scores in result.values():
            np.testing.assert_allclose(scores, expected, rtol=0, atol=4e-5)

    @pytest.mark.parametrize("top", [39.0, 29.0, 9.9])
    def test_the_edge_of_a_range(self, top):
        """All four of a group at the largest sum that the branch lets in."""
        query = jnp.full((1, 1, 4, 8), top, jnp.float32)
        key = jnp.full((1, 1, 4, 8), 0.0, jnp.float32)
        scale = jnp.full((1, 8), 0.5, jnp.float32)
        for sign in (1.0, -1.0):
            result = jax_scores.scores(sign * query, key, scale)
            np.testing.assert_allclose(result, sign * 4.0 * np.tanh(top), rtol=1e-6)
            slopes = jax.grad(lambda *x: jnp.sum(jax_scores.scores(*x)), (0, 1))
            for slope in slopes(sign * query, key, scale):
                exact = 2.0 / np.cosh(top) ** 2
                np.testing.assert_allclose(slope, exact, rtol=1e-5, atol=1e-7)


class TestVectors:
    """Features side by side in vectors, for small problems."""

    SHAPE = (2, 2, 5, 110, 44)  # no multiple of a vector, a step or a group

    def test_they_are_for_small_problems(self):
        assert blocks.lanes(scores=1000, features=44) == blocks.LANES
        assert blocks.lanes(scores=1000, features=33) == 1  # half would be padding
        assert blocks.lanes(scores=1000, features=4096) == 1
        assert blocks.lanes(scores=1 << 20, features=64) == 1

    @pytest.mark.parametrize("size", [0.1, 2.0, 15.0, 1e4])
    def test_the_oracle(self, size):
        query, key, scale = rows(*self.SHAPE, size=size)
        # Negligible beside the others of its group, by either way to cut groups.
        scale = scale.at[0, jnp.array([1, 8, 40])].set(1e-9)
        result = jax_scores.scores(query, key, scale)
        exact = oracle.additive_scores(*(np.float64(x) for x in (query, key, scale)))
        bound = 4e-6 * np.abs(scale).sum(-1).max()
        np.testing.assert_allclose(result, exact, rtol=0, atol=bound)

    @pytest.mark.parametrize("size", [1.0, 7.0, 1e4])
    @pytest.mark.parametrize(
        "shape", [SHAPE, (1, 1, 50, 7, 44), (1, 1, 9, 110, 128)], ids=str
    )
    def test_the_gradient(self, shape, size):
        inputs = rows(*shape, size=size)
        upstream = rows(*shape[:4], shape[3])[0]

        def slopes(scores):
            return jax.grad(lambda *x: jnp.sum(upstream * scores(*x)), (0, 1, 2))

        result = slopes(jax_scores.scores)(*inputs)
        expected = slopes(plain_scores)(*inputs)
        for ours, exact in zip(result, expected, strict=True):
            bound = 2e-5 * max(1.0, np.abs(exact).max())
            np.testing.assert_allclose(ours, exact, rtol=0, atol=bound)


class TestDerivatives:
    """Beyond the first one."""

    def test_the_second_derivative(self):
        inputs = rows(1, 1, 4, 5, 4)

        def curvature(scores):
            def steepness(query):
                result = jax.grad(lambda q: jnp.sum(scores(q, *inputs[1:]) ** 2))(query)
                return jnp.sum(result**2)

            return jax.grad(steepness)(inputs[0])

        np.testing.assert_allclose(
            curvature(jax_scores.scores), curvature(plain_scores), rtol=1e-4, atol=1e-3
        )

    def test_the_gradient_under_vmap(self):
        query, key, scale = rows(3, 1, 4, 5, 4)

        def loss(scores, query, key):
            return jnp.sum(scores(query[None], key[None], scale) ** 2)

        result, expected = (
            jax.vmap(jax.grad(lambda q, k, s=scores: loss(s, q, k)))(query, key)
            for scores in (jax_scores.scores, plain_scores)
        )
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def temporary_bytes(function, *arguments):
    compiled = jax.jit(function).lower(*arguments).compile()
    return compiled.memory_analysis().temp_size_in_bytes


class TestMemory:
    """Nothing of the size of the cube is held."""

    def test_of_the_gradient(self):
        inputs = rows(2, 1, 64, 128, 64)
        of_scores, of_rows = 4 * 2 * 64 * 128, 4 * 2 * (64 + 128) * 64
        result = temporary_bytes(
            jax.grad(lambda *x: jnp.sum(jax_scores.scores(*x) ** 2), (0, 1, 2)),
            *inputs,
        )
        assert result < 8 * of_scores + 8 * of_rows < 4 * 2 * 64 * 128 * 64 / 2

    def test_of_a_context_without_weights(self):
        query, key, scale = rows(1, 1, 64, 2048, 8)
        mask = jnp.ones((1, 1, 1, 2048), bool)
        result = temporary_bytes(
            jax.grad(
                lambda q, k: jnp.sum(jax_context.context(q, k, k, scale, mask, 64) ** 2)
            ),
            query,
            key,
        )
        assert result < 4 * 64 * 2048 / 2

    def test_through_the_steps_of_a_decoder(self):
        """The gradient keeps the queries of all steps and no tangents."""
        steps, keys, features = 64, 32, 16
        _, key, scale = rows(2, 1, 1, keys, features)
        queries = jnp.ones((steps, 2, 1, features))

        def loss(key, scale):
            prepared = prepare_keys(key)

            def step(total, query):
                result = step_scores((query + total)[:, :, None], prepared, scale)
                return total + jnp.mean(jax.nn.softmax(result)), None

            return jax.lax.scan(step, 0.0, queries)[0]

        result = temporary_bytes(jax.grad(loss, (0, 1)), key, scale)
        assert result < 4 * steps * 2 * keys * features / 2
