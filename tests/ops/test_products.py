"""Products with weights in bfloat16: their values, their gradient, and who decides."""

import threading

import keras
import numpy as np
import pytest
from keras import ops

from regard.errors import ArgumentError
from regard.ops import product_path, products, products_in, project
from regard.ops.scan import gates, linear

pytestmark = pytest.mark.backends
ON_JAX = keras.backend.backend() == "jax"
on_jax = pytest.mark.skipif(not ON_JAX, reason="other backends multiply as they are")
# Whose product is large enough to be made in bfloat16, and odd in its rows.
ROWS, FEATURES, UNITS = 21, 256, 264
#: The largest relative error of rounding to bfloat16.
ROUNDING = 2.0**-8


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype("float32")


def in_bfloat16(array):
    """The numbers of bfloat16 next to those of an array."""
    return ops.convert_to_numpy(ops.cast(ops.cast(array, "bfloat16"), "float32"))


@pytest.fixture
def told(monkeypatch):
    """Says what the variable of the environment says; None: it is not set."""

    def tell(value):
        if value is None:
            monkeypatch.delenv(products.VARIABLE, raising=False)
        else:
            monkeypatch.setenv(products.VARIABLE, value)

    products._refusal.cache_clear()
    yield tell
    products._refusal.cache_clear()


@pytest.mark.parametrize("lead", [(ROWS,), (3, 7)])
def test_numbers_that_bfloat16_holds_are_multiplied_exactly(lead):
    # Whole numbers up to 16, whose products and sums float32 holds.
    whole = np.random.default_rng(0).integers(-16, 17, (ROWS, FEATURES))
    kernel = np.random.default_rng(1).integers(-16, 17, (FEATURES, UNITS))
    inputs = np.reshape(whole, (*lead, FEATURES)).astype("float32")
    with products_in("bfloat16"):
        found = project(inputs, ops.convert_to_tensor(kernel.astype("float32")))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(found), np.reshape(whole @ kernel, (*lead, UNITS))
    )


@on_jax
def test_operands_are_rounded_and_sums_are_not():
    inputs, kernel = normal(ROWS, FEATURES), normal(FEATURES, UNITS, seed=1)
    with products_in("bfloat16"):
        found = ops.convert_to_numpy(project(inputs, ops.convert_to_tensor(kernel)))
    exact = in_bfloat16(inputs).astype("float64") @ in_bfloat16(kernel)
    np.testing.assert_allclose(found, exact, atol=1e-4)
    whole = inputs.astype("float64") @ kernel
    assert np.abs(found - whole).max() > 1e-3
    bound = 2.1 * ROUNDING * (np.abs(inputs) @ np.abs(kernel))
    assert (np.abs(found - whole) < bound).all()


@on_jax
@pytest.mark.parametrize("features", [256, 264, 258, 257])
@pytest.mark.parametrize("make", [project, linear, gates])
def test_the_gradient_is_that_of_float64_as_far_as_bfloat16_holds_it(features, make):
    import jax

    inputs, kernel = normal(ROWS, features), normal(features, 258, seed=1)
    upstream = normal(ROWS, 258, seed=2)
    with products_in("bfloat16"):
        part = linear() if make is linear else gates(2)

    def loss(inputs, kernel):
        # A part goes on with the products it was made with; a product with those here.
        with products_in("bfloat16" if make is project else "float32"):
            if make is project:
                return ops.sum(project(inputs, kernel) * upstream)
            results = part.at_step(inputs, (kernel, None))
        if make is gates:
            results = ops.concatenate(results, axis=-1)
        return ops.sum(results * upstream)

    for_inputs, for_kernel = jax.jit(jax.grad(loss, (0, 1)))(inputs, kernel)
    narrow = [
        in_bfloat16(each).astype("float64") for each in (inputs, kernel, upstream)
    ]
    np.testing.assert_allclose(for_inputs, narrow[2] @ narrow[1].T, atol=1e-4)
    np.testing.assert_allclose(for_kernel, narrow[0].T @ narrow[2], atol=1e-4)
    assert for_inputs.dtype == for_kernel.dtype == np.float32
    bound = 2.1 * ROUNDING * (np.abs(inputs.T) @ np.abs(upstream))
    exact = inputs.T.astype("float64") @ upstream
    assert (np.abs(np.asarray(for_kernel) - exact) < bound).all()


