"""The processes that are compared, and their turns."""

import importlib.metadata
import importlib.util
import itertools
import json
import random
import struct
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

Network = namedtuple("Network", "model batches pixels classes")
Case = namedtuple("Case", "network model batch pixels classes")

NETWORKS = {
    "resnet18": Network("resnet18", [64, 8], 32, 10),
    "mobilenet-v2": Network("mobilenet-v2", [64], 32, 10),
    "resnet18-imagenet": Network("resnet18", [16], 224, 1000),
}

# Of a turn's steps, what the timed ones come after: one that brings the caches back, one that changes the mask, and
# one that derives from the new mask what it needs.
BEFORE_TIMED = 3


def what_is_missing(trainer, find=importlib.util.find_spec):
    """One line that says what to install or build; None when everything is there."""
    for module, package in (("torch", "python3-torch"), ("numpy", "python3-numpy")):
        if find(module) is None:
            return f"{sys.executable} has no module {module}: install Debian's package {package}"
    if not Path(trainer).is_file():
        return f"{trainer} is missing: build it with cmake --build --preset release --target compare_trainer"
    return None


def pytorch_version():
    return importlib.metadata.version("torch")


def cpu(text=None):
    """The model's name, and whether there are instructions for BF16."""
    text = Path("/proc/cpuinfo").read_text() if text is None else text
    fields = dict(line.split(":", 1) for line in reversed(text.splitlines()) if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(fields.get("flags", "").split())
    return {"model": fields.get("model name", "unknown"), "bf16": bool(flags & {"avx512_bf16", "amx_bf16"})}


class Worker:
    """A process that answers a number of steps with how long each took."""

    def __init__(self, name, precision, density, command):
        self.name = name
        self.precision = precision  # of a Trainer; None for PyTorch, which is on no curve
        self.density = density  # of a Trainer's weights
        self.turns = []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"compare_pytorch: {self.name} ended early (status {self.process.wait()})")
        return json.loads(line)

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.turns.append(self.answer())

    def peak_bytes(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def write_batch(case, folder):
    """The images (standard normal) and labels that every process trains on."""
    source = random.Random(1)
    count = case.batch * 3 * case.pixels**2
    (folder / "images").write_bytes(struct.pack(f"{count}f", *(source.gauss(0, 1) for _ in range(count))))
    (folder / "labels").write_bytes(
        struct.pack(f"{case.batch}i", *(source.randrange(case.classes) for _ in range(case.batch))))


def commands(case, options, bf16, folder):
    """Name, precision and density (None for PyTorch), and command line of every process."""
    common = ["--network", case.model, "--batch", case.batch, "--pixels", case.pixels, "--classes", case.classes,
              "--threads", options.threads, "--images", folder / "images", "--labels", folder / "labels"]
    script = Path(__file__).resolve().parent / "pytorch_worker.py"
    result = []
    for name, more in (("PyTorch FP32 contiguous", ["--format", "contiguous"]),
                       ("PyTorch FP32 channels_last", ["--format", "channels_last"]),
                       ("PyTorch BF16 channels_last", ["--format", "channels_last", "--bf16"])):
        if bf16 or "BF16" not in name:
            result.append((name, None, None, [sys.executable, script, *common, *more]))
    for precision, sparsity in itertools.product(options.precision, options.sparsity):
        result.append((f"Trainer {precision.upper()} {100 * sparsity:g} % sparse",
                       precision, 1 - sparsity,
                       [options.trainer, *common, "--sparsity", sparsity, "--kernels", options.kernels,
                        "--precision", precision,
                        "--distribution", options.distribution,
                        "--update-interval", options.steps + BEFORE_TIMED]))
    return [(name, precision, density, [str(part) for part in command])
            for name, precision, density, command in result]


def measure(case, options, bf16, folder):
    """Every process's turns, a list of {name, precision, density, peak_bytes, turns}."""
    write_batch(case, folder)
    all_workers = []
    try:
        for name, precision, density, command in commands(case, options, bf16, folder):
            print(f"{case.network}, batch {case.batch}: {name} warms up", file=sys.stderr, flush=True)
            all_workers.append(Worker(name, precision, density, command))
            all_workers[-1].answer()  # ready: one warms up at a time
        for repetition in range(options.repetitions):
            print(f"{case.network}, batch {case.batch}: turn {repetition + 1} of {options.repetitions}",
                  file=sys.stderr, flush=True)
            for worker in all_workers if repetition % 2 == 0 else reversed(all_workers):
                worker.run(options.steps + BEFORE_TIMED)
        return [{"name": worker.name, "precision": worker.precision, "density": worker.density,
                 "peak_bytes": worker.peak_bytes(), "turns": worker.turns} for worker in all_workers]
    finally:
        for worker in all_workers:
            worker.end()
