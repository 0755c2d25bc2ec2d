import types
import unittest
from pathlib import Path
from xml.etree import ElementTree

from compare import plot, report, workers


def turn(seconds, changed_at=None):
    return {"seconds": seconds, "FF": [s / 4 for s in seconds], "BP+WG": [s / 2 for s in seconds],
            "mask_changed": [1 if i == changed_at else 0 for i in range(len(seconds))]}


def example(trainer_milliseconds):
    """Two formats of PyTorch at 10 and 8 ms a step, and Trainer at these for densities 1, 0.5, 0.1."""
    def series(name, density, milliseconds):
        precision = None if density is None else "fp32"
        return {"name": name, "precision": precision, "density": density, "peak_bytes": 3 * 2**20, "turns": [turn([milliseconds / 1e3] * 4)] * 3}
    rows = [series("PyTorch FP32 contiguous", None, 10), series("PyTorch FP32 channels_last", None, 8)]
    rows += [series(f"Trainer {density}", density, milliseconds)
             for density, milliseconds in zip((1, 0.5, 0.1), trainer_milliseconds)]
    case = {"network": "resnet18", "model": "resnet18", "batch": 4, "pixels": 32, "classes": 10}
    return report.summarise(case, rows, 100, [0.5, 1])


class StepSeconds(unittest.TestCase):
    def test_first_step_and_mask_update_do_not_count_as_plain(self):
        self.assertEqual(report.timed(turn([9, 5, 3, 1, 1.5, 2], changed_at=1)), [1, 1.5, 2])
        self.assertEqual(report.timed(turn([9, 1, 2, 3])), [1, 2, 3])

    def test_mask_update_is_spread_over_its_interval(self):
        # The update took (5 - 1) + (3 - 1) = 6 more than two plain steps of 1.
        turns = [turn([9, 5, 3, 1, 1, 1], changed_at=1)] * 3
        self.assertEqual(report.step_seconds(turns, 100), [1.06] * 3)
        self.assertEqual(report.step_seconds(turns, 10), [1.6] * 3)

    def test_an_update_that_seems_to_take_less_than_nothing_costs_nothing(self):
        self.assertEqual(report.step_seconds([turn([9, 0.5, 0.5, 1, 1], changed_at=1)], 10), [1])


    def test_phases_are_of_the_steps_that_count(self):
        turns = [turn([9, 5, 3, 1, 1, 1], changed_at=1)] * 3
        self.assertEqual(report.phase_milliseconds(turns), {"FF": 250, "BP+WG": 500})


class Summary(unittest.TestCase):
    def test_ratios_are_against_the_faster_format(self):
        result = example([16, 8, 2])
        self.assertEqual(result["baseline"], "PyTorch FP32 channels_last")
        rows = {row["name"]: row for row in result["rows"]}
        self.assertAlmostEqual(rows["Trainer 0.1"]["ratio_fp32"], 4)
        self.assertAlmostEqual(rows["PyTorch FP32 contiguous"]["ratio_fp32"], 0.8)
        self.assertAlmostEqual(rows["Trainer 0.1"]["images_per_second"], 2000)

    def test_ratios_pair_the_turns(self):
        # A turn that took twice as long for both leaves the ratio as it is.
        rows = [{"name": name, "precision": density and "fp32", "density": density, "peak_bytes": 0,
                 "turns": [turn([0, s, s, s]), turn([0, 2 * s, 2 * s, 2 * s])]}
                for name, density, s in (("PyTorch FP32 contiguous", None, 3), ("Trainer", 1, 2))]
        result = report.summarise({"batch": 1, "network": "n", "pixels": 8}, rows, 100, [0, 0])
        self.assertEqual((result["rows"][1]["ratio_least"], result["rows"][1]["ratio_most"]), (1.5, 1.5))

    def test_table_and_csv_hold_every_row(self):
        result = example([16, 8, 2])
        table = report.table(result)
        self.assertIn("channels_last", table)
        self.assertIn("4.00x", table)
        self.assertIn("break-even density: 0.50", table)
        lines = report.csv_text([result, result]).splitlines()
        self.assertEqual(len(lines), 1 + 2 * 5)
        self.assertEqual({len(line.split(",")) for line in lines}, {len(report.COLUMNS)})


