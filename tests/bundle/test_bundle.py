"""Bundles are whole or refused, and nothing in them is executed."""

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import regard
import toy
from regard import _files
from regard.bundle import RECORD, PartNames, migrations, read_bundle, write_bundle
from regard.bundle.trust_part import CARD
from regard.classification import TextClassifierConfig
from regard.classification.artifact import PARTS
from regard.errors import ArgumentError, BundleError, RegardError

KINDS = {"toy": PartNames(frozenset({"a.bin", "b.json"}))}.get
CONTENT = {"a.bin": bytes(range(256)), "b.json": b"{}"}


@pytest.fixture
def small(tmp_path) -> Path:
    """A bundle of two parts that are not looked into."""
    path = tmp_path / "small.regard"
    write_bundle(path, "toy", CONTENT)
    return path


@pytest.fixture
def copy(toy_bundle, tmp_path) -> Path:
    """A real bundle to damage."""
    return Path(shutil.copytree(toy_bundle, tmp_path / "copy.regard"))


def change_manifest(path: Path, **changes: object) -> None:
    file = path / "manifest.json"
    stored = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({k: v for k, v in stored.items() if v != "REMOVED"}))


def replace_part(path: Path, name: str, content: bytes) -> None:
    """Change a part and vouch for it: what a forger would do."""
    (path / name).write_bytes(content)
    parts = json.loads((path / "manifest.json").read_text())["parts"]
    digest = hashlib.sha256(content).hexdigest()
    parts[name] = {"size": len(content), "sha256": digest}
    change_manifest(path, parts=parts)


