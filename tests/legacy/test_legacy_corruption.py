"""Random damage: an error that names file and part, or what the file now says."""

import random
import resource
import time

import golden
import h5py
import pytest

from regard import legacy
from regard.errors import RegardError

MODELS = [name for name in golden.ALL if golden.Golden(name).file("_model.h5").exists()]
BYTES_OF_A_PROCESS = 1 << 30
# Of computing, which a busy machine does not stretch. A reader that hangs is ended by
# its limits, which test_legacy_isolated_reader.py tests.
CPU_SECONDS = 30
# Models without recurrent layers, which take a while to build.
QUICK = ("kaggle_attention", "seq_weighted_attention", "philipperemy_attention")


def flip(content, rng):
    for _ in range(rng.choice((1, 1, 4, 32))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def overwrite(content, rng):
    start, size = rng.randrange(len(content)), rng.choice((4, 64, 512))
    content[start : start + size] = rng.randbytes(size)[: len(content) - start]


def clear(content, rng):
    start, size = rng.randrange(len(content)), rng.choice((8, 128, 2048))
    content[start : start + size] = bytes(len(content[start : start + size]))


def move(content, rng):
    size = rng.choice((8, 256))
    start, end = (rng.randrange(len(content) - size) for _ in range(2))
    content[end : end + size] = content[start : start + size]


def truncate(content, rng):
    del content[rng.randrange(len(content)) :]


def metadata(content, rng):
    """Among the names and the numbers at the beginning, where it hurts."""
    for _ in range(rng.choice((1, 8))):
        content[rng.randrange(min(4096, len(content)))] = rng.randrange(256)


def configuration(content, rng):
    """A character of the configuration, which nothing checks."""
    start = content.find(b'{"class_name"')
    end = content.find(b"input_layers", start)
    content[rng.randrange(start, max(end, start + 1_000))] = rng.choice(
        b'0123456789",:[]{}aez'
    )


DAMAGES = (flip, overwrite, clear, move, truncate, metadata, configuration)


def places(path):
    """Where each array of each layer lies in a file that is whole."""
    by_layer = {}
    with h5py.File(path) as file:
        group = file["model_weights"]
        for name in group.attrs["layer_names"]:
            layer = group[name]
            arrays = [layer[each].id for each in layer.attrs["weight_names"]]
            key = name.decode() if isinstance(name, bytes) else name
            by_layer[key] = [(each.get_offset(), each.shape) for each in arrays]
    return by_layer


def check_weights(model, content, where):
    """The weights that were loaded lie in the file where they always did."""
    by_shape = [place for each in where.values() for place in each]
    for layer in model.layers:
        for array in layer.get_weights():
            candidates = [at for at, shape in by_shape if shape == array.shape]
            assert any(
                content[at : at + array.nbytes] == array.tobytes() for at in candidates
            ), layer.name


def check_settings(model, name, loaded):
    """Settings that decide about numbers are those of the whole file."""
    for new, old in zip(model.layers, loaded(name).layers, strict=True):
        assert type(new) is type(old)
        for key in ("activation", "units", "mask_zero", "step_dim", "score"):
            assert getattr(new, key, None) == getattr(old, key, None), (new.name, key)


def attempt(seed, folder, loaded, models=MODELS):
    """Damage a file and load it. Returns the error, if there was one."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    name, damage = rng.choice(models), rng.choice(DAMAGES)
    case = golden.Golden(name)
    source = case.file("_model.h5")
    content = bytearray(source.read_bytes())
    damage(content, rng)
    path = folder / f"damaged_{seed}.h5"
    path.write_bytes(content)
    try:
        model = legacy.load_model(path, **golden.reading(case))
    except RegardError as error:
        message = str(error)
    else:
        message = None
    finally:
        path.unlink()
    if message is not None:
        _, named, part = message.partition(path.name)
        assert named, message
        assert ": " in part, message
        return message
    check_weights(model, bytes(content), places(source))
    check_settings(model, name, loaded)
    return None


def memory():
    """The most that this process ever held; its readers have a limit of their own."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(seeds, folder, loaded, models=MODELS):
    before = memory()
    errors, slowest = 0, 0.0
    for seed in seeds:
        start = time.process_time()
        errors += attempt(seed, folder, loaded, models) is not None
        slowest = max(slowest, time.process_time() - start)
    assert slowest < CPU_SECONDS
    assert memory() - before < BYTES_OF_A_PROCESS
    return errors


def test_damage(tmp_path, loaded):
    quick = [name for name in MODELS if name.split("/")[0] in QUICK]
    assert 5 < run(range(24), tmp_path, loaded, quick) < 24


@pytest.mark.slow
def test_much_damage(tmp_path, loaded):
    assert 100 < run(range(500), tmp_path, loaded) < 500
