#!/usr/bin/env python3
"""Writes network.gold: what PyTorch computes for two small ResNets.

Run: python3 tests/gold/network.py   (PyTorch 1.13; rewrites tests/gold/network.gold next to this file)

`resnet`  CIFAR stem, one basic block at 8 channels, one at 16 with stride 2 and a 1x1 projection, 5 classes;
          images 4x3x12x12.
`option_a` CIFAR stem, one basic block at 4, 8 and 16 channels, option-A shortcuts, 5 classes; images 4x1x10x10.

All is computed in float64 from float32 values and stored as float32, so that differences are the tested program's.

File: one line of JSON, then float32 little-endian numbers. The JSON has
  "tensors":   name -> {"shape": [...], "offset": index of the first number}
  "constants": the hyper-parameters of the optimiser runs
Names, for each NET above; VARIANT is `dense`, or `pruned`: about 80% of each convolution's and the classifier's weights
masked (the first convolution and the classifier keep half):
  NET/images, NET/labels                          one batch
  NET/parameter/NAME                              starting values (pruned: times the mask)
  NET/mask/NAME                                   1 = unpruned, of the pruned variant
  NET/VARIANT/logits, loss, dlogits               one FF in training, from the starting values
  NET/VARIANT/gradient/NAME                       pruned: times the mask
  NET/VARIANT/dense_gradient/NAME                 pruned only: before masking
  NET/VARIANT/buffer/NAME                         running statistics after that FF
  NET/VARIANT/inference                           logits in inference with those statistics
  resnet/steps/images, resnet/steps/labels        ten batches (10x4x3x12x12, 10x4)
  resnet/VARIANT/sgd/losses, resnet/VARIANT/adamw/losses   of ten steps on them, each before its update
  resnet/VARIANT/sgd/final/NAME, .../adamw/final/NAME      parameters after them
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# Chosen so that no value lies near a ReLU's kink; write_net() checks it.
SEEDS = {"resnet": 8, "option_a": 3}
CONSTANTS = {
    "steps": 10,
    "sgd": {"rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4},
    "adamw": {"rate": 0.002, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.05},
}


class Block(nn.Module):
    """Basic block; `option_a` chooses the shortcut without parameters."""

    def __init__(self, inputs, outputs, stride, option_a):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.pad = stride, (outputs - inputs) // 2
        self.changes = stride != 1 or inputs != outputs
        if self.changes and not option_a:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.option_a = option_a

    def forward(self, x):
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.changes and self.option_a:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))
        elif self.changes:
            x = self.downsample(x)
        return relu(y + x)


class ResNet(nn.Module):
    def __init__(self, image_channels, channels, option_a):
        super().__init__()
        self.conv1 = nn.Conv2d(image_channels, channels[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        previous = channels[0]
        for i, width in enumerate(channels):
            block = Block(previous, width, 1 if i == 0 else 2, option_a)
            setattr(self, f"layer{i + 1}", nn.Sequential(block))
            previous = width
        self.stages = len(channels)
        self.head = "linear" if option_a else "fc"
        setattr(self, self.head, nn.Linear(previous, 5))

    def forward(self, x):
        x = relu(self.bn1(self.conv1(x)))
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return getattr(self, self.head)(x.mean((2, 3)))


smallest_preactivation = float("inf")


def relu(x):
    """ReLU that remembers how near to its kink a value came: there, float32 could take the other branch."""
    global smallest_preactivation
    smallest_preactivation = min(smallest_preactivation, x.detach().abs().min().item())
    return F.relu(x)


def as_float32(x):
    return x.detach().to(torch.float32).to(torch.float64)


tensors = {}


def keep(name, value):
    tensors[name] = np.asarray(value.detach() if isinstance(value, torch.Tensor) else value, dtype="<f4")


def make_masks(net, generator):
    masks = {}
    for name, parameter in net.named_parameters():
        if parameter.dim() >= 2:
            density = 0.5 if name in ("conv1.weight", f"{net.head}.weight") else 0.2
            masks[name] = (torch.rand(parameter.shape, generator=generator) < density).double()
    return masks


def set_parameters(net, start, masks):
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(start[name] * masks.get(name, 1))
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()


def one_step(prefix, net, images, labels, masks):
    net.train()
    logits = net(images)
    logits.retain_grad()
    loss = F.cross_entropy(logits, labels)
    net.zero_grad()
    loss.backward()
    keep(f"{prefix}/logits", logits)
    keep(f"{prefix}/loss", loss)
    keep(f"{prefix}/dlogits", logits.grad)
    for name, parameter in net.named_parameters():
        keep(f"{prefix}/gradient/{name}", parameter.grad * masks.get(name, 1))
        if masks and name in masks:
            keep(f"{prefix}/dense_gradient/{name}", parameter.grad)
    for name, buffer in net.named_buffers():
        if "running" in name:
            keep(f"{prefix}/buffer/{name}", buffer)
    net.eval()
    keep(f"{prefix}/inference", net(images))


def optimiser_run(prefix, net, batches, masks, name):
    weights = [p for p in net.parameters() if p.dim() >= 2]
    others = [p for p in net.parameters() if p.dim() < 2]
    c = CONSTANTS[name]
    groups = [{"params": weights, "weight_decay": c["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    if name == "sgd":
        optimiser = torch.optim.SGD(groups, lr=c["rate"], momentum=c["momentum"])
    else:
        optimiser = torch.optim.AdamW(groups, lr=c["rate"], betas=(c["beta1"], c["beta2"]), eps=c["epsilon"])
    net.train()
    losses = []
    for images, labels in batches:
        loss = F.cross_entropy(net(images), labels)
        net.zero_grad()
        loss.backward()
        for parameter_name, parameter in net.named_parameters():
            parameter.grad.mul_(masks.get(parameter_name, 1))
        optimiser.step()
        losses.append(loss.item())
    keep(f"{prefix}/{name}/losses", losses)
    for parameter_name, parameter in net.named_parameters():
        keep(f"{prefix}/{name}/final/{parameter_name}", parameter)


def write_net(prefix, net, image_shape, seed, with_runs):
    global smallest_preactivation
    smallest_preactivation = float("inf")
    generator = torch.Generator().manual_seed(seed)
    net.double()
    start = {}
    for name, parameter in net.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        fan = parameter[0].numel()
        if parameter.dim() >= 2:
            value = noise * (2 / fan) ** 0.5
        elif "bn" in name or "downsample.1" in name:
            value = (1 if name.endswith("weight") else 0) + 0.3 * noise
        else:
            value = 0.2 * noise
        start[name] = as_float32(value)
        keep(f"{prefix}/parameter/{name}", start[name])
    masks = make_masks(net, generator)
    for name, mask in masks.items():
        keep(f"{prefix}/mask/{name}", mask)
    images = as_float32(torch.randn(image_shape, generator=generator))
    labels = torch.randint(0, 5, image_shape[:1], generator=generator)
    keep(f"{prefix}/images", images)
    keep(f"{prefix}/labels", labels)
    for variant, mask in (("dense", {}), ("pruned", masks)):
        set_parameters(net, start, mask)
        one_step(f"{prefix}/{variant}", net, images, labels, mask)
    print(f"{prefix}: nearest to a ReLU's kink {smallest_preactivation:.2e}")
    if smallest_preactivation < 3e-5:
        raise SystemExit(f"{prefix}: a value lies too near to a ReLU's kink for float32; take another seed")
    if not with_runs:
        return
    steps = CONSTANTS["steps"]
    all_images = as_float32(torch.randn((steps,) + image_shape, generator=generator))
    all_labels = torch.randint(0, 5, (steps, image_shape[0]), generator=generator)
    keep(f"{prefix}/steps/images", all_images)
    keep(f"{prefix}/steps/labels", all_labels)
    batches = list(zip(all_images, all_labels))
    for variant, mask in (("dense", {}), ("pruned", masks)):
        for name in ("sgd", "adamw"):
            set_parameters(net, start, mask)
            optimiser_run(f"{prefix}/{variant}", net, batches, mask, name)


def main():
    torch.set_num_threads(1)
    write_net("resnet", ResNet(3, (8, 16), option_a=False), (4, 3, 12, 12), seed=SEEDS["resnet"], with_runs=True)
    write_net("option_a", ResNet(1, (4, 8, 16), option_a=True), (4, 1, 10, 10), seed=SEEDS["option_a"], with_runs=False)
    directory, offset = {}, 0
    for name, value in tensors.items():
        directory[name] = {"shape": list(value.shape), "offset": offset}
        offset += value.size
    path = pathlib.Path(__file__).with_name("network.gold")
    with open(path, "wb") as file:
        header = json.dumps({"constants": CONSTANTS, "tensors": directory}, separators=(",", ":"))
        file.write(header.encode() + b"\n")
        for value in tensors.values():
            file.write(value.tobytes())
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