@pytest.mark.parametrize(
    ("asked", "features", "dtype"),
    [
        ("float32", FEATURES, "float32"),
        (None, FEATURES, "float32"),
        # So small that it would not pay.
        ("bfloat16", 16, "float32"),
        # What is no float32 is multiplied as it is.
        ("bfloat16", FEATURES, "float16"),
    ],
)
def test_other_products_are_left_as_they_are(asked, features, dtype):
    inputs = ops.cast(normal(ROWS, features), dtype)
    kernel = ops.cast(normal(features, UNITS, seed=1), dtype)
    if asked is None:
        found = project(inputs, kernel)
    else:
        with products_in(asked):
            found = project(inputs, kernel)
    expected = ops.matmul(inputs, kernel)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(
        ops.convert_to_numpy(found), ops.convert_to_numpy(expected)
    )


def test_what_is_asked_for_ends_with_its_block_and_stays_in_its_thread():
    seen = []

    def ask():
        seen.append(products.products_asked())

    def fail():
        with products_in("bfloat16"):
            with products_in("auto"):
                ask()
            ask()
            other = threading.Thread(target=ask)
            other.start()
            other.join()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    ask()
    assert seen == ["auto", "bfloat16", "float32", "float32"]
    with pytest.raises(ArgumentError, match="products"), products_in("float64"):
        pass


@on_jax
@pytest.mark.parametrize(
    ("unit", "as_it_is", "on_processor", "reason"),
    [
        ("avx512_bf16", True, True, "multiplies bfloat16 faster"),
        ("avx512f", True, True, "avx512_bf16"),
        ("avx512_bf16", False, True, "XLA widens"),
        ("avx512_bf16", True, False, "something else"),
    ],
)
def test_the_choice_says_why(monkeypatch, told, unit, as_it_is, on_processor, reason):  # noqa: PLR0917 - a table
    from regard.ops import jax_products

    told(None)
    monkeypatch.setattr(products, "_units", lambda: frozenset({"avx2", unit}))
    monkeypatch.setattr(jax_products, "multiplies_as_it_is", lambda: as_it_is)
    monkeypatch.setattr(jax_products, "on_processor", lambda: on_processor)
    path = product_path()
    assert path.name == ("bfloat16" if "faster" in reason else "float32")
    assert reason in path.reason
    # What is asked for by name is done, wherever it can be.
    assert product_path("bfloat16").name == "bfloat16"
    assert product_path("float32").name == "float32"


def test_the_variable_says_what_auto_is(told):
    told("float32")
    assert product_path().name == "float32"
    assert products.VARIABLE in product_path().reason
    assert product_path("bfloat16").name == ("bfloat16" if ON_JAX else "float32")
    told("bfloat16")
    assert product_path().name == ("bfloat16" if ON_JAX else "float32")
    told("fast")
    with pytest.raises(ArgumentError, match="REGARD_PRODUCTS"):
        product_path()
    # Before a layer is called, where Keras would put its own words around it.
    with pytest.raises(ArgumentError, match=r"variable REGARD_PRODUCTS.*'fast'"):
        products_in("auto").__enter__()
    with products_in("float32"):
        told("")
    assert product_path("float32").name == "float32"


@on_jax
def test_a_bias_is_added_in_all_its_digits_but_the_last():
    import jax

    rows, kernel = normal(ROWS, FEATURES), normal(FEATURES, UNITS, seed=1)
    bias, upstream = 10 * normal(UNITS, seed=3), normal(ROWS, UNITS, seed=2)

    def loss(rows, kernel, bias):
        with products_in("bfloat16"):
            added = project(rows, kernel, bias)
        return ops.sum(added * upstream), added

    found = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(rows, kernel, bias)
    (for_rows, for_kernel, for_bias), added = found
    exact = in_bfloat16(rows).astype("float64") @ in_bfloat16(kernel) + bias
    error = np.abs(np.asarray(added) - exact)
    assert (error < 2.0**-16 * np.abs(bias) + 1e-4).all()
    narrow = in_bfloat16(upstream).astype("float64")
    np.testing.assert_allclose(for_rows, narrow @ in_bfloat16(kernel).T, atol=1e-4)
    np.testing.assert_allclose(for_kernel, in_bfloat16(rows).T @ narrow, atol=1e-4)
    np.testing.assert_allclose(for_bias, upstream.sum(axis=0), atol=1e-5)


