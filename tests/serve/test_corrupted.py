"""A damaged bundle is refused by its name, or serves correct answers."""

import random
import shutil

import numpy as np
import pytest

from regard.errors import BundleError
from regard.inference import PredictionRequest, Question
from regard.inference.json_format import rounded_rows
from regard.kinds import load
from regard.serve import Limits, create_app

TEXT = "in my refund of the week"
#: What is said beside the model: damage to it costs no answer.
BESIDE = {"README.md", "training.json", "about.json", "trust.json"}


def damage(folder, dice):
    """Flip a bit, or cut a file short, anywhere in a bundle."""
    files = sorted(path for path in folder.iterdir() if path.stat().st_size)
    file = dice.choice(files)
    content = bytearray(file.read_bytes())
    place = dice.randrange(len(content))
    if dice.random() < 0.5:
        content[place] ^= 1 << dice.randrange(8)
    else:
        del content[place:]
    file.write_bytes(content)
    return file.name


def check_damaged(bundle, folder, seeds):
    refused = right = beside = 0
    for seed in seeds:
        path = folder / f"damaged{seed}.regard"
        shutil.copytree(bundle, path)
        name = damage(path, random.Random(seed))  # noqa: S311 - no secrets
        beside += name in BESIDE
        try:
            app = create_app([path], limits=Limits(tokens=16), max_batch=1)
        except BundleError as error:
            assert name not in BESIDE
            refused += path.name in str(error)
        else:
            right += 1
            [model] = app.state.models.values()
            [job] = model.engine.read([Question(TEXT, PredictionRequest((TEXT,)))])
            [answer] = model.engine.compute([job])
            expected = load(bundle).explain(TEXT)
            assert np.array_equal(answer.weights, rounded_rows(expected.weights))
        shutil.rmtree(path)
    assert refused + right == len(seeds)
    return refused / (len(seeds) - beside)


def test_damaged_bundles(toy_bundle, tmp_path):
    assert check_damaged(toy_bundle, tmp_path, range(20)) > 0.75


@pytest.mark.slow
def test_two_hundred_damaged_bundles(toy_bundle, tmp_path):
    assert check_damaged(toy_bundle, tmp_path, range(1_000, 1_200)) > 0.75
