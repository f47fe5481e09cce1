"""The rates as a picture: a bar for each contestant up to its median, and a whisker from its least to its greatest."""

from collections.abc import Sequence
from html import escape

from bench.report import spread
from bench.rounds import Run

_WIDTH = 760
_LEFT, _RIGHT, _TOP, _FOOT = 130, 110, 48, 34
_ROW, _BAR, _CAP = 26, 14, 4
_OURS = ("adjust", "hot", "read")
# A page that shows the picture decides nothing about its colours, so it brings its own ground.
_STYLE = """
  rect.ground { fill: #ffffff } text { fill: #1f2328; font: 13px sans-serif } text.small { font-size: 11px }
  rect.ours { fill: #2f6fdb } rect.other { fill: #9aa4af } path { stroke: #1f2328; fill: none }
  @media (prefers-color-scheme: dark) {
    rect.ground { fill: #0d1117 } text { fill: #e6edf3 }
    rect.ours { fill: #5b9bff } rect.other { fill: #6b7683 } path { stroke: #e6edf3 }
  }
"""


def picture(runs: Sequence[Run], caption: str) -> str:
    """Draw the runs, in their order, as SVG. Void runs count for nothing; who has no other run gets no bar."""
    rates = {
        name: [run.load.rate for run in runs if run.contestant == name and not run.problems]
        for name in dict.fromkeys(run.contestant for run in runs)
    }
    most = max((rate for found in rates.values() for rate in found), default=0) or 1
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    height = _TOP + _ROW * len(rates) + _FOOT
    rows = [_row(name, found, scale, _TOP + _ROW * number) for number, (name, found) in enumerate(rates.items())]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
            f' height="{height}" role="img">',
            f"<title>Requests per second: {escape(caption)}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
            f'<text x="{_LEFT}" y="26">Requests per second: median, and from the least to the most</text>',
            *rows,
            f'<text class="small" x="{_LEFT}" y="{height - 12}">{escape(caption)}</text>',
            "</svg>\n",
        ]
    )


def _row(name: str, rates: Sequence[float], scale: float, top: int) -> str:
    middle = top + _ROW // 2
    label = f'<text x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>'
    if not rates:
        return f'{label}<text x="{_LEFT}" y="{middle + 4}">void</text>'
    rate = spread(rates)
    least, greatest = (round(_LEFT + end * scale, 1) for end in (rate.least, rate.greatest))
    return (
        f'{label}<rect class="{"ours" if name in _OURS else "other"}" x="{_LEFT}" y="{middle - _BAR // 2}"'
        f' width="{rate.median * scale:.1f}" height="{_BAR}"/>'
        f'<path d="M{least} {middle}H{greatest}M{least} {middle - _CAP}v{2 * _CAP}'
        f'M{greatest} {middle - _CAP}v{2 * _CAP}"/>'
        f'<text x="{greatest + 8:.1f}" y="{middle + 4}">{rate.median:,.0f}</text>'
    )
