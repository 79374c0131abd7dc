"""A label is the same through whichever door it comes."""

import csv
import json
from itertools import product

import numpy as np
import pytest

from regard.classification.labelled_texts import LabelledColumns, LabelledTexts
from regard.text import Labels

pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
pytest.importorskip("narwhals", reason="frames need narwhals")

# What people have, and what it is called everywhere.
KINDS = {
    "whole": ([1, 0, 5], ("0", "1", "5")),
    "whole, beside a missing one": ([1.0, 0.0, 5.0], ("0", "1", "5")),
    "with a fraction": ([1.5, 0.5, 5.0], ("0.5", "1.5", "5")),
    "truth": ([True, False, True], ("False", "True")),
    "text": (["b", "a", "c"], ("a", "b", "c")),
    "text of numbers": (["01", "1", "2"], ("01", "1", "2")),
}
TEXTS = ["x", "y", "z"]


def in_lists(labels, folder):
    return TEXTS, labels


def in_arrays(labels, folder):
    return np.array(TEXTS), np.array(labels)


def in_scalars(labels, folder):
    return TEXTS, list(np.array(labels))


def in_csv(labels, folder):
    path = folder / "rows.csv"
    with path.open("w", newline="") as file:
        rows = zip(TEXTS, labels, strict=True)
        csv.writer(file).writerows([("text", "label"), *rows])
    return path, None


def in_json(labels, folder):
    path = folder / "rows.json"
    rows = zip(TEXTS, labels, strict=True)
    path.write_text(json.dumps([{"text": a, "label": b} for a, b in rows]))
    return path, None


def in_json_lines(labels, folder):
    path = folder / "rows.jsonl"
    rows = zip(TEXTS, labels, strict=True)
    lines = [json.dumps({"text": a, "label": b}) for a, b in rows]
    path.write_text("\n".join(lines))
    return path, None


def in_a_frame(labels, folder):
    return pa.table({"text": TEXTS, "label": labels}), None


def in_parquet(labels, folder):
    from pyarrow import parquet

    path = folder / "rows.parquet"
    parquet.write_table(in_a_frame(labels, folder)[0], path)
    return path, None


DOORS = [
    in_lists,
    in_arrays,
    in_scalars,
    in_csv,
    in_json,
    in_json_lines,
    in_a_frame,
    in_parquet,
]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_one_door_are_those_of_all_others(kind, tmp_path):
    given, names = KINDS[kind]
    read = {
        door: LabelledTexts.of(*door(given, tmp_path), LabelledColumns()).labels
        for door in DOORS
    }
    trained = {door: Labels.of(labels) for door, labels in read.items()}
    for door, labels in trained.items():
        if (kind, door) == ("with a fraction", in_csv):
            # A text stays as it is written, unless all are whole numbers.
            assert labels.names == ("0.5", "1.5", "5.0")
        else:
            assert labels.names == names, door
    for one, other in product(DOORS, DOORS):
        wanted = trained[one].encode(read[one])
        assert trained[one].encode(read[other]).tolist() == wanted.tolist()
