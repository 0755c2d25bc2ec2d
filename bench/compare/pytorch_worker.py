"""PyTorch's side of bench/compare_pytorch: the protocol of trainer_worker.cpp."""

import argparse
import json
import sys
import time

import numpy
import torch
from pytorch_models import MODELS


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=sorted(MODELS), required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--pixels", type=int, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--format", choices=["contiguous", "channels_last"], required=True)
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    layout = torch.channels_last if options.format == "channels_last" else torch.contiguous_format
    shape = (options.batch, 3, options.pixels, options.pixels)
    images = torch.from_numpy(numpy.fromfile(options.images, numpy.float32).reshape(shape)).to(memory_format=layout)
    labels = torch.from_numpy(numpy.fromfile(options.labels, numpy.int32).astype(numpy.int64))
    model = MODELS[options.network](options.pixels, options.classes).to(memory_format=layout).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step(phases):
        optimizer.zero_grad(set_to_none=True)
        begin = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bf16):
            loss = torch.nn.functional.cross_entropy(model(images), labels)
        middle = time.perf_counter()
        loss.backward()
        phases["FF"].append(middle - begin)
        phases["BP+WG"].append(time.perf_counter() - middle)
        optimizer.step()
        return loss.item()

    def run(steps):
        seconds = []
        phases = {"FF": [], "BP+WG": []}
        loss = 0.0
        for _ in range(steps):
            begin = time.perf_counter()
            loss = step(phases)
            seconds.append(time.perf_counter() - begin)
        return {"seconds": seconds, **phases, "mask_changed": [0] * steps, "loss": loss}

    run(2)
    print(json.dumps({"ready": True, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(int(line))), flush=True)


if __name__ == "__main__":
    main()