@on_jax
def test_the_digits_of_a_bias_are_not_left_to_a_cast_there_and_back():
    # XLA takes such a cast for nothing on a GPU, and the bias kept 8 bits there.
    import jax

    from regard.ops.jax_products import multiply_add

    arrays = normal(ROWS, FEATURES), normal(FEATURES, UNITS), normal(UNITS)
    program = str(jax.make_jaxpr(multiply_add)(*arrays))
    assert "reduce_precision[exponent_bits=8 mantissa_bits=7]" in program
    assert program.count("new_dtype=float32") == 0


@pytest.mark.parametrize("lead", [(ROWS,), (3, 7)])
def test_a_bias_is_added_to_other_products(lead):
    inputs, kernel = normal(*lead, 5), normal(5, 6)
    bias = normal(6)
    found = ops.convert_to_numpy(project(inputs, kernel, ops.convert_to_tensor(bias)))
    np.testing.assert_allclose(found, inputs @ kernel + bias, atol=1e-6)


@on_jax
def test_kernels_and_results_may_be_transposed_and_mapped_over():
    import jax

    rows, table = normal(8, 256), normal(264, 256, seed=1)

    def both_ways(rows, table):
        with products_in("bfloat16"):
            return ops.transpose(project(rows, ops.transpose(table)))

    exact = in_bfloat16(table).astype("float64") @ in_bfloat16(rows).T
    np.testing.assert_allclose(jax.jit(both_ways)(rows, table), exact, atol=1e-4)
    gradient = jax.grad(lambda *given: ops.sum(both_ways(*given)), (0, 1))
    for_rows, for_table = jax.jit(gradient)(rows, table)
    np.testing.assert_allclose(for_rows[3], in_bfloat16(table).sum(axis=0), atol=1e-3)
    np.testing.assert_allclose(for_table[5], in_bfloat16(rows).sum(axis=0), atol=1e-3)
    many = jax.jit(jax.vmap(both_ways, (0, None)))(np.stack([rows, -rows]), table)
    np.testing.assert_allclose(many, np.stack([exact, -exact]), atol=1e-4)


@on_jax
def test_a_gradient_of_no_rows_is_zero():
    import jax

    def total(inputs, kernel):
        with products_in("bfloat16"):
            return ops.sum(project(inputs, kernel))

    for_inputs, for_kernel = jax.grad(total, (0, 1))(
        np.zeros((0, 4, 256), "float32"), normal(256, 256)
    )
    assert for_inputs.shape == (0, 4, 256)
    np.testing.assert_array_equal(for_kernel, np.zeros((256, 256)))


@on_jax
def test_no_product_of_a_gradient_is_widened_where_the_first_is_not():
    import jax

    from regard.ops import jax_products

    if not jax_products.multiplies_as_it_is():
        pytest.skip("XLA widens all products of bfloat16 on this processor")
    rows, kernel = normal(FEATURES, FEATURES), normal(FEATURES, UNITS)
    gradient = jax.grad(lambda *both: ops.sum(jax_products.multiply(*both)), (0, 1))
    program = jax.jit(gradient).lower(rows, kernel).compile().as_text()
    assert "f32[256,264]{1,0} dot(" in program
    assert " dot(f32" not in program
    widened = [line for line in program.splitlines() if "= f32" in line]
    assert not [line for line in widened if "convert(" in line]


def test_what_linux_says_of_the_processor_is_read(monkeypatch):
    lines = "processor : 0\nflags\t\t: fpu avx512_bf16\nbugs : none\n"
    monkeypatch.setattr(products.Path, "read_text", lambda *_: lines)
    assert products._units() == {"fpu", "avx512_bf16"}

    def missing(*_):
        raise FileNotFoundError

    monkeypatch.setattr(products.Path, "read_text", missing)
    assert products._units() == frozenset()
