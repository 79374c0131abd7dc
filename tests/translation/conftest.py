"""Fixtures that make translators quick enough to test."""

from collections.abc import Iterator

import pytest

from light_compilation import kept_programs, light_compilation


@pytest.fixture(autouse=True, scope="module")
def _light() -> Iterator[None]:
    with light_compilation():
        yield


@pytest.fixture(scope="module")
def _kept_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with kept_programs(tmp_path_factory.mktemp("programs")):
        yield
