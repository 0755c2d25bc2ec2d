"""Results as SVG pictures."""

import itertools
import math
from xml.sax.saxutils import escape

from compare.report import curves

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"]
DASHES = ["none", "7 3", "2 3"]


class Picture:
    """Axes that are drawn once their ranges are known; what is drawn on them comes in the units of the data."""

    WIDTH, HEIGHT = 800, 440
    LEFT, TOP, BOTTOM = 70, 30, 60

    def __init__(self, x_share, y_range, right=30):
        """`x_share` maps a value to 0..1 of the horizontal axis; `y_range` is (least, most); `right` the margin there."""
        self.x_share, self.y_range, self.right = x_share, y_range, right
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.WIDTH}" height="{self.HEIGHT}" '
                      f'viewBox="0 0 {self.WIDTH} {self.HEIGHT}" font-family="sans-serif" font-size="12">',
                      f'<rect width="{self.WIDTH}" height="{self.HEIGHT}" fill="white"/>']

    def x(self, value):
        return self.LEFT + (self.WIDTH - self.LEFT - self.right) * self.x_share(value)

    def y(self, value):
        least, most = self.y_range
        return self.HEIGHT - self.BOTTOM - (self.HEIGHT - self.TOP - self.BOTTOM) * (value - least) / (most - least)

    def text(self, x, y, content, anchor="middle", more=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(content)}</text>')

    def line(self, x1, y1, x2, y2, colour, more=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>')

    def circle(self, x, y, radius, more):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" {more}/>')

    def polyline(self, points, colour, dashes="none"):
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
                          f'stroke-dasharray="{dashes}"/>')

    def axes(self, x_ticks, x_title, y_title):
        """Ticks of x where the caller wants them, of y at round numbers."""
        least, most = self.y_range
        for value in x_ticks:
            self.line(self.x(value), self.y(least), self.x(value), self.y(least) + 5, "black")
            self.text(self.x(value), self.y(least) + 20, f"{value:g}")
        step = round_step(most - least)
        for i in range(math.ceil(least / step - 1e-9), math.floor(most / step + 1e-9) + 1):
            self.line(self.LEFT, self.y(i * step), self.WIDTH - self.right, self.y(i * step), "#dddddd")
            self.text(self.LEFT - 8, self.y(i * step) + 4, f"{i * step:g}", "end")
        self.line(self.LEFT, self.y(least), self.WIDTH - self.right, self.y(least), "black")
        self.text((self.LEFT + self.WIDTH - self.right) / 2, self.HEIGHT - 15, x_title)
        middle = (self.TOP + self.HEIGHT - self.BOTTOM) / 2
        self.text(20, middle, y_title, more=f'transform="rotate(-90 20 {middle:.1f})"')

    def document(self):
        return "\n".join([*self.parts, "</svg>"]) + "\n"


def round_step(range_):
    """The distance of at most 8 ticks: 1, 2 or 5 times a power of ten."""
    unit = 10 ** math.floor(math.log10(range_))
    return next(unit * factor for factor in (0.1, 0.2, 0.5, 1, 2) if range_ / (unit * factor) <= 8)


def speed_up(results):
    """One line per network and batch, in a colour, and precision, in dashes; densities on a logarithmic axis, the
    break-even densities as rings."""
    lines = []
    for colour, result in zip(itertools.cycle(COLOURS), results):
        for dashes, (precision, rows) in zip(itertools.cycle(DASHES), curves(result["rows"]).items()):
            points = [(row["density"], row["ratio_fp32"], row["ratio_least"], row["ratio_most"]) for row in rows]
            lines.append((f"{result['network']}, batch {result['batch']}, {precision.upper()}", points,
                          result["break_even_density"][precision], colour, dashes))
    densities = [point[0] for _, points, *_ in lines for point in points] or [1]
    least = min(0.9, min(densities))
    most = 1.1 * max([1.0] + [point[3] for _, points, *_ in lines for point in points])
    picture = Picture(lambda density: 1 - math.log(density) / math.log(least), (0, most), right=340)
    picture.axes(sorted(set(densities)), "density of the prunable weights", "speed against the faster dense FP32 PyTorch")
    end = picture.WIDTH - picture.right
    picture.line(picture.LEFT, picture.y(1), end, picture.y(1), "black", 'stroke-dasharray="5 4"')
    for number, (name, points, break_even, colour, dashes) in enumerate(lines):
        picture.polyline([point[:2] for point in points], colour, dashes)
        for density, ratio, low, high in points:
            picture.line(picture.x(density), picture.y(low), picture.x(density), picture.y(high), colour)
            picture.circle(picture.x(density), picture.y(ratio), 3, f'fill="{colour}"')
        label = name
        if break_even is not None and any(ratio < 1 for _, ratio, _, _ in points):
            picture.circle(picture.x(break_even), picture.y(1), 6,
                           f'class="break-even" fill="none" stroke="{colour}" stroke-width="2"')
            label += f": break-even {break_even:.2f}"
        height = picture.TOP + 20 * number
        picture.line(end + 12, height, end + 42, height, colour, f'stroke-width="2" stroke-dasharray="{dashes}"')
        picture.text(end + 48, height + 4, label, "start")
    return picture.document()


def accuracy_against(key, rows, columns):
    """Mean test accuracy of each variant against its mean of `key`, each seed as a small dot, deviations as bars. Variants
    without `key` are dashed lines."""
    which = columns.index(key)
    points = sorted((row["columns"][which], row["accuracy"], row["deviation"], row["variant"], row["accuracies"])
                    for row in rows if not math.isnan(row["columns"][which]))
    if not points:
        raise ValueError(f"no run has {key} in its summary.json")
    lines = [(row["accuracy"], row["variant"]) for row in rows if math.isnan(row["columns"][which])]
    reach = [value for *_, accuracies in points for value in accuracies] + [accuracy for accuracy, _ in lines]
    reach += [accuracy + sign * deviation for _, accuracy, deviation, *_ in points for sign in (-1, 1)
              if not math.isnan(deviation)]
    pad = max(0.5, 0.1 * (max(reach) - min(reach)))
    least, most = min(0, points[0][0]), max(points[-1][0], 1e-9)
    step = round_step(most - least)
    last = step * math.ceil(most / step - 1e-9)
    picture = Picture(lambda value: (value - least) / (last - least), (min(reach) - pad, max(reach) + pad))
    picture.axes([step * i for i in range(math.ceil(least / step), round(last / step) + 1)], key, "test accuracy (%)")
    for accuracy, name in lines:
        end = picture.WIDTH - picture.right
        picture.line(picture.LEFT, picture.y(accuracy), end, picture.y(accuracy), "black", 'stroke-dasharray="5 4"')
        picture.text(end, picture.y(accuracy) - 6, name, "end")
    picture.polyline([point[:2] for point in points], COLOURS[0])
    for x, accuracy, deviation, name, accuracies in points:
        if not math.isnan(deviation):
            picture.line(picture.x(x), picture.y(accuracy - deviation), picture.x(x), picture.y(accuracy + deviation),
                         COLOURS[0])
        for value in accuracies:
            picture.circle(picture.x(x), picture.y(value), 2, 'fill="#888888"')
        picture.circle(picture.x(x), picture.y(accuracy), 4, f'fill="{COLOURS[0]}"')
        picture.text(picture.x(x), picture.y(max(accuracies)) - 10, name)
    return picture.document()
