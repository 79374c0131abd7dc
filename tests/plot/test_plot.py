"""The surface of ``regard.plot``."""

import regard.plot


def test_the_surface_is_what_is_for_users():
    functions = {"text", "alignment", "bars", "over_time", "curves", "trust"}
    functions |= {"attention", "heads", "image"}
    kinds = ["Text", "Alignment", "Bars", "Series", "Curves", "Trust", "Heads", "Image"]
    plots = {f"{kind}Plot" for kind in kinds}
    assert set(dir(regard.plot)) == functions | plots == set(regard.plot.__all__)
    assert all(callable(getattr(regard.plot, name)) for name in dir(regard.plot))
