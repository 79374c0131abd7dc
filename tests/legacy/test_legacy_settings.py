"""Each layer of each generation of Keras computes what it computed then."""

from pathlib import Path

import keras
import numpy as np
import old_configurations as old
import pytest

from regard.errors import ArgumentError, RegardError
from regard.legacy.hdf5 import OldFile, StoredWeight
from regard.legacy.keras_layers import make_keras_layer
from regard.legacy.model_graph import rebuild
from regard.legacy.recognition import LoadOptions
from regard.legacy.settings import ROWS, in_todays_words
from regard.legacy.values import arguments_of, dtype_of

backends = pytest.mark.backends


def old_model(case, backend="tensorflow"):
    """The model of a layer alone, as it would come from a file."""
    inputs = case.inputs if isinstance(case.inputs, list) else [case.inputs]
    names = [f"x{number}" for number in range(len(inputs))]
    first = "input_dtype" if case.version == old.K1 else "dtype"
    layers = [
        {
            "class_name": "InputLayer",
            "name": name,
            "config": {
                "name": name,
                "batch_input_shape": [None, *array.shape[1:]],
                first: str(array.dtype),
                "sparse": False,
            },
            "inbound_nodes": [],
        }
        for name, array in zip(names, inputs, strict=True)
    ]
    empty = [] if case.version == old.K1 else [{}]
    layers.append(
        {
            "class_name": case.class_name,
            "name": "layer",
            "config": case.config,
            "inbound_nodes": [[[name, 0, 0, *empty] for name in names]],
        }
    )
    config = {
        "layers": layers,
        "input_layers": [[name, 0, 0] for name in names],
        "output_layers": [["layer", 0, 0]],
    }
    weights = [
        StoredWeight(str(number), np.asarray(array))
        for number, array in enumerate(case.arrays)
    ]
    file = OldFile(
        path=Path("old.h5"),
        layout="made on the spot",
        layers={"layer": weights} if weights else {},
        by_name=True,
        keras_version=case.version,
        backend=backend,
        config={"class_name": "Model", "config": config},
    )
    return rebuild(file, LoadOptions(), lambda _: None)


def answer(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs))


@backends
@pytest.mark.parametrize("case", old.CASES, ids=str)
def test_it_computes_what_it_computed(case):
    model = old_model(case)
    np.testing.assert_allclose(
        answer(model, case.inputs), case.expected, rtol=0, atol=1e-5
    )
    layer = model.get_layer("layer")
    for name, value in case.has.items():
        held = getattr(layer, name)
        assert held == pytest.approx(value), name


def test_every_row_has_its_test():
    tested = {case.class_name for case in old.CASES} - {"Merge"}
    # An input is the first layer of every case; the second name is a rarer one.
    assert set(ROWS) - tested == {"InputLayer", "BatchNormalizationV2"}


def test_every_setting_of_a_row_is_one_of_keras():
    needed = {"layer": keras.layers.LSTM(2), "backward_layer": None}
    for name, row in ROWS.items():
        if name == "InputLayer":
            continue
        accepted = make_keras_layer.__globals__["keras"].layers
        import inspect

        parameters = inspect.signature(getattr(accepted, row.today)).parameters
        unknown = row.kept - set(parameters) - {"activity_regularizer"} - set(needed)
        assert not unknown, name
