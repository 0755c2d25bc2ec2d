"""Speed-up against weight density as an SVG picture."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 250, 30, 60
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"]


def speed_up(results):
    """One line per network and batch, densities on a logarithmic axis, the break-even densities as rings."""
    lines = []
    for result in results:
        points = sorted((row["density"], row["ratio_fp32"], row["ratio_least"], row["ratio_most"])
                        for row in result["rows"] if row["density"] is not None)
        lines.append((f"{result['network']}, batch {result['batch']}", points, result["break_even_density"]))
    densities = [point[0] for _, points, _ in lines for point in points] or [1]
    least = min(0.9, min(densities))
    most = 1.1 * max([1.0] + [point[3] for _, points, _ in lines for point in points])

    def x(density):
        return LEFT + (WIDTH - LEFT - RIGHT) * (1 - math.log(density) / math.log(least))

    def y(ratio):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ratio / most

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']

    def text(at_x, at_y, content, anchor="middle", more=""):
        parts.append(f'<text x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}" {more}>{escape(content)}</text>')

    def line(x1, y1, x2, y2, colour, more=""):
        parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>')

    for density in sorted(set(densities)):
        line(x(density), y(0), x(density), y(0) + 5, "black")
        text(x(density), y(0) + 20, f"{density:g}")
    unit = 10 ** math.floor(math.log10(most))
    step = next(unit * factor for factor in (0.1, 0.2, 0.5, 1, 2) if most / (unit * factor) <= 8)
    for i in range(int(most / step) + 1):
        line(LEFT, y(i * step), WIDTH - RIGHT, y(i * step), "#dddddd")
        text(LEFT - 8, y(i * step) + 4, f"{i * step:g}", "end")
    line(LEFT, y(1), WIDTH - RIGHT, y(1), "black", 'stroke-dasharray="5 4"')
    line(LEFT, y(0), WIDTH - RIGHT, y(0), "black")
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 15, "density of the prunable weights")
    text(20, (TOP + HEIGHT - BOTTOM) / 2, "speed against the faster dense FP32 PyTorch", more=
         f'transform="rotate(-90 20 {(TOP + HEIGHT - BOTTOM) / 2:.1f})"')

    for number, (name, points, break_even) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x(density):.1f},{y(ratio):.1f}" for density, ratio, _, _ in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for density, ratio, low, high in points:
            line(x(density), y(low), x(density), y(high), colour)
            parts.append(f'<circle cx="{x(density):.1f}" cy="{y(ratio):.1f}" r="3" fill="{colour}"/>')
        label = name
        if break_even is not None and any(ratio < 1 for _, ratio, _, _ in points):
            parts.append(f'<circle class="break-even" cx="{x(break_even):.1f}" cy="{y(1):.1f}" r="6" fill="none" '
                         f'stroke="{colour}" stroke-width="2"/>')
            label += f": break-even {break_even:.2f}"
        line(WIDTH - RIGHT + 12, TOP + 20 * number, WIDTH - RIGHT + 32, TOP + 20 * number, colour, 'stroke-width="2"')
        text(WIDTH - RIGHT + 38, TOP + 20 * number + 4, label, "start")
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
