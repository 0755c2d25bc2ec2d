#!/usr/bin/env python3
"""Writes optimizers.json: ten steps of PyTorch's optimisers on a small parameter.

Gradients are made from the weights by a rule that tests/training/optimizer_test.cpp repeats: g[i] = 0.5 * w[i] +
input[step][i], so an error in one step is carried into the next. Tested with PyTorch 1.13: python3 optimizers.py
"""
import json
import pathlib

import torch

STEPS = 10
COUNT = 5
RATE = 0.1

CASES = [
    ("sgd", torch.optim.SGD, dict(momentum=0.0, weight_decay=0.0)),
    ("sgd", torch.optim.SGD, dict(momentum=0.0, weight_decay=0.01)),
    ("sgd", torch.optim.SGD, dict(momentum=0.9, weight_decay=5e-4)),
    ("sgd", torch.optim.SGD, dict(momentum=0.9, weight_decay=5e-4, nesterov=True)),
    ("adamw", torch.optim.AdamW, dict(betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)),
    ("adamw", torch.optim.AdamW, dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.05)),
]


def run(optimizer, options, start, inputs):
    weight = torch.nn.Parameter(start.clone())
    optimizer = optimizer([weight], lr=RATE, **options)
    table = []
    for step in range(STEPS):
        weight.grad = 0.5 * weight.detach() + inputs[step]
        optimizer.step()
        table.append(weight.detach().tolist())
    return table


def main():
    torch.manual_seed(1)
    start = torch.randn(COUNT)
    inputs = torch.randn(STEPS, COUNT)
    cases = []
    for name, optimizer, options in CASES:
        betas = options.get("betas", (0.9, 0.999))
        cases.append({
            "optimizer": name,
            "momentum": options.get("momentum", 0.9),
            "nesterov": options.get("nesterov", False),
            "beta1": betas[0],
            "beta2": betas[1],
            "epsilon": options.get("eps", 1e-8),
            "weight_decay": options["weight_decay"],
            "values": run(optimizer, options, start, inputs),
        })
    gold = {"rate": RATE, "start": start.tolist(), "inputs": inputs.tolist(), "cases": cases}
    path = pathlib.Path(__file__).with_name("optimizers.json")
    path.write_text(json.dumps(gold, indent=1) + "\n")


if __name__ == "__main__":
    main()
