"""From the seconds of steps to images per second, ratios, the break-even density, a table and a CSV file."""

from statistics import median

COLUMNS = ["network", "batch", "pixels", "name", "precision", "density", "milliseconds", "FF", "BP+WG", "images_per_second",
           "images_per_second_least", "images_per_second_most", "ratio_fp32", "ratio_least", "ratio_most",
           "peak_bytes"]


PHASES = ["FF", "BP+WG"]


def timed(turn, what="seconds"):
    """A turn's steps that count: not the first, no mask update and not the step after one."""
    changed = turn["mask_changed"]
    return [seconds for i, seconds in enumerate(turn[what])
            if i > 0 and not changed[i] and not changed[i - 1]]


def phase_milliseconds(turns):
    """The median over turns of each phase; what a step takes beyond them is loss, UP and pruning."""
    return {phase: 1e3 * median(median(timed(turn, phase)) for turn in turns) for phase in PHASES}


def update_seconds(turn):
    """What the mask update of a turn took on top of two plain steps; 0 without one."""
    plain = median(timed(turn))
    seconds = turn["seconds"]
    return sum(sum(seconds[i:i + 2]) - plain * len(seconds[i:i + 2])
               for i, changed in enumerate(turn["mask_changed"]) if changed)


def step_seconds(turns, update_interval):
    """Seconds of a step in each turn, with the mask update's cost (the median over turns) spread over its interval."""
    update = max(0.0, median(update_seconds(turn) for turn in turns))
    return [median(timed(turn)) + update / update_interval for turn in turns]


def summarise(case, series, update_interval, load):
    """One row per process. Ratios are against the faster FP32 PyTorch, turn by turn: the median, and the extremes."""
    seconds = {entry["name"]: step_seconds(entry["turns"], update_interval) for entry in series}
    dense = [name for name in seconds if name.startswith("PyTorch FP32")]
    baseline = min(dense, key=lambda name: median(seconds[name]))
    rows = []
    for entry in series:
        own = seconds[entry["name"]]
        ratios = [theirs / ours for theirs, ours in zip(seconds[baseline], own)]
        rows.append({"name": entry["name"], "precision": entry["precision"], "density": entry["density"],
                     "milliseconds": 1e3 * median(own),
                     **phase_milliseconds(entry["turns"]),
                     "images_per_second": case["batch"] / median(own),
                     "images_per_second_least": case["batch"] / max(own),
                     "images_per_second_most": case["batch"] / min(own),
                     "ratio_fp32": median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios),
                     "peak_bytes": entry["peak_bytes"], "turn_seconds": own})
    return {**case, "baseline": baseline, "load": load, "rows": rows,
            "break_even_density": {precision: break_even([(row["density"], row["ratio_fp32"]) for row in of_precision])
                                   for precision, of_precision in curves(rows).items()}}


def curves(rows):
    """Trainer's rows by precision, each by density."""
    found = {}
    for row in rows:
        if row["precision"] is not None:
            found.setdefault(row["precision"], []).append(row)
    return {precision: sorted(of_precision, key=lambda row: row["density"])
            for precision, of_precision in found.items()}


def break_even(points):
    """The largest density up to which the speed-up is at least 1, from (density, speed-up) points: time taken as linear
    in density between them. None when the sparsest point is slower than dense; the last density when none is."""
    points = sorted(points)
    if not points or points[0][1] < 1:
        return None
    for (d0, s0), (d1, s1) in zip(points, points[1:]):
        if s1 < 1:
            t0, t1 = 1 / s0, 1 / s1
            return d0 + (d1 - d0) * (1 - t0) / (t1 - t0)
    return points[-1][0]


def break_even_text(result):
    """For each precision, which is named where there are several."""
    of_precisions = curves(result["rows"])
    texts = []
    for precision, rows in of_precisions.items():
        density = result["break_even_density"][precision]
        if density is None:
            text = "below every density measured"
        elif all(row["ratio_fp32"] >= 1 for row in rows):
            text = f"none, faster up to the largest density measured ({density:g})"
        else:
            text = f"{density:.2f}"
        texts.append(f"{precision.upper()} {text}" if len(of_precisions) > 1 else text)
    return f"break-even density: {'; '.join(texts)}" if texts else "no density measured"


def table(result):
    lines = [f"{result['network']}, batch {result['batch']}, {result['pixels']}x{result['pixels']} pixels "
             f"(load {result['load'][0]:.1f} to {result['load'][1]:.1f})",
             f"  {'':28} {'ms/step':>9} {'FF':>7} {'BP+WG':>7} {'images/s':>9} {'least..most':>15}  {'ratio':>6} {'least..most':>12} "
             f"{'peak MiB':>9}"]
    for row in result["rows"]:
        images = f"{row['images_per_second_least']:.1f}..{row['images_per_second_most']:.1f}"
        ratios = f"{row['ratio_least']:.2f}..{row['ratio_most']:.2f}"
        mark = " *" if row["name"] == result["baseline"] else ""
        lines.append(f"  {row['name']:28} {row['milliseconds']:9.1f} {row['FF']:7.1f} {row['BP+WG']:7.1f} "
                     f"{row['images_per_second']:9.1f} {images:>15}  "
                     f"{row['ratio_fp32']:5.2f}x {ratios:>12} {row['peak_bytes'] / 2**20:9.0f}{mark}")
    lines.append(f"  ratio: speed against *; {break_even_text(result)}")
    return "\n".join(lines)


def csv_text(results):
    lines = [",".join(COLUMNS)]
    for result in results:
        for row in result["rows"]:
            values = {**result, **row}
            lines.append(",".join("" if values[column] is None else str(values[column]) for column in COLUMNS))
    return "\n".join(lines) + "\n"
