"""Bundles that mean harm, each with the sizes and hashes of what is in it.

Made from the bundles that the first release saved. ``python hostile_bundles.py FOLDER``
loads each bundle of a folder and prints a line of JSON on how that went.
"""

import contextlib
import functools
import gc
import hashlib
import io
import json
import os
import resource
import shutil
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

BUNDLES = Path(__file__).resolve().parents[1] / "data" / "bundles" / "0.1.0"
CLASSIFIER, TRANSLATOR = "text-classifier", "translator"
HUGE = 10**9

Harm = Callable[[Path], None]
#: What is done to a copy of a bundle, by what it is, with the kind of the bundle.
HARMS: dict[str, tuple[str, Harm]] = {}
#: Those that may load: what they say does no harm.
HARMLESS: set[str] = set()
#: Those that run each time; the others where there is time.
QUICK: set[str] = set()


def harm(kind: str = CLASSIFIER, *, harmless: bool = False, quick: bool = False):
    def register(function: Harm) -> Harm:
        add(function.__name__, kind, function, harmless=harmless, quick=quick)
        return function

    return register


def add(name, kind, function, *, harmless=False, quick=False):
    assert name not in HARMS
    HARMS[name] = (kind, function)
    if harmless:
        HARMLESS.add(name)
    if quick:
        QUICK.add(name)


def make(name: str, folder: Path) -> Path:
    """The hostile bundle of a name."""
    kind, function = HARMS[name]
    path = folder / f"{name}.regard"
    shutil.copytree(BUNDLES / f"{kind}.regard", path)
    function(path)
    return path


def vouch(path: Path, part: str, content: bytes) -> None:
    """Put a part into a bundle, with its size and hash."""
    (path / part).write_bytes(content)
    declare(path, part, len(content), hashlib.sha256(content).hexdigest())


def declare(path: Path, part: str, size: int, digest: str = "0" * 64) -> None:
    file = path / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["parts"][part] = {"size": size, "sha256": digest}
    file.write_text(json.dumps(manifest))


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# What the model file says


def put_model(path: Path, method: int = zipfile.ZIP_STORED, **changed: bytes) -> None:
    members = unzipped((path / "model.keras").read_bytes())
    members |= {name.replace("_", "."): each for name, each in changed.items()}
    vouch(path, "model.keras", zipped(members, method))


def configured(change, method=zipfile.ZIP_STORED) -> Harm:
    """The configuration of the model changed; a text takes its place."""

    def forge(path: Path) -> None:
        members = unzipped((path / "model.keras").read_bytes())
        config = json.loads(members["config.json"])
        changed = change(config) or config
        text = changed if isinstance(changed, str) else json.dumps(changed)
        put_model(path, method, config_json=text.encode())

    return forge


def layer(config, name):
    return next(one for one in config["config"]["layers"] if one["name"] == name)


def setting(name: str, **changes) -> Harm:
    return configured(lambda config: layer(config, name)["config"].update(changes))


def inner(config):
    return layer(config, "around")["config"]["layer"]


def nested(config):
    around = layer(config, "around")["config"]
    for _ in range(12):
        around["layer"] = {
            "module": "keras.layers",
            "class_name": "Bidirectional",
            "config": {"name": "b", "layer": around["layer"]},
            "registered_name": None,
        }


def models_in_models(config):
    for _ in range(40):
        config = {
            "module": "keras.src.models.functional",
            "class_name": "Functional",
            "config": {"name": "m", "layers": [config], "input_layers": []},
            "registered_name": "Functional",
        }
    return config


def another_layer(class_name: str, **settings) -> Harm:
    def change(config):
        classes = layer(config, "classes")
        classes["class_name"], name = class_name, classes["config"]["name"]
        classes["config"] = {"name": name, **settings}
        classes["build_config"] = {"input_shape": [None, 40]}

    return configured(change)


def many_layers(config):
    layers = config["config"]["layers"]
    first = layer(config, "classes")
    for index in range(900):
        copy = json.loads(json.dumps(first))
        copy["name"] = copy["config"]["name"] = f"d{index}"
        layers.append(copy)


