"""Every layer with every score keeps the weights contract, clause by clause."""

import clauses
import keras
import pytest
from cases import CASES, PATTERNS, batch_for
from clauses import Limits
from subjects import Compiled, Eager

pytestmark = pytest.mark.backends

# Half precision is computed in float32 and then cast: a row is off by the rounding of
# its weights, and oracle and layer see inputs and projections that were rounded.
LIMITS = {
    "float32": Limits(),
    "mixed_float16": Limits(row=2e-4, oracle=1e-2, huge=1e3),
    "bfloat16": Limits(row=2e-3, oracle=8e-2),
}
# A compiler may fuse the two programs, with and without weights, differently.
COMPILED_LIMITS = {
    "float32": Limits(observing=1e-6),
    "float16": Limits(row=2e-4, oracle=1e-2, observing=2e-3, huge=1e3),
    "bfloat16": Limits(row=2e-3, oracle=8e-2, observing=2e-2),
}
FORWARD = (
    clauses.rows_sum_to_one,
    clauses.masked_keys_are_zero,
    clauses.empty_rows_are_zero,
    clauses.padding_content_is_ignored,
    clauses.padding_may_be_huge,
    clauses.padding_may_be_nan,
    clauses.observing_changes_nothing,
    clauses.oracle_agrees,
)
# A torch graph takes a second to trace, so one case of each layer is compiled there;
# the graph holds the same operations as the eager run.
COMPILED_BY_TORCH = {
    "pooling-context",
    "pooling-last-additive",
    "feature",
    "cross-additive",
    "self-additive-window-causal",
}
# JAX compiles a loop anew in every eager call; there a decoder is compiled at once.
LOOPS = {name for name in CASES if CASES[name].kind == "decoder"}
if keras.backend.backend() == "jax":
    EAGER = [name for name in CASES if name not in LOOPS]
else:
    EAGER = list(CASES)
if keras.backend.backend() == "torch":
    TO_COMPILE = [name for name in CASES if name in COMPILED_BY_TORCH]
else:
    # A loop takes seconds to compile with all that makes it fast.
    TO_COMPILE = [name for name in CASES if name not in LOOPS - {"decoder-additive"}]
every_case = pytest.mark.parametrize("name", CASES)


def clauses_of(case):
    """The clauses of a forward pass that mean something for a case."""
    if case.context_alone:
        return FORWARD
    # An output that is more than the context is not 0 where that is 0.
    return [clause for clause in FORWARD if clause != clauses.empty_rows_are_zero]


def subject_of(name):
    """A case, eager where that is not a matter of many compilations."""
    return (Eager if name in EAGER else Compiled)(CASES[name])


def holds(clause, subject, batch, limits, pattern):
    """Hold one clause, and say which it was where it fails."""
    try:
        clause(subject, batch, limits)
    except AssertionError as error:
        error.add_note(f"clause {clause.__name__}, masks {pattern!r}")
        raise


@pytest.mark.parametrize("name", EAGER)
@pytest.mark.parametrize("dtype", LIMITS)
def test_eager(name, dtype):
    subject = Eager(CASES[name], dtype)
    for pattern in PATTERNS:
        batch = batch_for(CASES[name], pattern)
        for clause in clauses_of(CASES[name]):
            holds(clause, subject, batch, LIMITS[dtype], pattern)
    clauses.huge_inputs_are_weighed(
        subject, batch_for(CASES[name], "none"), LIMITS[dtype]
    )


@pytest.mark.parametrize("name", TO_COMPILE)
@pytest.mark.parametrize("dtype", COMPILED_LIMITS)
def test_compiled(name, dtype, optimised):
    subject = Compiled(CASES[name], dtype)
    for pattern in PATTERNS:
        batch = batch_for(CASES[name], pattern)
        for clause in clauses_of(CASES[name]):
            holds(clause, subject, batch, COMPILED_LIMITS[dtype], pattern)
    clauses.huge_inputs_are_weighed(
        subject, batch_for(CASES[name], "none"), COMPILED_LIMITS[dtype]
    )


@every_case
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_gradients_are_finite(name, dtype):
    subject = Eager(CASES[name], dtype)
    batch = batch_for(CASES[name], "empty")
    for clause in (clauses.gradient_is_finite, clauses.gradient_survives_nan):
        holds(clause, subject, batch, LIMITS[dtype], "empty")


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].dropout_stays])
def test_weights_are_those_before_dropout(name):
    subject = Eager(CASES[name], dropout=0.5)
    for pattern in ("none", "empty"):
        batch = batch_for(CASES[name], pattern)
        clauses.weights_are_before_dropout(subject, batch, LIMITS["float32"])


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].ordered])
def test_permuting_keys_permutes_weights(name):
    subject = subject_of(name)
    for pattern in PATTERNS:
        batch = batch_for(CASES[name], pattern)
        clauses.permuting_keys_permutes_weights(subject, batch, LIMITS["float32"])
