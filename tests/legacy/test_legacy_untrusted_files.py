"""Files that mean harm, or that were damaged: an error that names file and part."""

import h5py
import numpy as np
import pytest

from regard import legacy
from regard._hdf5 import read_old_file
from regard.errors import DataError, RegardError


def write(path, change=None, config=None):
    """A small old file of a dense layer, and what is done to it."""
    layers = [
        _layer("InputLayer", {"name": "x", "batch_input_shape": [None, 3]}, []),
        _layer("Dense", {"name": "dense", "units": 2}, [[["x", 0, 0, {}]]]),
    ]
    places = {"input_layers": [["x", 0, 0]], "output_layers": [["dense", 0, 0]]}
    text = config or {"class_name": "Model", "config": {"layers": layers, **places}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = text if isinstance(text, str) else dumps(text)
        file.attrs["keras_version"] = "2.0.8"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([b"x", b"dense"])
        group.create_group("x").attrs["weight_names"] = np.array([], "S1")
        dense = group.create_group("dense")
        dense.attrs["weight_names"] = np.array([b"kernel:0", b"bias:0"])
        dense["kernel:0"] = np.ones((3, 2), "f4")
        dense["bias:0"] = np.zeros(2, "f4")
        if change is not None:
            change(file, dense)
    return path


def dumps(config):
    import json

    return json.dumps(config)


def _layer(kind, config, nodes):
    name = config["name"]
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}


def replace(dense, **settings):
    del dense["kernel:0"]
    return dense.create_dataset("kernel:0", **settings)


def external_link(file, dense):
    del dense["kernel:0"]
    dense["kernel:0"] = h5py.ExternalLink("/etc/hostname", "/kernel")


def soft_cycle(file, dense):
    del file["model_weights/dense"]
    file["model_weights/dense"] = h5py.SoftLink("/model_weights/dense")


def hard_cycle(file, dense):
    del file["model_weights/dense"]
    file["model_weights/dense"] = file["model_weights"]


def external_data(file, dense):
    replace(dense, shape=(3, 2), dtype="f4", external=[("/etc/hostname", 0, 24)])


def virtual_data(file, dense):
    del dense["kernel:0"]
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "kernel", (3, 2))
    dense.create_virtual_dataset("kernel:0", layout)


def huge_shape(file, dense):
    replace(dense, shape=(10**6, 10**6), dtype="f4", chunks=(10, 10))


def huge_contiguous(file, dense):
    replace(dense, shape=(10**6, 10**6), dtype="f4")


def bomb(file, dense):
    zeros = np.zeros((4096, 4096), "f4")
    replace(dense, data=zeros, chunks=zeros.shape, compression="gzip")


def one_array_many_names(file, dense):
    data = np.random.default_rng(0).normal(size=(500, 40)).astype("f4")
    replace(dense, data=data)
    dense.attrs["weight_names"] = np.array([b"kernel:0"] * 6000)


def objects(file, dense):
    replace(dense, data=np.array([b"a", b"b"], "O"), dtype=h5py.string_dtype())


def integers(file, dense):
    replace(dense, data=np.ones((3, 2), "i4"))


def not_a_number(file, dense):
    dense["kernel:0"][0, 0] = np.nan


def a_group(file, dense):
    del dense["kernel:0"]
    dense.create_group("kernel:0")


def itself(file, dense):
    dense.attrs["weight_names"] = np.array([b"./kernel:0", b"bias:0"])


def no_names(file, dense):
    del dense.attrs["weight_names"]


def other_shape(file, dense):
    replace(dense, data=np.ones((3, 5), "f4"))


def not_text(file, dense):
    space = h5py.h5s.create_simple((1,))
    kind = h5py.h5t.py_create(np.dtype("S16"))
    del dense.attrs["weight_names"]
    attribute = h5py.h5a.create(dense.id, b"weight_names", kind, space)
    attribute.write(np.array([b"\xff\xfe"], "S16"))