def leftovers(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


# Writing


def test_what_was_written_is_read(small):
    bundle = read_bundle(small, KINDS)
    assert bundle.kind == "toy"
    assert dict(bundle.parts) == CONTENT
    stored = json.loads((small / "manifest.json").read_text())
    assert stored["format"] == "regard-bundle"
    assert stored["schema_version"] == 1
    assert stored["versions"]["keras"] == keras.__version__
    digest = hashlib.sha256(CONTENT["a.bin"]).hexdigest()
    assert stored["parts"]["a.bin"] == {"size": 256, "sha256": digest}


def test_a_bundle_is_replaced_as_a_whole(small):
    write_bundle(small, "toy", {"a.bin": b"new", "c": b"other"})
    assert leftovers(small) == {"manifest.json", "a.bin", "c"}
    assert leftovers(small.parent) == {"small.regard"}


def test_parents_are_made(tmp_path):
    write_bundle(tmp_path / "deep" / "er" / "x.regard", "toy", CONTENT)
    assert read_bundle(tmp_path / "deep" / "er" / "x.regard", KINDS).kind == "toy"


def test_the_folder_can_be_read_by_whom_the_umask_allows(small):
    mask = os.umask(0)
    os.umask(mask)
    assert small.stat().st_mode & 0o777 == 0o777 & ~mask


@pytest.mark.parametrize("what", ["file", "empty folder", "folder", "foreign manifest"])
def test_what_is_not_a_bundle_is_never_replaced(tmp_path, what):
    target = tmp_path / "target"
    if what == "file":
        target.write_text("mine")
    else:
        target.mkdir()
    if what == "folder":
        (target / "thesis.txt").write_text("mine")
    if what == "foreign manifest":
        (target / "manifest.json").write_text('{"format": "web app"}')
    with pytest.raises(ArgumentError, match="would be overwritten"):
        write_bundle(target, "toy", CONTENT)
    assert leftovers(tmp_path) == {"target"}


def test_a_bundle_with_a_users_file_in_it_is_not_replaced(small):
    (small / "notes.txt").write_text("mine")
    with pytest.raises(ArgumentError, match=r"other files in it.*notes.txt"):
        write_bundle(small, "toy", CONTENT)
    assert (small / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
@pytest.mark.parametrize("step", ["_flush_file", "_flush_directory", "_swap"])
@pytest.mark.parametrize("there", [True, False])
def test_nothing_half_written_stays(tmp_path, monkeypatch, error, step, there):
    path = tmp_path / "x.regard"
    if there:
        write_bundle(path, "toy", CONTENT)

    def fail(*_):
        raise error

    monkeypatch.setattr(_files, step, fail)
    with pytest.raises(error):
        write_bundle(path, "toy", {"a.bin": b"new", "b.json": b"new"})
    assert leftovers(tmp_path) == ({"x.regard"} if there else set())
    if there:
        assert dict(read_bundle(path, KINDS).parts) == CONTENT


def test_the_old_bundle_returns_when_the_new_one_cannot_take_its_place(
    small, monkeypatch
):
    rename, calls = Path.rename, []

    def fail_on_second(self, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_second)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(small, "toy", {"a.bin": b"new", "b.json": b"new"})
    assert dict(read_bundle(small, KINDS).parts) == CONTENT
    assert leftovers(small.parent) == {"small.regard"}


# Reading


@pytest.mark.parametrize("name", ["manifest.json", "a.bin", "b.json"])
def test_a_missing_part_is_named(small, name):
    (small / name).unlink()
    with pytest.raises(BundleError, match=rf"small\.regard.*{name}.*No such file"):
        read_bundle(small, KINDS)


@pytest.mark.parametrize("name", ["a.bin", "b.json"])
def test_a_truncated_part_is_named(small, name):
    content = (small / name).read_bytes()
    (small / name).write_bytes(content[:-1])
    with pytest.raises(BundleError, match=rf"{name}: it has {len(content) - 1} bytes"):
        read_bundle(small, KINDS)


def test_a_part_of_the_right_size_with_another_content_is_named(small):
    (small / "b.json").write_bytes(b"[]")
    with pytest.raises(BundleError, match=r"b\.json: its content.*SHA-256"):
        read_bundle(small, KINDS)


def test_any_changed_byte_is_found(copy):
    generator = np.random.default_rng(0)
    for name in sorted(PARTS):
        whole = (copy / name).read_bytes()
        for position in generator.integers(0, len(whole), 12).tolist():
            flipped = bytearray(whole)
            flipped[position] ^= 1 << int(generator.integers(8))
            (copy / name).write_bytes(flipped)
            with pytest.raises(BundleError, match=f"{name}: its content"):
                regard.load(copy)
        (copy / name).write_bytes(whole)
    regard.load(copy)


def test_a_changed_byte_of_the_manifest_never_ends_in_another_error(small):
    whole = (small / "manifest.json").read_bytes()
    generator = np.random.default_rng(0)
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] = int(generator.integers(256))
        (small / "manifest.json").write_bytes(changed)
        try:
            bundle = read_bundle(small, KINDS)
        except BundleError as error:
            assert "small.regard" in str(error)  # noqa: PT017 - either is right
        else:
            assert dict(bundle.parts) == CONTENT


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": "other"}, "not the manifest of a bundle"),
        ({"format": "REMOVED"}, "not the manifest of a bundle"),
        ({"schema_version": 2}, "unknown schema version.*Update regard"),
        ({"schema_version": 0}, "unknown schema version"),
        ({"schema_version": True}, "unknown schema version"),
        ({"schema_version": "1"}, "unknown schema version"),
        ({"schema_version": 1.0}, "unknown schema version"),
        ({"schema_version": "REMOVED"}, "unknown schema version"),
        ({"kind": "unheard-of"}, "kind 'unheard-of' is unknown"),
        ({"kind": ["toy"]}, "not text"),
        ({"kind": "REMOVED"}, r"missing or unknown: \['kind'\]"),
        ({"more": 1}, r"missing or unknown: \['more'\]"),
        ({"versions": {"keras": 3}}, "not text"),
        ({"parts": {}}, "lists nothing"),
        ({"parts": ["a.bin"]}, "lists nothing"),
        ({"parts": {"a.bin": {"size": 1, "sha256": "0" * 64}}}, "lists the parts"),
        ({"parts": {"a.bin": 3}}, "size and SHA-256 of 'a.bin'"),
        ({"parts": {"a.bin": {"size": 1}}}, "size and SHA-256 of 'a.bin'"),
        ({"parts": {"a.bin": {"size": -1, "sha256": "0" * 64}}}, "size of 'a.bin'"),
        ({"parts": {"a.bin": {"size": 1.0, "sha256": "0" * 64}}}, "size of 'a.bin'"),
        ({"parts": {"a.bin": {"size": True, "sha256": "0" * 64}}}, "size of 'a.bin'"),
        ({"parts": {"a.bin": {"size": 1, "sha256": "0" * 63}}}, "SHA-256 of 'a.bin'"),
        ({"parts": {"a.bin": {"size": 1, "sha256": None}}}, "SHA-256 of 'a.bin'"),
        *(
            ({"parts": {name: {"size": 1, "sha256": "0" * 64}}}, "no name of a part")
            for name in (
                "../a.bin",
                "/etc/passwd",
                "a/b",
                "a\\b",
                "..",
                ".a",
                "",
                "C:a",
                "manifest.json",
                "a" * 200,
                "a\n",
                "\ud800",
            )
        ),
    ],
)
def test_a_manifest_that_says_something_odd_is_refused(small, changes, match):
    change_manifest(small, **changes)
    with pytest.raises(BundleError, match=match):
        read_bundle(small, KINDS)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"9" * 6_000, "not JSON"),
        (b'{"format": 1, "format": 2}', "key stands twice"),
        (b"[]", "not the manifest"),
        (b"null", "not the manifest"),
        (b" " * (1 << 20) + b"{}", "larger than"),
    ],
)
def test_a_manifest_that_is_none_is_refused(small, content, match):
    (small / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=match):
        read_bundle(small, KINDS)


