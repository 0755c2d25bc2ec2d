"""From the summaries of runs that differ in an option and in the seed to means, deviations and differences."""

from math import nan, sqrt
from statistics import mean, stdev


def value_at(summary, path):
    """The number under a dotted path such as speculation.total.recall; NaN where the summary has none."""
    for key in path.split("."):
        if not isinstance(summary, dict) or key not in summary:
            return nan
        summary = summary[key]
    return float(summary)


def standard_error(values):
    """Of their mean; NaN of fewer than two."""
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else nan


def summarise(variants, seeds, summaries, columns):
    """One row per variant, in their order. `summaries` maps (variant, seed) to the document of a run.

    Differences of accuracy are against the first variant, seed by seed, in points."""
    def accuracies(variant):
        return [100 * value_at(summaries[variant, seed], "test_accuracy") for seed in seeds]

    base = accuracies(variants[0])
    rows = []
    for variant in variants:
        own = accuracies(variant)
        differences = [ours - theirs for ours, theirs in zip(own, base)]
        rows.append({"variant": variant, "accuracies": own, "accuracy": mean(own),
                     "deviation": stdev(own) if len(own) > 1 else nan,
                     "difference": mean(differences), "difference_error": standard_error(differences),
                     "columns": [mean(value_at(summaries[variant, seed], column) for seed in seeds)
                                 for column in columns]})
    return rows


def number(value, form):
    return "-" if value != value else format(value, form)


def table(rows, columns):
    """Plain text; accuracies and differences in points, the latter with the standard error of their mean."""
    width = max(len("variant"), *(len(row["variant"]) for row in rows))
    each = max(len("each seed"), *(7 * len(row["accuracies"]) - 1 for row in rows))
    lines = [f"{'variant':{width}}  {'accuracy':>8}  {'+-':>5}  {'difference':>10}  {'+-':>5}  {'each seed':>{each}}" +
             "".join(f"  {column.rsplit('.', 1)[-1]}" for column in columns)]
    for row in rows:
        lines.append(f"{row['variant']:{width}}  {row['accuracy']:8.2f}  {number(row['deviation'], '5.2f'):>5}  "
                     f"{row['difference']:+10.2f}  {number(row['difference_error'], '5.2f'):>5}  " +
                     f"{' '.join(f'{value:6.2f}' for value in row['accuracies']):>{each}}" +
                     "".join(f"  {number(value, '.4g'):>{len(column.rsplit('.', 1)[-1])}}"
                             for value, column in zip(row["columns"], columns)))
    return "\n".join(lines)


def csv_text(rows, columns):
    lines = [",".join(["variant", "accuracy_percent", "deviation", "difference_points", "difference_error", *columns])]
    for row in rows:
        values = [row["variant"], row["accuracy"], row["deviation"], row["difference"], row["difference_error"],
                  *row["columns"]]
        lines.append(",".join("" if value != value else str(value) for value in values))
    return "\n".join(lines) + "\n"