def many_nodes(config):
    classes = layer(config, "classes")
    classes["inbound_nodes"] = classes["inbound_nodes"] * 3000


def counted_times(config):
    layer(config, "tokens")["config"]["batch_shape"] = [None, 10**6, 14]
    inner(config)["config"]["unroll"] = True


def operation(name: str, **settings) -> Harm:
    def change(config):
        entry = layer(config, "classes")
        entry.update(module="keras.src.ops.numpy", class_name=name)
        entry["config"] = settings
        entry["registered_name"] = name

    return configured(change)


def random_numbers(config):
    table = layer(config, "classes")["config"]["kernel_initializer"]
    table["class_name"], table["config"] = "Orthogonal", {"gain": 1e30, "seed": 0}


def policy(config):
    dtype = layer(config, "classes")["config"]["dtype"]
    dtype["class_name"], dtype["config"] = "QuantizedDTypePolicy", {"mode": "int8"}


def long_constant(config):
    entry = layer(config, "classes")["config"]["kernel_initializer"]
    entry["class_name"], entry["config"] = "Constant", {"value": [1.0] * 300_000}


DENSE = {"units": 200_000_000}
for name, change in {
    "wide_dense": setting("classes", **DENSE),
    "wide_dense_built": configured(
        lambda config: layer(config, "classes").update(
            build_config={"input_shape": [None, HUGE]}
        )
    ),
    "wide_embedding": setting("features", units=HUGE),
    "long_embedding": setting("features", rows=HUGE),
    "many_ngrams": setting("features", ngrams=HUGE),
    "wide_gru": configured(lambda config: inner(config)["config"].update(units=40_000)),
    "wide_attention": setting("attention", units=HUGE),
    "many_heads": setting("attention", num_heads=10**6),
    "nested_layers": configured(nested),
    "nested_models": configured(models_in_models),
    "convolution": another_layer("Conv1D", filters=HUGE, kernel_size=10**6),
    "embedding_of_keras": another_layer("Embedding", input_dim=HUGE, output_dim=9),
    "lambda": another_layer("Lambda", function="x"),
    "wide_input": configured(
        lambda config: layer(config, "tokens")["config"].update(
            batch_shape=[None, None, 10**6]
        )
    ),
    "counted_times": configured(counted_times),
    "many_layers": configured(many_layers),
    "many_nodes": configured(many_nodes),
    "tiled": operation("Tile", repeats=[10**9]),
    "full": operation("Full", shape=[10**9], fill_value=1),
    "quantized": configured(policy),
    "long_constant": configured(long_constant),
    "large_configuration": configured(
        lambda config: json.dumps(config) + " " * 40_000_000
    ),
    "deep_configuration": configured(lambda _: "[" * 500_000),
    "long_number": configured(lambda _: "1" * 900_000),
    "no_number": setting("classes", units=float("nan")),
    "negative_number": setting("classes", units=-1),
    "text_for_a_number": setting("classes", units="200000000"),
    "a_key_twice": configured(lambda _: '{"class_name": "A", "class_name": "B"}'),
    "no_object": configured(lambda _: "7"),
    "packed_configuration": configured(
        lambda _: json.dumps({"a": "b" * 50_000_000}), zipfile.ZIP_DEFLATED
    ),
}.items():
    add(
        name,
        CLASSIFIER,
        change,
        quick=name
        in {
            "wide_dense",
            "wide_gru",
            "nested_layers",
            "counted_times",
            "many_layers",
            "deep_configuration",
            "embedding_of_keras",
        },
    )
add("random_numbers", CLASSIFIER, configured(random_numbers), harmless=True)


def of_translator(**changes) -> Harm:
    return configured(lambda config: config["config"].update(changes))


