"""prompts.md has every requirement, with a module and a test, or the statement that it is not built."""

import re

import pytest
from support.blocks import text_of
from support.checkout import ROOT

IDS = ["T4", *(f"T{number}" for number in range(6, 16)), "DOC"]
IDS += [*(f"R{number}" for number in range(1, 17)), *(f"L{number}" for number in range(1, 8))]
IDS += [f"{letter}{number}" for letter, many in (("H", 8), ("F", 3), ("B", 3)) for number in range(1, many + 1)]
IDS += ["PROOF", "IO", "BACKUP", "COPY", "RESTORE", "SPEED", "API", "CLIENTS", "START"]


def parts() -> dict[str, str]:
    text = text_of(ROOT / "prompts.md")
    return dict(re.findall(r"^### ([A-Z]+\d*)\b.*?\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))


def test_every_requirement_has_its_part_and_there_are_no_others() -> None:
    assert list(parts()) == IDS


@pytest.mark.parametrize("requirement", IDS)
def test_a_requirement_is_a_prompt_with_an_answer_and_a_proof(requirement: str) -> None:
    part = parts()[requirement]
    proof = re.search(r"^Proof: (.*?)(?=^\w+: |\Z)", part, re.MULTILINE | re.DOTALL)
    answer = re.search(r"^Answer: (.*?)(?=^\w+: |\Z)", part, re.MULTILINE | re.DOTALL)

    assert re.search(r"^> \w", part, re.MULTILINE), "the prompt"
    assert answer is not None
    if answer[1].startswith("not built yet"):
        assert proof is None
        return
    assert re.search(r"`[\w/.-]+`", answer[1])
    assert proof is not None
    assert re.search(r"`tests/[\w/.-]+\.py::test_\w+`", proof[1])