# Older bundles


@pytest.fixture
def later(monkeypatch):
    """Two releases later: the manifest has a new key, then another name for one."""

    def add_release(stored):
        return stored | {"release": stored["versions"]["regard"]}

    def rename_kind(stored):
        assert stored["schema_version"] == 2
        kind, _ = stored.pop("kind"), stored.pop("release")
        return stored | {"kind": f"{kind}-of-today"}

    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 3)
    monkeypatch.setitem(migrations.MIGRATIONS, 1, add_release)
    monkeypatch.setitem(migrations.MIGRATIONS, 2, rename_kind)


def test_a_bundle_of_an_older_schema_migrates_step_by_step(small, request):
    before = (small / "manifest.json").read_bytes()
    request.getfixturevalue("later")
    parts = {"toy-of-today": PartNames(frozenset(CONTENT))}.get
    bundle = read_bundle(small, parts)
    assert (bundle.kind, dict(bundle.parts)) == ("toy-of-today", CONTENT)
    assert (small / "manifest.json").read_bytes() == before
    # It may be replaced like one of today, which then is what is written.
    write_bundle(small, "toy-of-today", CONTENT)
    assert json.loads((small / "manifest.json").read_text())["schema_version"] == 3
    assert read_bundle(small, parts).kind == "toy-of-today"


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("version", [4, 0, -1])
def test_only_what_no_migration_leads_from_is_refused(small, version):
    change_manifest(small, schema_version=version)
    with pytest.raises(BundleError, match="unknown schema version") as caught:
        read_bundle(small, KINDS)
    assert ("Update regard" in str(caught.value)) == (version == 4)


def test_a_manifest_that_cannot_be_migrated_is_refused(small, request):
    change_manifest(small, versions=["odd"])
    request.getfixturevalue("later")
    with pytest.raises(BundleError, match=r"small\.regard.*not one of schema"):
        read_bundle(small, KINDS)


def test_settings_that_an_older_release_did_not_have_take_their_defaults(copy):
    stored = json.loads((copy / "config.json").read_text())
    del stored["settings"]["attention_dropout"]
    replace_part(copy, "config.json", json.dumps(stored).encode())
    config = regard.load(copy).trained.config
    assert config.attention_dropout == TextClassifierConfig().attention_dropout
    assert config.max_length == toy.SETTINGS["max_length"]


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"none\.regard.*does not exist"):
        regard.load(tmp_path / "none.regard")
    (tmp_path / "file.regard").write_text("x")
    with pytest.raises(BundleError, match=r"file\.regard.*not a folder"):
        regard.load(tmp_path / "file.regard")


def test_files_beside_the_parts_do_not_matter_for_reading(small):
    (small / ".DS_Store").write_bytes(b"x")
    assert read_bundle(small, KINDS).kind == "toy"


# A classifier


