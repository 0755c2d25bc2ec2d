"""Statistics of bench/compare_accuracy; with a program as argument also whole runs of it."""

import math
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from compare import accuracy, plot

BENCH = Path(__file__).resolve().parents[2] / "bench" / "compare_accuracy"
PROGRAM = None


def rows():
    """Two variants, three seeds: 90, 91, 92 and, half a point better, then 1 and 2.5 worse."""
    summaries = {("a", 1): {"test_accuracy": 0.90, "speculation": {"share": 0.1}},
                 ("a", 2): {"test_accuracy": 0.91, "speculation": {"share": 0.3}},
                 ("a", 3): {"test_accuracy": 0.92, "speculation": {"share": 0.2}}}
    for seed, value in ((1, 0.905), (2, 0.90), (3, 0.895)):
        summaries["b", seed] = {"test_accuracy": value, "speculation": {"share": 0.5}}
    return accuracy.summarise(["a", "b"], [1, 2, 3], summaries, ["speculation.share", "no.such"])


class Statistics(unittest.TestCase):
    def test_differences_pair_the_seeds(self):
        a, b = rows()
        self.assertAlmostEqual(a["accuracy"], 91)
        self.assertAlmostEqual(a["deviation"], 1)
        self.assertEqual((a["difference"], a["difference_error"]), (0, 0))
        self.assertAlmostEqual(b["difference"], -1)
        # 0.5, -1, -2.5: standard deviation 1.5, of the mean of three 1.5 / sqrt(3).
        self.assertAlmostEqual(b["difference_error"], 1.5 / math.sqrt(3))

    def test_columns_are_means_and_what_is_missing_shows(self):
        a, _ = rows()
        self.assertAlmostEqual(a["columns"][0], 0.2)
        self.assertTrue(math.isnan(a["columns"][1]))
        table = accuracy.table(rows(), ["speculation.share", "no.such"])
        self.assertEqual(len(table.splitlines()), 3)
        self.assertIn("-1.00", table)
        self.assertTrue(table.splitlines()[1].endswith("-"))

    def test_one_seed_has_no_deviation(self):
        row = accuracy.summarise(["a"], [7], {("a", 7): {"test_accuracy": 0.5}}, [])[0]
        self.assertTrue(math.isnan(row["deviation"]))
        self.assertEqual(accuracy.csv_text([row], []).splitlines()[1], "a,50.0,,0.0,")

    def test_picture_has_a_dot_for_each_run_and_each_mean(self):
        tree = ElementTree.fromstring(plot.accuracy_against("speculation.share", rows(), ["speculation.share", "no.such"]))
        self.assertEqual(len(list(tree.iter("{http://www.w3.org/2000/svg}circle"))), 2 * 3 + 2)
        without = accuracy.summarise(["c"], [1], {("c", 1): {"test_accuracy": 0.7}}, ["speculation.share", "no.such"])
        text = plot.accuracy_against("speculation.share", rows() + without, ["speculation.share", "no.such"])
        dashed = [line for line in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}line")
                  if line.get("stroke-dasharray")]
        self.assertEqual(len(dashed), 1)
        self.assertIn(">c<", text)
        with self.assertRaises(ValueError):
            plot.accuracy_against("no.such", rows(), ["speculation.share", "no.such"])


class Runs(unittest.TestCase):
    def setUp(self):
        if PROGRAM is None:
            self.skipTest("no program given")
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def compare(self, *arguments):
        return subprocess.run([sys.executable, BENCH, "--trainer", PROGRAM, "--out", self.folder.name, "--seeds", "1,2",
                               "--variant", "sgd=", *arguments, "--", "--model", "resnet20", "--width", "0.0625",
                               "--image-size", "8", "--max-steps", "2", "--threads", "1", "--kernel-choice", "rule"],
                              capture_output=True, text=True)

    def test_runs_are_made_once_and_compared(self):
        first = self.compare("--variant", "fp16=--precision fp16", "--plot", "train_loss")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual([line.split()[0] for line in first.stdout.splitlines()], ["variant", "sgd", "fp16", "written:"])
        made = Path(self.folder.name, "fp16-2", "summary.json").stat().st_mtime_ns
        self.assertIn("<svg", Path(self.folder.name, "accuracy.svg").read_text())
        again = self.compare("--variant", "fp16=--precision fp16", "--plot", "train_loss")
        self.assertEqual(again.stdout, first.stdout)
        self.assertEqual(Path(self.folder.name, "fp16-2", "summary.json").stat().st_mtime_ns, made)
        other = self.compare("--variant", "fp16=--precision fp8")
        self.assertEqual(other.returncode, 1)
        self.assertIn("other options", other.stderr)

    def test_names_may_be_numbers(self):
        result = self.compare("--variant", "0.1=--lr 0.1", "--variant", "0.01=--lr 0.01")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("--lr 0.01", Path(self.folder.name, "0.01-1.options").read_text())

    def test_a_run_that_fails_says_why(self):
        result = self.compare("--variant", "wrong=--lr none")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--lr", result.stderr.splitlines()[-1])
        self.assertFalse(Path(self.folder.name, "accuracy.csv").exists())


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        PROGRAM = sys.argv.pop(1)
    unittest.main()
