"""Small plots as SVG, of which a change of a figure changes a line or two."""

import html
import math

WIDTH = 680
OURS, OTHER = "#2b6cb0", "#a0aab4"
COLOURS = ("#c05621", "#6b46c1", "#2f855a", "#2b6cb0", "#718096", "#b83280")
FONT = 'font-family="sans-serif" font-size="12"'


def text(x, y, words, anchor="start", more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'


def document(title, height, lines):
    return "\n".join((
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" {FONT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        text(10, 20, title, more=' font-weight="bold"'), *lines, "</svg>")) + "\n"


def bars(title, values, label, marked):
    """`values`: [(name, value)], from above; `label` makes of a value what stands beside its bar."""
    left = 20 + 7 * max(len(name) for name, _ in values)
    room = WIDTH - left - 80
    most = max(value for _, value in values) or 1
    lines = []
    for i, (name, value) in enumerate(values):
        y, width = 34 + 22 * i, room * value / most
        lines += [text(left - 8, y + 13, name, "end"),
                  f'<rect x="{left}" y="{y}" width="{width:.1f}" height="17" '
                  f'fill="{OURS if name == marked else OTHER}"/>',
                  text(left + width + 6, y + 13, label(value))]
    return document(title, 44 + 22 * len(values), lines)


def decades(low, high):
    return [10.0 ** n for n in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def apart(places, least=14):
    """The same heights, from above, each at least so far from the one before."""
    moved = []
    for place in places:
        moved.append(max(place, moved[-1] + least) if moved else place)
    return moved


def curves(title, below, beside, series, label):
    """`series`: {name: [(x, y)]}; both axes are logarithmic. `below` and `beside` name them."""
    left, top, right, bottom = 70, 50, WIDTH - 190, 330
    points = [point for line in series.values() for point in line]
    across, up = (decades(min(axis), max(axis)) for axis in zip(*points))

    def place(value, marks, start, end):
        part = math.log10(value / marks[0]) / (math.log10(marks[-1] / marks[0]) or 1)
        return start + part * (end - start)

    lines = [text(10, 40, beside), text((left + right) / 2, bottom + 36, below, "middle")]
    for value in across:
        x = place(value, across, left, right)
        lines += [f'<path d="M{x:.0f} {top}V{bottom}" stroke="#e2e8f0"/>',
                  text(x, bottom + 18, label(value), "middle")]
    for value in up:
        y = place(value, up, bottom, top)
        lines += [f'<path d="M{left} {y:.0f}H{right}" stroke="#e2e8f0"/>',
                  text(left - 8, y + 4, label(value), "end")]
    drawn = [(name, [(place(x, across, left, right), place(y, up, bottom, top)) for x, y in line])
             for name, line in series.items()]
    drawn.sort(key=lambda item: item[1][-1][1])
    heights = apart([line[-1][1] for _, line in drawn])
    for (name, line), height in zip(drawn, heights):
        colour = COLOURS[sorted(series).index(name) % len(COLOURS)]
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in line) + '"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in line]
        lines.append(text(right + 10, height + 4, name, more=f' fill="{colour}"'))
    return document(title, bottom + 50, lines)