for name, change in {
    "wide_translator": of_translator(units=40_000),
    "deep_translator": of_translator(encoder_layers=10**8),
    "wide_symbols": of_translator(embedding_units=10**8),
    "many_symbols": of_translator(target_symbols=HUGE),
    "many_source_symbols": of_translator(source_symbols=HUGE),
    "wide_score": of_translator(attention_units=HUGE),
    "many_heads_of_a_translator": of_translator(num_heads=HUGE),
    "untied": of_translator(tie_embeddings=False),
    "text_for_units": of_translator(units="40000"),
    "endless_units": of_translator(units=10**4000),
}.items():
    add(name, TRANSLATOR, change, quick=name in {"wide_translator", "deep_translator"})


# Archives


def array_file(shape, dtype="<i8", content=b"") -> bytes:
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


def featured(method=zipfile.ZIP_DEFLATED, **changed) -> Harm:
    def forge(path: Path) -> None:
        members = unzipped((path / "features.npz").read_bytes())
        for name, content in changed.items():
            given = content(members) if callable(content) else content
            members[f"{name}.npy"] = given
        vouch(path, "features.npz", zipped(members, method))

    return forge


def sizes(*numbers) -> bytes:
    return array_file((len(numbers),), content=np.asarray(numbers, "<i8").tobytes())


def pickled(_) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray([{}], object), allow_pickle=True)
    return file.getvalue()


def shortlisted(path: Path, **changed: bytes) -> None:
    """Put in a shortlist of no links, except for some arrays."""
    arrays = {"starts": sizes(0), "symbols": sizes(), "count": sizes(10)}
    arrays |= {"weights": array_file((0,), "<f4")} | changed
    members = {f"{name}.npy": content for name, content in arrays.items()}
    vouch(path, "shortlist.npz", zipped(members))


for name, change in {
    "a_huge_shortlist": {"symbols": array_file((10**12,))},
    "a_shortlist_of_many_starts": {"starts": sizes(*[0] * 1000, 2**62)},
    "a_shortlist_of_endless_symbols": {"count": sizes(2**62)},
    "a_shortlist_of_objects": {"weights": pickled(None)},
}.items():
    harms = functools.partial(shortlisted, **change)
    add(name, TRANSLATOR, harms, quick=name == "a_huge_shortlist")

