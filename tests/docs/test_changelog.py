"""CHANGELOG.md keeps its form after every merge."""

from collections import Counter

from support.checkout import ROOT

VERSIONS = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]
UNRELEASED = VERSIONS[0]


def test_no_version_has_a_heading_twice_or_a_line_twice():
    for version in VERSIONS:
        lines = [line for line in version.splitlines() if line.startswith(("### ", "| ", "- "))]
        assert [line for line, times in Counter(lines).items() if times > 1] == []


def test_the_answers_that_change_are_one_table_of_three_columns():
    before, _, behind = UNRELEASED.partition("Answers that change for existing clients:\n\n")
    table, _, rest = behind.partition("\n\n")
    assert all(line.startswith("|") and line.endswith("|") for line in table.splitlines())
    assert {line.replace("\\|", "").count("|") for line in table.splitlines()} == {4}
    assert [line for line in (before + rest).splitlines() if line.startswith("|")] == []
