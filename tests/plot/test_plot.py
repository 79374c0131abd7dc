"""The surface of ``regard.plot``."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
from reports import report

import regard.plot
from regard.errors import ArgumentError
from regard.types import AttentionMap


def test_the_surface_is_what_is_for_users():
    functions = {"text", "alignment", "bars", "over_time", "curves", "trust"}
    functions |= {"attention", "heads", "image"}
    kinds = ["Text", "Alignment", "Bars", "Series", "Curves", "Trust", "Heads", "Image"]
    plots = {f"{kind}Plot" for kind in kinds}
    assert set(dir(regard.plot)) == functions | plots == set(regard.plot.__all__)
    assert all(callable(getattr(regard.plot, name)) for name in dir(regard.plot))


PLOTS = {
    "text": lambda: regard.plot.text(["a", "b"], [0.4, 0.6]),
    "alignment": lambda: regard.plot.alignment(np.eye(2), ["a", "b"], ["c", "d"]),
    "heads": lambda: regard.plot.heads(
        AttentionMap(np.eye(2)[None], ("heads", "queries", "keys"), "layer")
    ),
    "image": lambda: regard.plot.image([0.25] * 4, np.zeros((4, 4)), grid=(2, 2)),
    "bars": lambda: regard.plot.bars([0.4, 0.6], ["a", "b"]),
    "series": lambda: regard.plot.over_time([0.4, 0.6], [1, 2]),
    "curves": lambda: regard.plot.curves({"loss": np.ones((1, 2))}, np.arange(2)),
    "trust": lambda: regard.plot.trust(report()),
}


@pytest.mark.parametrize("name", PLOTS)
def test_what_cannot_be_drawn_on_is_refused(name):
    plot = PLOTS[name]()
    for wrong in ("x", plt.figure()):
        with pytest.raises(ArgumentError, match="'ax' has a wrong value"):
            plot.plot(ax=wrong)
    if "index" in inspect.signature(plot.plot).parameters:
        for wrong in ("a", 1.0, True, None, 5, -6):
            with pytest.raises(ArgumentError, match="index below 1"):
                plot.plot(index=wrong)
        plot.plot(index=np.int64(-1))
    plt.close("all")
