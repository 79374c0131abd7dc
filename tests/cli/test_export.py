"""``regard export``."""

import pytest

pytest.importorskip("flatbuffers", reason="needs the extra export")


def test_a_bundle_is_written_as_a_program(run, toy_bundle, tmp_path):
    result = run(
        "export",
        toy_bundle,
        "--out",
        tmp_path / "toy.hlo",
        "--format",
        "stablehlo",
        "--reader",
        tmp_path / "read.py",
    )
    assert (result.code, result.out.splitlines()[0][:9]) == (0, "StableHLO")
    assert "output attention (batch, 2, time) float32" in result.out
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"toy.hlo", "toy.hlo.json", "read.py"}
    assert all(name in result.err for name in names)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "x.pb"], "x.pb ends in neither .onnx nor .stablehlo: --format"),
        (["--out", "none/x.onnx"], "there is no folder"),
        (["--out", "x.onnx", "--reader", "x.txt"], "x.txt does not end in .py"),
    ],
)
def test_wrong_places_are_refused_before_the_bundle_is_read(
    options, said, run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = run("export", "none.regard", *options)
    assert (result.code, result.out) == (2, "")
    assert said in " ".join(result.err.split())
