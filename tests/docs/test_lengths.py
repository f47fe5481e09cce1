"""The documents that are read from the top to the end stay short."""

import pytest
from support.blocks import text_of
from support.checkout import ROOT

WORDS = {"README.md": 1_300, "run.md": 6_000, "ARCHITECTURE.md": 4_500}


@pytest.mark.parametrize("name", WORDS)
def test_a_document_has_at_most_so_many_words(name: str) -> None:
    assert len(text_of(ROOT / name).split()) <= WORDS[name]
