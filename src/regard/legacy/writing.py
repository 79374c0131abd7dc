"""Writing a converted model, all of it or nothing."""

import secrets
from pathlib import Path

import keras


def write_model(model: keras.Model, path: str | Path) -> None:
    """Save a model beside its place and move it there when it is whole.

    Args:
        model: The model.
        path: The ``.keras`` file, which replaces one that is there.
    """
    target = Path(path)
    staged = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.keras")
    try:
        model.save(staged)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