ZEROS = bytes(100_000_000)
for name, change in {
    "packed_features": featured(
        order_2=lambda _: array_file((len(ZEROS) // 8,), content=ZEROS)
    ),
    "features_that_are_not_there": featured(order_2=array_file((10**12,))),
    "features_of_many_axes": featured(order_2=array_file((10**5,) * 3)),
    "features_of_objects": featured(order_2=pickled),
    "features_without_a_header": featured(order_2=b"\x93NUMPY\x03\x00" + b"(" * 9000),
    "features_of_odd_numbers": featured(order_2=array_file((1,), "<f8", b"\0" * 8)),
    "endless_orders": featured(sizes=sizes(109, 10**18, 12)),
    "endless_columns": featured(sizes=sizes(109, 2, 10**9)),
    "columns_below_zero": featured(sizes=sizes(109, 2, -5)),
    "words_below_zero": featured(sizes=sizes(-109, 2, 12)),
    "features_in_lzma": featured(zipfile.ZIP_LZMA),
    "features_in_bzip2": featured(
        zipfile.ZIP_BZIP2, order_2=lambda _: array_file((99,), content=ZEROS[: 10**8])
    ),
}.items():
    add(name, CLASSIFIER, change, quick=name in {"packed_features", "endless_columns"})


@harm(quick=True)
def a_member_that_lies_about_its_size(path):
    content = bytearray(zipped(unzipped((path / "model.keras").read_bytes())))
    place = content.rindex(b"PK\x01\x02")
    struct.pack_into("<2I", content, place + 20, 2**32 - 2, 2**32 - 2)
    vouch(path, "model.keras", bytes(content))


@harm()
def a_member_that_says_it_is_large(path):
    content = bytearray((path / "features.npz").read_bytes())
    place = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, place + 24, 2**32 - 2)
    vouch(path, "features.npz", bytes(content))


@harm()
def a_member_that_says_it_is_small(path):
    members = unzipped((path / "features.npz").read_bytes())
    members["order_2.npy"] = array_file((len(ZEROS) // 8,), content=ZEROS)
    content = bytearray(zipped(members, zipfile.ZIP_DEFLATED))
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", content, content.index(mark) + offset, 800)
    vouch(path, "features.npz", bytes(content))


@harm()
def many_members(path):
    members = {f"m{index}": b"" for index in range(60_000)}
    vouch(path, "model.keras", zipped(members))


@harm()
def members_of_one_name(path):
    members = unzipped((path / "model.keras").read_bytes())
    members["config.jso_"] = b"{}"
    content = zipped(members).replace(b"config.jso_", b"config.json")
    vouch(path, "model.keras", content)


@harm()
def members_in_one_place(path):
    content = bytearray(zipped(unzipped((path / "model.keras").read_bytes())))
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    vouch(path, "model.keras", bytes(content))


@harm()
def a_locked_member(path):
    content = bytearray((path / "model.keras").read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    vouch(path, "model.keras", bytes(content))


@harm()
def a_remark_on_the_archive(path):
    content = (path / "model.keras").read_bytes()
    vouch(path, "model.keras", content[:-2] + struct.pack("<H", 60_000) + bytes(60_000))


@harm(quick=True)
def packed_weights(path):
    members = unzipped((path / "model.keras").read_bytes())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            if name.endswith(".h5"):
                archive.writestr(name, ZEROS, zipfile.ZIP_DEFLATED)
            else:
                archive.writestr(name, content)
    vouch(path, "model.keras", file.getvalue())


# Weights


def weights(change, libver=None, **settings) -> Harm:
    """Another file of weights, made of the arrays in the one that is there."""

    def forge(path: Path) -> None:
        members = unzipped((path / "model.keras").read_bytes())
        arrays = {}
        with h5py.File(io.BytesIO(members["model.weights.h5"])) as file:
            file.visititems(
                lambda name, each: (
                    arrays.update({name: each[()]})
                    if isinstance(each, h5py.Dataset)
                    else None
                )
            )
        target = io.BytesIO()
        with h5py.File(target, "w", libver=libver) as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array, **settings)
            change(file)
        put_model(path, model_weights_h5=target.getvalue())

    return forge


KERNEL = "layers/dense/vars/0"


def replaced(**settings):
    def change(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, **settings)

    return change


def linked(link):
    def change(file):
        del file[KERNEL]
        file[KERNEL] = link

    return change


def virtual(file):
    del file[KERNEL]
    layout = h5py.VirtualLayout((40, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "kernel", (40, 3))
    file["layers/dense/vars"].create_virtual_dataset("0", layout)


def value(number):
    def change(file):
        file[KERNEL][0, 0] = number

    return change


def circle(file):
    file["layers/dense/again"] = file["layers"]


def many_groups(file):
    for index in range(20_000):
        file.create_group(f"more/{index}")


def deep_groups(file):
    file.create_group("/".join("g" * 3000))


def more(file):
    file["layers/dense/vars/2"] = np.zeros((7, 7), "f4")


def fewer(file):
    del file[KERNEL]


def shared(file):
    file["layers/dense/vars/2"] = file[KERNEL]


def compact(file):
    del file[KERNEL]
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((40, 3))
    group = file["layers/dense/vars"].id
    h5py.h5d.create(group, b"0", h5py.h5t.IEEE_F32LE, space, settings)


def described(file):
    file["layers/dense"].attrs["note"] = np.zeros(1_000_000, "f8")


BOMB = np.broadcast_to(np.float32(0), (6000, 6000))
PACKED = {"data": BOMB, "chunks": (6000, 6000), "compression": "gzip"}
for name, change in {
    "packed_array": weights(replaced(**PACKED)),
    "all_arrays_in_pieces": weights(lambda _: None, chunks=True),
    "an_array_that_is_not_there": weights(replaced(shape=(10**6, 10**6), dtype="f4")),
    "pieces_that_are_not_there": weights(
        replaced(shape=(10**6, 10**6), dtype="f4", chunks=(10, 10))
    ),
    "numbers_of_a_device": weights(
        replaced(shape=(40, 3), dtype="f4", external=[("/dev/zero", 0, 480)])
    ),
    "numbers_of_another_file": weights(virtual),
    "a_link_to_a_file": weights(linked(h5py.ExternalLink("/dev/zero", "/x"))),
    "a_link_to_itself": weights(linked(h5py.SoftLink(f"/{KERNEL}"))),
    "a_circle": weights(circle),
    "many_groups": weights(many_groups, libver="latest"),
    "an_array_more": weights(more),
    "an_array_less": weights(fewer),
    "an_array_of_two_names": weights(shared),
    "whole_numbers": weights(replaced(data=np.ones((40, 3), "i4"))),
    "texts": weights(
        replaced(data=np.array([b"a", b"b"], "O"), dtype=h5py.string_dtype())
    ),
    "records": weights(replaced(data=np.zeros(3, "i4,f8,(100,)f4"))),
    "no_number_in_the_weights": weights(value(np.nan)),
    "infinity_in_the_weights": weights(value(-np.inf)),
    "no_number_in_another_layout": weights(value(np.nan), libver="latest"),
    "half_a_file": lambda path: put_model(
        path,
        model_weights_h5=unzipped((path / "model.keras").read_bytes())[
            "model.weights.h5"
        ][:20_000],
    ),
    "no_weights": lambda path: put_model(path, model_weights_h5=b""),
}.items():
    add(
        name,
        CLASSIFIER,
        change,
        quick=name
        in {
            "packed_array",
            "an_array_that_is_not_there",
            "a_circle",
            "no_number_in_the_weights",
            "numbers_of_a_device",
        },
    )
add(
    "another_layout",
    CLASSIFIER,
    weights(lambda _: None, libver="latest"),
    harmless=True,
)
add("deep_groups", CLASSIFIER, weights(deep_groups), harmless=True)
add("an_array_in_the_header", CLASSIFIER, weights(compact))
add(
    "a_long_attribute",
    CLASSIFIER,
    weights(described, libver="latest"),
    harmless=True,
)


def patched(change) -> Harm:
    """The bytes of the file of weights changed."""

    def forge(path: Path) -> None:
        members = unzipped((path / "model.keras").read_bytes())
        content = bytearray(members["model.weights.h5"])
        change(content)
        put_model(path, model_weights_h5=bytes(content))

    return forge


def tree_in_itself(content):
    place = content.rindex(b"TREE")
    struct.pack_into("<Q", content, place + 32, place)


def tree_beside_itself(content):
    place = content.rindex(b"TREE")
    struct.pack_into("<2Q", content, place + 8, place, place)


def endless_names(content):
    struct.pack_into("<Q", content, content.index(b"HEAP") + 8, 2**62)


def endless_free_list(content):
    struct.pack_into("<Q", content, content.index(b"HEAP") + 16, 0)


def many_entries(content):
    struct.pack_into("<H", content, content.index(b"TREE") + 6, 65_535)


def another_root(content):
    struct.pack_into("<Q", content, 64, 2**63)


def noise(seed):
    def change(content):
        generator = np.random.default_rng(seed)
        for place in generator.integers(0, 9000, 60).tolist():
            content[place] = int(generator.integers(0, 256))

    return change


for each in (
    tree_in_itself,
    tree_beside_itself,
    endless_names,
    endless_free_list,
    many_entries,
    another_root,
):
    # What the reader does not look at, the library of HDF5 does not get to see either.
    unread = each in {tree_beside_itself, endless_free_list}
    add(each.__name__, CLASSIFIER, patched(each), harmless=unread)
for seed in range(4):
    add(f"noise_{seed}", CLASSIFIER, patched(noise(seed)), harmless=True)


# Tokenizers and vocabularies


def tokenizer(**changes) -> Harm:
    def forge(path: Path) -> None:
        stored = json.loads((path / "tokenizer.json").read_text())
        given = {k: v(stored) if callable(v) else v for k, v in changes.items()}
        vouch(path, "tokenizer.json", json.dumps(stored | given).encode())

    return forge


def replacing(pattern, content):
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


def sequence(*rules):
    return {"type": "Sequence", "normalizers": list(rules)}


def deep_rules():
    rule = {"type": "NFC"}
    for _ in range(100):
        rule = sequence(rule)
    return rule


def split(**pattern):
    return {"type": "Split", "pattern": pattern, "behavior": "Removed", "invert": True}


for name, changes in {
    "precompiled": {
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}
    },
    "pieces_of_no_length": {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
    "growing_text": {"normalizer": sequence(*[replacing("a", "a" * 40)] * 6)},
    "growing_text_slowly": {"normalizer": sequence(*[replacing("a", "aa")] * 30)},
    "growing_from_nothing": {"normalizer": replacing("", "a" * 1000)},
    "growing_in_front": {"normalizer": {"type": "Prepend", "prepend": "a" * 10**7}},
    "endless_expression": {"pre_tokenizer": split(Regex="(a|aa|a+)+$")},
    "no_expression": {"pre_tokenizer": split(String="")},
    "bytes_for_text": {
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}
    },
    "meta_spaces": {
        "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "split": True}
    },
    "deep_rules": {"normalizer": deep_rules()},
    "endless_padding": {
        "padding": {
            "strategy": {"Fixed": 10**12},
            "direction": "Right",
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        }
    },
    "truncated_to_nothing": {
        "truncation": {
            "max_length": 0,
            "stride": 10**9,
            "strategy": "LongestFirst",
            "direction": "Right",
        }
    },
    "decoded": {"decoder": {"type": "ByteLevel"}},
    "processed": {"post_processor": {"type": "BertProcessing", "sep": ["a", 1]}},
    "endless_ids": {"model": {"type": "WordLevel", "vocab": {"[PAD]": 0, "a": 10**18}}},
    "another_model": {
        "model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"] * 99}
    },
    "rules_for_texts": {"normalizer": "Lowercase"},
}.items():
    add(
        name,
        CLASSIFIER,
        tokenizer(**changes),
        quick=name
        in {
            "precompiled",
            "pieces_of_no_length",
            "growing_text",
            "endless_expression",
        },
    )


def vocabulary(**changes) -> Harm:
    def forge(path: Path) -> None:
        stored = json.loads((path / "source.json").read_text()) | changes
        vouch(path, "source.json", json.dumps(stored).encode())

    return forge


SYMBOLS = ["a", "b", "ab", "c", "d", "e"]
add(
    "endless_scores",
    TRANSLATOR,
    vocabulary(kind="unigram", symbols=SYMBOLS, scores=[1e308, -1e308] * 3),
)
add("a_long_symbol", TRANSLATOR, vocabulary(symbols=["a" * 10**6, *SYMBOLS[1:]]))
add(
    "symbols_without_end",
    TRANSLATOR,
    vocabulary(symbols=[str(i) for i in range(10**5)]),
)


# Settings, labels, a report


def settings(**changes) -> Harm:
    def forge(path: Path) -> None:
        stored = json.loads((path / "config.json").read_text())
        stored["settings"] |= changes
        vouch(path, "config.json", json.dumps(stored).encode())

    return forge


add("endless_texts", CLASSIFIER, settings(max_length=10**30), quick=True)
add("endless_sentences", TRANSLATOR, settings(max_length=10**4000))
add("endless_pieces", CLASSIFIER, settings(subwords=10**9))


def part(name: str, content: bytes) -> Harm:
    return lambda path: vouch(path, name, content)


LONG_LABEL = b'{"type": "int", "labels": ["' + b"1" * 10**6 + b'", "2", "3"]}'
add("a_long_label", CLASSIFIER, part("labels.json", LONG_LABEL))
add("large_labels", CLASSIFIER, part("labels.json", b"[" + b'"a",' * 10**7 + b'""]'))
add("deep_labels", CLASSIFIER, part("labels.json", b"[" * 10**6))
# A report that is damaged is left out with a warning.
DEEP, LARGE = b'{"line":' * 10**5, b"[" + b"{}," * 10**7 + b"{}]"
add("a_deep_report", CLASSIFIER, part("trust.json", DEEP), harmless=True)
add("a_large_report", CLASSIFIER, part("trust.json", LARGE), harmless=True)
add("a_deep_description", CLASSIFIER, part("about.json", DEEP), harmless=True)
add("a_large_description", TRANSLATOR, part("about.json", LARGE), harmless=True)


# What is no file


def instead(name: str, put: Callable[[Path], object]) -> Harm:
    def forge(path: Path) -> None:
        (path / name).unlink()
        put(path / name)

    return forge


def sparse(size: int) -> Callable[[Path], None]:
    def put(file: Path) -> None:
        file.touch()
        os.truncate(file, size)
        if file.name != "manifest.json":
            declare(file.parent, file.name, size)

    return put


def moved_away(path):
    outside = path.parent / "outside.keras"
    (path / "model.keras").rename(outside)
    (path / "model.keras").symlink_to(outside)


def far_above(path):
    """A link that is read by whom the hash is known."""
    declare(path, "labels.json", Path("/etc/hostname").stat().st_size)
    (path / "labels.json").unlink()
    (path / "labels.json").symlink_to("../../../../../../../etc/hostname")


for name, change in {
    "a_pipe": instead("labels.json", os.mkfifo),
    "a_pipe_for_the_manifest": instead("manifest.json", os.mkfifo),
    "a_folder_for_a_part": instead("config.json", Path.mkdir),
    "a_device": instead("model.keras", lambda file: file.symlink_to("/dev/zero")),
    "a_device_for_the_manifest": instead(
        "manifest.json", lambda file: file.symlink_to("/dev/zero")
    ),
    "a_link_in_a_circle": instead(
        "model.keras", lambda file: file.symlink_to(file.name)
    ),
    "holes": instead("model.keras", sparse(20 * 2**30)),
    "smaller_holes": instead("features.npz", sparse(2**31 - 1)),
    "holes_for_the_manifest": instead("manifest.json", sparse(2**40)),
    "moved_away": moved_away,
    "far_above": far_above,
    "an_endless_size": lambda path: declare(path, "model.keras", 10**18),
}.items():
    add(
        name,
        CLASSIFIER,
        change,
        quick=name
        in {
            "a_pipe",
            "a_pipe_for_the_manifest",
            "a_device",
            "holes",
            "moved_away",
        },
    )


# How it goes


def peak() -> int:
    """The most memory of this process so far, in bytes, since it was forgotten."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def computed() -> float:
    """The seconds that this process and those it waited for have computed."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main(folder: Path) -> None:
    """Load each bundle of a folder and say how that went."""
    import regard
    from regard.errors import BundleError

    # What the first of each kind imports and compiles is no harm of the others.
    for kind in (CLASSIFIER, TRANSLATOR):
        regard.load(BUNDLES / f"{kind}.regard")
    for path in sorted(folder.glob("*.regard")):
        gc.collect()
        forget_peak()
        before, began = peak(), computed()
        model, error = None, None
        try:
            model = regard.load(path)
        except BundleError as refused:
            error = str(refused)
        except BaseException as other:  # noqa: BLE001 - a panic is one
            error = f"NOT REFUSED: {type(other).__name__}: {other}"
        seconds, taken = computed() - began, peak() - before
        if model is not None:
            # What loads has to answer, too.
            answer = model.explain if model.kind == CLASSIFIER else model.translate
            answer(["a film a b"])
        line = json.dumps([path.stem, error, seconds, taken])
        print(line, flush=True)  # noqa: T201 - for the test that started this


if __name__ == "__main__":
    main(Path(sys.argv[1]))
