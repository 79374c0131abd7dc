"""The additive score on PyTorch against the float64 oracle."""

import keras
import numpy as np
import pytest
from additive_inputs import draw, exact_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from regard.errors import ArgumentError

if keras.backend.backend() != "torch":
    pytest.skip("PyTorch's own path runs on PyTorch only", allow_module_level=True)

import torch

from regard.ops.additive import torch_scores
from regard.ops.additive.torch_scores import scores

pytestmark = pytest.mark.backends

# Relative to the sum of what is added up, by dtype.
TOLERANCE = {np.float32: 4e-6, np.float64: 1e-13}


@pytest.fixture
def tiled(monkeypatch):
    """Every size takes the way of the large ones, in many small tiles."""
    monkeypatch.setattr(torch_scores, "_QUERIES_PER_TILE", 2)
    monkeypatch.setattr(torch_scores, "_room", lambda _: 50)


@pytest.fixture(params=["plain", "tiled"])
def path(request):
    return request.getfixturevalue("tiled") if request.param == "tiled" else None


def check(query, key, scale):
    """Scores and gradients, each within the tolerance of its own sum."""
    tolerance = TOLERANCE[query.dtype.type]
    tensors = [torch.tensor(x, requires_grad=True) for x in (query, key, scale)]
    result = scores(*tensors)
    wanted = oracle.additive_scores(query, key, scale)
    most = np.abs(scale).sum(-1)[:, None, None]
    assert result.dtype == tensors[0].dtype
    assert result.shape == wanted.shape
    assert (np.abs(result.detach().numpy() - wanted) <= tolerance * most).all()

    gradient = np.random.default_rng(1).normal(size=wanted.shape).astype(query.dtype)
    result.backward(torch.tensor(gradient))
    largest = np.abs(gradient).sum() * max(1.0, np.abs(scale).max(initial=0))
    wanted = exact_gradients(query, key, scale, gradient)
    for tensor, exact in zip(tensors, wanted, strict=True):
        difference = np.abs(tensor.grad.numpy() - exact)
        assert difference.max(initial=0) <= tolerance * largest


SHAPES = [
    (1, 1, 1, 1, 1),
    (2, 1, 1, 7, 5),
    (2, 3, 7, 1, 4),
    (3, 2, 5, 9, 3),
    (1, 2, 2, 3, 61),
]
EMPTY = [(0, 2, 3, 4, 5), (2, 1, 0, 4, 5), (2, 1, 3, 0, 5), (2, 2, 3, 4, 0)]


@pytest.mark.parametrize("shape", SHAPES + EMPTY)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_scores_and_gradients(path, shape, dtype):
    check(*draw(shape, dtype=dtype))


@pytest.mark.parametrize("size", [60.0, 1e4, 1e30])
def test_rows_of_any_size(path, size):
    query, key, scale = draw((2, 2, 5, 6, 7), size=size)
    # Large rows that cancel are what clipped factors get wrong.
    key[:, :, 2] = 0.5 - query[:, :, 3]
    check(query, key, scale)


@settings(max_examples=15)
@given(st.tuples(*[st.integers(1, 6)] * 5), st.sampled_from([0.1, 3.0, 40.0]))
def test_any_shape_in_the_real_tiles(shape, size):
    check(*draw(shape, size=size))


def test_real_tiles_and_a_rest(monkeypatch):
    monkeypatch.setattr(torch_scores, "_BYTES_PER_CORE", 2**12)
    check(*draw((2, 1, 37, 45, 13)))


def test_nan_stays_in_its_row(path):
    query, key, scale = draw((1, 1, 3, 4, 5))
    query[0, 0, 1, 2] = np.nan
    key[0, 0, 3, 0] = np.nan
    result = scores(*map(torch.tensor, (query, key, scale)))
    wanted = np.zeros((3, 4), bool)
    wanted[1], wanted[:, 3] = True, True
    np.testing.assert_array_equal(torch.isnan(result)[0, 0].numpy(), wanted)


def test_nothing_is_kept_but_the_inputs():
    query, key, scale = (torch.tensor(x) for x in draw((2, 1, 100, 200, 50)))
    kept = []
    hooks = torch.autograd.graph.saved_tensors_hooks(
        lambda x: kept.append(x.numel()) or x, lambda x: x
    )
    with hooks:
        scores(query, key, scale.requires_grad_())
    assert sorted(kept) == sorted([query.numel(), key.numel(), scale.numel()])


@pytest.mark.parametrize("shape", [(3, 1, 301, 400, 100), (1, 1, 3, 5, 2**23)])
def test_a_tile_fits_its_buffer(shape):
    batch, heads, queries, keys, features = shape
    query = torch.empty(batch, heads, queries, features, device="meta")
    key = torch.empty(batch, heads, keys, features, device="meta")
    room = max(torch_scores._room(query), features)
    covered = 0
    for rows, _, of_queries, of_keys in torch_scores._tiles(query, key):
        sides = [s.stop - s.start for s in (rows, of_queries, of_keys)]
        assert np.prod(sides) * features <= room
        covered += np.prod(sides)
    assert covered == batch * heads * queries * keys


def test_inputs_need_not_be_contiguous(tiled):
    query, key, scale = map(torch.tensor, draw((2, 3, 4, 5, 6)))
    strided = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (query, key)]
    assert torch.equal(scores(*strided, scale), scores(query, key, scale))


def test_second_derivative_is_refused(tiled):
    query, key, scale = map(torch.tensor, draw((1, 1, 2, 3, 4)))
    query.requires_grad_()
    (first,) = torch.autograd.grad(
        scores(query, key, scale).sum(), query, create_graph=True
    )
    with pytest.raises(ArgumentError, match="second derivative"):
        first.sum().backward()


def test_compiled_whole_for_symbolic_sizes():
    compiled = torch.compile(
        lambda *x: scores(*x).square().sum(),
        backend="aot_eager",
        fullgraph=True,
        dynamic=True,
    )
    for shape in [(2, 2, 3, 4, 5), (3, 2, 6, 7, 5)]:
        gradients = []
        for function in (compiled, lambda *x: scores(*x).square().sum()):
            tensors = [torch.tensor(x, requires_grad=True) for x in draw(shape)]
            function(*tensors).backward()
            gradients.append([x.grad for x in tensors])
        for ours, eager in zip(*gradients, strict=True):
            torch.testing.assert_close(ours, eager)


def test_exported_for_symbolic_sizes():
    class Module(torch.nn.Module):
        def forward(self, query, key, scale):
            return scores(query, key, scale)

    example = tuple(map(torch.tensor, draw((2, 2, 3, 4, 5))))
    batch, keys = torch.export.Dim("batch"), torch.export.Dim("keys")
    shapes = ({0: batch}, {0: batch, 2: keys}, None)
    exported = torch.export.export(
        Module(), example, dynamic_shapes=shapes, strict=False
    ).module()
    query, key, scale = draw((4, 2, 3, 9, 5))
    result = exported(*map(torch.tensor, (query, key, scale)))
    wanted = oracle.additive_scores(query, key, scale)
    np.testing.assert_allclose(result.numpy(), wanted, atol=1e-5)
