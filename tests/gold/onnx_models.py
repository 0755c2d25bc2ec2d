#!/usr/bin/python3
"""Makes onnx_*.onnx and onnx_*.json: small networks exported by PyTorch, an input, and PyTorch's logits in inference.

Run with Debian's python3-torch (1.13.1) in this folder; everything is seeded.
"""
import json
import warnings

import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")


class Shortcut(nn.Module):
    """Option A of He et al. 2016, as the common CIFAR ResNets write it."""

    def __init__(self, planes):
        super().__init__()
        self.planes = planes

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.planes // 4, self.planes // 4), "constant", 0)


class Block(nn.Module):
    def __init__(self, in_planes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential() if stride == 1 else Shortcut(planes)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class OptionA(nn.Module):
    """A CIFAR ResNet of two blocks; features flattened by view, from the batch size at run time."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(Block(4, 4, 1), Block(4, 8, 2))
        self.linear = nn.Linear(8, 5)

    def forward(self, x):
        y = self.layer1(F.relu(self.bn1(self.conv1(x))))
        y = F.avg_pool2d(y, int(y.size(3)))
        return self.linear(y.view(y.size(0), -1))


class Plain(nn.Module):
    """VGG-like: biases, groups, pooling of every kind, dropout, a mean over rows and columns, two linear layers."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, (3, 3), 1, 1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(6, 8, 3, 1, 2, dilation=2, groups=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(8 * 4 * 4, 12), nn.ReLU(), nn.Dropout(), nn.Linear(12, 5, bias=False)
        )
        self.side = nn.Linear(8, 5)

    def forward(self, x):
        y = self.features(x)
        return self.classifier(y) + self.side(y.mean((2, 3)))


def make(name, network, training):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    network.eval()
    images = torch.randn(3, 3, 16, 16)
    mode = torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(
        network, images, f"onnx_{name}.onnx", opset_version=13, training=mode, do_constant_folding=not training,
        input_names=["image"], output_names=["logits"],
        dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
    )
    # Exporting in training form runs the network once in training: the file holds the statistics after that.
    network.eval()
    logits = network(images).detach()
    parameters = [key for key, _ in network.named_parameters()]
    document = {"parameters": parameters, "images": list(images.shape), "values": images.flatten().tolist(),
                "logits": logits.tolist()}
    with open(f"onnx_{name}.json", "w") as file:
        json.dump(document, file)


torch.manual_seed(20)
make("option_a_training", OptionA(), True)
make("option_a_inference", OptionA(), False)
make("plain_inference", Plain(), False)