class BreakEven(unittest.TestCase):
    def test_time_is_linear_between_points(self):
        # Times 0.5 at density 0.2 and 1.25 at 0.5: 1 at 0.2 + 0.3 * 0.5 / 0.75 = 0.4.
        self.assertAlmostEqual(report.break_even([(0.5, 0.8), (0.2, 2), (0.1, 3)]), 0.4)

    def test_ends(self):
        self.assertIsNone(report.break_even([(1, 0.4), (0.1, 0.9)]))
        self.assertIsNone(report.break_even([]))
        self.assertEqual(report.break_even([(1, 1.1), (0.1, 3)]), 1)
        self.assertIn("below every density", report.break_even_text(example([20, 15, 9])))
        self.assertIn("faster up to", report.break_even_text(example([7, 3, 1])))


class Plot(unittest.TestCase):
    def picture(self, results):
        return ElementTree.fromstring(plot.speed_up(results))

    def count(self, tree, tag):
        return len(list(tree.iter("{http://www.w3.org/2000/svg}" + tag)))

    def test_a_line_for_each_case_and_a_ring_for_each_break_even(self):
        tree = self.picture([example([16, 8, 2]), example([7, 3, 1])])
        self.assertEqual(self.count(tree, "polyline"), 2)
        self.assertEqual(self.count(tree, "circle"), 2 * 3 + 1)
        self.assertIn("break-even 0.50", "".join(tree.itertext()))

    def test_a_precision_has_a_line_of_its_own(self):
        result = example([16, 8, 2])
        for row in result["rows"][4:]:
            row["precision"] = "fp16"
        result["break_even_density"] = {"fp32": 0.5, "fp16": 0.1}
        tree = self.picture([result])
        self.assertEqual(self.count(tree, "polyline"), 2)
        self.assertIn("resnet18, batch 4, FP16", "".join(tree.itertext()))
        self.assertEqual(report.break_even_text(result),
                         "break-even density: FP32 0.50; FP16 none, faster up to the largest density measured (0.1)")

    def test_one_density_alone_is_still_a_picture(self):
        result = example([16, 8, 2])
        result["rows"] = result["rows"][:3]
        self.picture([result])
        self.picture([])


class Workers(unittest.TestCase):
    def test_names_the_missing_package(self):
        present = Path(__file__)
        self.assertIn("python3-torch", workers.what_is_missing(present, lambda name: None))
        self.assertIn("python3-numpy",
                      workers.what_is_missing(present, lambda name: None if name == "numpy" else object()))
        self.assertIn("--target compare_trainer", workers.what_is_missing("/nowhere/x", lambda name: object()))
        self.assertIsNone(workers.what_is_missing(present, lambda name: object()))

    def test_bf16_goes_by_the_flags(self):
        text = "model name\t: Some CPU\nflags\t\t: fpu avx512_bf16\n\nmodel name\t: Some CPU\nflags\t\t: fpu\n"
        self.assertEqual(workers.cpu(text), {"model": "Some CPU", "bf16": True})
        self.assertFalse(workers.cpu("model name : Other\nflags : fpu avx2\n")["bf16"])

    def test_a_process_for_each_format_and_sparsity(self):
        case = workers.Case("resnet18", "resnet18", 8, 32, 10)
        options = types.SimpleNamespace(threads=2, trainer="/bin/t", kernels="auto", steps=3, sparsity=[0, 0.9],
                                        distribution="uniform", precision=["fp32"])
        made = workers.commands(case, options, True, Path("/tmp"))
        self.assertEqual([made[i][1:3] for i in range(3)], [(None, None)] * 3)
        self.assertEqual(made[4][1], "fp32")
        self.assertAlmostEqual(made[4][2], 0.1)
        self.assertEqual(len(workers.commands(case, options, False, Path("/tmp"))), 4)
        options.precision = ["fp32", "fp16"]
        self.assertEqual([precision for _, precision, *_ in workers.commands(case, options, False, Path("/tmp"))[4:]],
                         ["fp16", "fp16"])


if __name__ == "__main__":
    unittest.main()