def test_a_loaded_classifier_is_the_saved_one(toy_classifier, toy_bundle):
    texts, _ = toy.messages(20, seed=5)
    loaded = regard.load(toy_bundle)
    assert loaded.labels == toy_classifier.labels
    assert loaded.trained.config == toy_classifier.trained.config
    np.testing.assert_allclose(
        loaded.predict_proba(texts), toy_classifier.predict_proba(texts), atol=1e-6
    )
    one, other = loaded.explain(texts[0]), toy_classifier.explain(texts[0])
    assert one.tokens == other.tokens
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)


def test_a_loaded_classifier_can_be_saved_again(toy_bundle, tmp_path):
    regard.load(toy_bundle).save(tmp_path / "again.regard")
    again = (tmp_path / "again.regard" / "tokenizer.json").read_bytes()
    assert again == (toy_bundle / "tokenizer.json").read_bytes()
    regard.load(tmp_path / "again.regard")


def test_saving_over_a_bundle_replaces_it(toy_classifier, copy):
    toy_classifier.save(copy)
    toy_classifier.save(str(copy))
    assert leftovers(copy) == {"manifest.json", *PARTS, CARD, RECORD}


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("labels.json", b"{}"),
        ("labels.json", b"[" * 100_000),
        ("labels.json", b"\xff"),
        ("labels.json", b'{"type": "str", "labels": ["a", "b"]}'),
        ("config.json", b"{}"),
        ("config.json", b"null"),
        ("config.json", b'{"seed": "0", "settings": {}}'),
        ("config.json", b'{"seed": 0, "settings": {"max_length": -1}}'),
        ("config.json", b'{"seed": 0, "settings": {"unknown": 1}}'),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b"\xff"),
        ("model.keras", b""),
        ("model.keras", b"PK\x03\x04 no more"),
    ],
)
def test_a_part_that_makes_no_sense_is_named(copy, part, content):
    replace_part(copy, part, content)
    # Labels that do not fit the model are found where both are known.
    blamed = "model.keras" if b'"a"' in content else part
    with pytest.raises(BundleError, match=rf"copy\.regard.*{blamed}"):
        regard.load(copy)


def forge_model(path: Path, change) -> None:
    """Rewrite the configuration inside ``model.keras`` and vouch for the result."""
    file = path / "model.keras"
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    members = change(config, members) or members
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    replace_part(path, "model.keras", file.read_bytes())


def set_first_layer(**changes):
    def change(config, _):
        config["config"]["layers"][1].update(changes)

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_first_layer(module="os", class_name="system"),
        set_first_layer(module="keras.layers", class_name="Lambda"),
        set_first_layer(module="keras.layers", class_name="TFSMLayer"),
        set_first_layer(module="regard.layers", registered_name="evil>Layer"),
        set_first_layer(module="keras.layers", registered_name="evil>Layer"),
        set_first_layer(module=None, class_name="__lambda__"),
        set_first_layer(module=None, class_name="Embedding"),
        set_first_layer(module=["keras"]),
        lambda _, members: members | {"assets/run.py": b"raise SystemExit"},
        lambda *_: {"config.json": b""},
        lambda config, _: config.clear(),
        lambda _, members: members | {"model.weights.h5": b"damaged"},
    ],
)
def test_a_forged_model_is_refused(copy, change):
    forge_model(copy, change)
    with pytest.raises(BundleError, match=r"copy\.regard.*model\.keras"):
        regard.load(copy)


def test_a_class_that_a_user_registered_is_not_loaded(copy):
    called = []

    @keras.saving.register_keras_serializable("mine", "Trap")
    class Trap(keras.layers.Layer):
        def __init__(self, **_):
            called.append(True)

    trap = {"module": None, "class_name": "Trap", "registered_name": "mine>Trap"}
    for module in (None, "regard.layers", "keras.layers", "somewhere"):
        forge_model(copy, set_first_layer(**trap | {"module": module}))
        with pytest.raises(BundleError, match="names a class"):
            regard.load(copy)
    assert not called


def test_an_untouched_forgery_would_load(copy):
    forge_model(copy, lambda *_: None)
    regard.load(copy)


def test_every_error_of_a_bundle_is_one_of_the_library():
    assert issubclass(BundleError, RegardError)