CHANGES = {
    external_link: "kernel:0: it is a link",
    soft_cycle: "dense: it is a link",
    hard_cycle: "weight_names: it is not there",
    external_data: "kernel:0: its data lie in another file",
    virtual_data: "kernel:0: its data lie in another file",
    huge_shape: r"kernel:0: it says it has the shape \(1000000",
    huge_contiguous: r"kernel:0: it says it has the shape \(1000000",
    bomb: r"kernel:0: it says it has the shape \(4096",
    one_array_many_names: "unfolds to many times its size",
    objects: "kernel:0: it is no array of floats",
    integers: "kernel:0: it is no array of floats",
    not_a_number: "kernel:0: it holds values that are not finite",
    a_group: "kernel:0: it is not an array",
    itself: r"dense/\.: it is not there",
    no_names: "weight_names: it is not there",
    other_shape: r"layer 'dense' \(Dense\).*arrays of the shapes",
    not_text: "weight_names: it cannot be read",
}


def test_the_file_that_is_changed_is_good(tmp_path):
    model = legacy.load_model(write(tmp_path / "good.h5"))
    np.testing.assert_array_equal(
        np.asarray(model(np.ones((1, 3), "f4"))), np.full((1, 2), 3.0)
    )


def of_theano(file, dense):
    file["model_weights"].attrs["backend"] = "theano"


def test_what_computed_the_model_is_read_wherever_it_stands(tmp_path):
    assert read_old_file(write(tmp_path / "good.h5")).backend == "unknown"
    assert read_old_file(write(tmp_path / "old.h5", of_theano)).backend == "theano"


@pytest.mark.parametrize(("change", "message"), CHANGES.items())
def test_hostile_content(tmp_path, change, message):
    path = write(tmp_path / "bad.h5", change)
    with pytest.raises(DataError, match=message) as caught:
        legacy.load_model(path)
    assert "bad.h5" in str(caught.value)


def graph(*layers, output="dense"):
    first = _layer("InputLayer", {"name": "x", "batch_input_shape": [None, 3]}, [])
    places = {"input_layers": [["x", 0, 0]], "output_layers": [[output, 0, 0]]}
    return {"class_name": "Model", "config": {"layers": [first, *layers], **places}}


def dense(source="x", **config):
    return _layer(
        "Dense", {"name": "dense", "units": 2, **config}, [[[source, 0, 0, {}]]]
    )


LAMBDA = {"name": "dense", "function": ["4wEAAAA", None, None], "units": 2}
CONFIGS = [
    ("{", "model_config: it cannot be read"),
    ("[" * 100_000, "model_config: it cannot be read"),
    ({"class_name": "os.system", "config": {}}, "a model of the class 'os.system'"),
    (graph(_layer("Lambda", LAMBDA, [[["x", 0, 0, {}]]])), "class 'Lambda' is not one"),
    (graph(dense(source="dense")), "wait for each other"),
    (graph(dense(source="y")), "wait for each other"),
    (graph(dense(units=10**9)), "arrays of the shapes"),
    (graph(dense(units=-1)), "layer 'dense'"),
    (graph(dense(units="many")), "layer 'dense'"),
    (graph(dense(activation="serialize")), "An unknown activation"),
    (graph(dense(activation={"class_name": "eval"})), "An unknown activation"),
    (graph(dense(kernel_initializer={"class_name": "get"})), "Unknown in keras"),
    (graph(dense(evil=1)), "has no setting 'evil'"),
    (graph(dense(), output="gone"), "model_config"),
    ({"class_name": "Sequential", "config": []}, "model_config"),
    (
        {
            "class_name": "Sequential",
            "config": [
                _layer("Dense", {"name": "d", "batch_input_shape": [0, 9**9]}, [])
            ],
        },
        "input 'd_input'",
    ),
]


@pytest.mark.parametrize(("config", "message"), CONFIGS)
def test_hostile_configurations(tmp_path, config, message):
    path = write(tmp_path / "bad.h5", config=config)
    with pytest.raises(RegardError, match=message) as caught:
        legacy.load_model(path)
    assert "bad.h5" in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncation(tmp_path, share):
    path = write(tmp_path / "bad.h5")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match="bad"):
        legacy.load_model(path)


def test_what_is_no_such_file(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        legacy.load_model(tmp_path / "gone.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(DataError, match="no whole HDF5 file"):
        legacy.load_model(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.ones(3)
    with pytest.raises(DataError, match="neither 'model_weights' nor"):
        legacy.load_model(tmp_path / "other.h5")
