"""The picture of ``run.py``, as SVG without a library: operating curves, and error rates of every rule."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 980, 470
INK, FAINT, GOOD, BAD = "#222222", "#d9d9d9", "#0072b2", "#d55e00"
DASHES = {50: "2 4", 200: "", 1000: "7 4"}


def draw(curves, bars):
    """Two panels: ``curves`` N -> [(change, PASS, REGRESSION)], ``bars`` [(rule, missed, blocked)], all in %."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_left(curves),
        *_right(bars),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _text(x, y, words, *, anchor="start", size=12, color=INK):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{color}">{escape(words)}</text>'
    )


def _line(x1, y1, x2, y2, color=FAINT, width=1):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-width="{width}"/>'


def _left(curves):
    left, right, top, bottom = 60, 450, 60, 390

    def place(change, percent):
        return left + (change + 15) / 20 * (right - left), bottom - percent / 100 * (bottom - top)

    yield _text(left, 24, "evalh, 0/1 scores, 10 % discordant, margin 5 points (enumerated)", size=14)
    yield _text(left, 42, "chance of PASS", color=GOOD) + _text(left + 110, 42, "chance of REGRESSION", color=BAD)
    for percent in (0, 25, 50, 75, 100):
        _, y = place(0, percent)
        yield _line(left, y, right, y) + _text(left - 8, y + 4, f"{percent} %", anchor="end")
    for change in (-15, -10, -5, 0, 5):
        x, _ = place(change, 0)
        yield _line(x, top, x, bottom) + _text(x, bottom + 18, f"{change:+d}" if change else "0", anchor="middle")
    yield _text((left + right) / 2, bottom + 38, "true change of the mean, points", anchor="middle")
    for i, (n, points) in enumerate(curves.items()):
        dash = f' stroke-dasharray="{DASHES[n]}"' if DASHES[n] else ""
        for column, color in ((1, GOOD), (2, BAD)):
            path = " ".join("{:.1f},{:.1f}".format(*place(point[0], point[column])) for point in points)
            yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"{dash}/>'
        x = left + 130 * i
        yield f'<line x1="{x}" y1="{bottom + 62}" x2="{x + 34}" y2="{bottom + 62}" stroke="{INK}" stroke-width="2"{dash}/>'
        yield _text(x + 40, bottom + 66, f"N = {n:,}")


def _right(bars):
    left, right, top = 740, 950, 60
    step = min(22.0, 370 / len(bars))
    yield _text(490, 24, "Every rule at N = 200", size=14)
    yield _text(490, 42, "passes a 5-point loss", color=GOOD) + _text(
        630, 42, "blocks an unchanged candidate", color=BAD
    )
    for percent in (0, 5, 25, 50, 75, 100):
        x = left + percent / 100 * (right - left)
        yield _line(x, top - 4, x, top + step * len(bars), color=INK if percent == 5 else FAINT)
        yield _text(x, top + step * len(bars) + 16, f"{percent}", anchor="middle", size=10)
    yield _text((left + right) / 2, top + step * len(bars) + 34, "%", anchor="middle")
    for i, (name, missed, blocked) in enumerate(bars):
        y = top + step * i
        yield _text(left - 8, y + step / 2 + 4, name if len(name) < 42 else name[:40] + "…", anchor="end", size=11)
        for offset, value, color in ((0.12, missed, GOOD), (0.5, blocked, BAD)):
            width = max(1.0, value / 100 * (right - left))
            yield f'<rect x="{left}" y="{y + offset * step:.1f}" width="{width:.1f}" height="{0.34 * step:.1f}" fill="{color}"/>'
