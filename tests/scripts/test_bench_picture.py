"""scripts/bench: the picture shows what the table says."""

from xml.etree import ElementTree

from bench.load import Load
from bench.picture import picture
from bench.rounds import Run

SVG = "{http://www.w3.org/2000/svg}"


def run(name: str, number: int, requests: int, problems: list[str] | None = None) -> Run:
    load = Load(requests, 1.0, (1.0, 2.0, 3.0), {}, [1], 1, 0, 0.1, 0.5)
    return Run(name, number, load, problems or [])


def drawn(*runs: Run) -> ElementTree.Element:
    return ElementTree.fromstring(picture(runs, "2 cores & <a disk>"))


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def widths(root: ElementTree.Element) -> list[float]:
    return [float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect") if bar.attrib["class"] != "ground"]


def whiskers(root: ElementTree.Element) -> list[tuple[float, float]]:
    parts = [path.attrib["d"].removeprefix("M").split("M")[0] for path in root.iter(f"{SVG}path")]
    return [(float(part.split(" ")[0]), float(part.split("H")[1])) for part in parts]


def test_a_bar_is_as_long_as_its_median_and_says_it():
    root = drawn(*(run("a", n, rate) for n, rate in enumerate((1000, 1100, 4000))), run("b", 0, 2200))

    assert widths(root)[1] == 2 * widths(root)[0]
    assert texts(root)[1:5] == ["a", "1,100", "b", "2,200"]


def test_a_whisker_goes_from_the_least_to_the_greatest():
    root = drawn(run("a", 0, 1000), run("a", 1, 1500), run("a", 2, 2000))
    (bar,) = [bar for bar in root.iter(f"{SVG}rect") if bar.attrib["class"] == "ours" or "x" in bar.attrib]

    ((least, greatest),) = whiskers(root)

    left, unit = float(bar.attrib["x"]), float(bar.attrib["width"]) / 1500
    assert round(least - left) == round(1000 * unit)
    assert round(greatest - left) == round(2000 * unit)


def test_who_was_wrong_gets_no_bar():
    root = drawn(run("a", 0, 1000), run("b", 0, 9000, ["lost"]))

    assert len(widths(root)) == 1
    assert texts(root)[1:5] == ["a", "1,000", "b", "void"]


def test_the_conditions_stand_below():
    assert texts(drawn(run("a", 0, 1)))[-1] == "2 cores & <a disk>"


def test_it_has_colours_for_a_dark_page():
    assert "prefers-color-scheme: dark" in picture([run("a", 0, 1)], "")
