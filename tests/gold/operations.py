"""Writes operations.json: what PyTorch 1.13 gives for batch normalisation, pooling and cross-entropy.

Run: /usr/bin/python3 tests/gold/operations.py (needs python3-torch). Values are in PyTorch's order N, C, H, W.
"""

import json
import pathlib

import torch
import torch.nn.functional as functional

torch.set_num_threads(1)
torch.manual_seed(2022)


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def batchnorm(shape, mean, deviation, constant=False, half=False):
    """In FP64 on values of FP32 (`half`: of FP16): PyTorch's own FP32 sums are no measure far from zero."""
    channels = shape[1]
    z = torch.randn(shape) * deviation + mean
    if constant:
        z[:, 0] = mean
    z = (z.half() if half else z).double().requires_grad_()
    gamma = (1 + 0.3 * torch.randn(channels)).double().requires_grad_()
    beta = torch.randn(channels).double().requires_grad_()
    dy = torch.randn(shape)
    dy = (dy.half() if half else dy).double()
    y = functional.batch_norm(z, None, None, gamma, beta, training=True, eps=1e-5)
    y.backward(dy)
    values = {"Z": z, "gamma": gamma, "beta": beta, "dY": dy, "Y": y, "dZ": z.grad, "dgamma": gamma.grad,
              "dbeta": beta.grad, "mean": z.mean((0, 2, 3)), "variance": z.var((0, 2, 3), unbiased=False)}
    deviations = 0.0 if constant else abs(mean) / deviation
    return {"shape": list(shape), "deviations": deviations,
            **{name: numbers(value) for name, value in values.items()}}


def pooling(kind, shape, window, stride, padding):
    x = torch.randint(-4, 5, shape).float() if kind == "maximum" else torch.randn(shape)  # maxima with ties
    x.requires_grad_()
    pool = functional.max_pool2d if kind == "maximum" else functional.avg_pool2d
    y = pool(x, window, stride, padding)
    dy = torch.randn(y.shape)
    y.backward(dy)
    values = {"X": x, "Y": y, "dY": dy, "dX": x.grad}
    return {"kind": kind, "shape": list(shape), "window": list(window), "stride": stride, "padding": padding,
            **{name: numbers(value) for name, value in values.items()}}


def cross_entropy(images, classes, smoothing):
    logits = (3 * torch.randn(images, classes)).requires_grad_()
    labels = torch.randint(classes, (images,))
    loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    loss.backward()
    return {"shape": [images, classes, 1, 1], "smoothing": smoothing, "labels": labels.tolist(),
            "logits": numbers(logits), "loss": float(f"{loss.item():.9g}"), "dlogits": numbers(logits.grad),
            "correct": int((logits.argmax(1) == labels).sum())}


cases = {
    "batchnorm": [batchnorm((3, 2, 4, 5), 0.5, 2.0), batchnorm((17, 3, 1, 1), -1.0, 0.1),
                  batchnorm((8, 2, 3, 3), 10.0, 1.0), batchnorm((1, 3, 6, 7), 0.5, 1.0),
                  batchnorm((4, 2, 3, 5), 0.01, 1e-4), batchnorm((6, 2, 5, 3), -3.0, 1.0, constant=True),
                  batchnorm((9, 2, 4, 4), 50.0, 0.5), batchnorm((9, 2, 4, 4), 500.0, 0.5),
                  batchnorm((16, 2, 3, 3), 0.5, 2.0, half=True), batchnorm((5, 2, 4, 4), -25.0, 0.5, half=True)],
    "pooling": [pooling("maximum", (3, 2, 9, 8), (3, 3), 2, 1), pooling("maximum", (5, 2, 4, 6), (2, 2), 2, 0),
                pooling("average", (3, 2, 9, 8), (3, 3), 2, 1), pooling("average", (5, 4, 4, 3), (4, 3), 1, 0)],
    "cross_entropy": [cross_entropy(5, 10, 0.0), cross_entropy(8, 13, 0.1)],
}
target = pathlib.Path(__file__).with_suffix(".json")
target.write_text(json.dumps(cases, indent=1).replace(",\n    ", ", ") + "\n")
