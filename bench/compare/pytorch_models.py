"""The named networks of src/network/named as PyTorch modules: the same layers and shapes, nothing else."""

import torch
from torch import nn


def conv_bn(channels_in, channels_out, kernel, stride=1, groups=1):
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels_out))


class Relu6(nn.Module):
    """nn.ReLU6, whose backward pass PyTorch 1.13 does not have for BF16."""

    def forward(self, x):
        return nn.functional.relu6(x, inplace=True) if x.dtype == torch.float32 else torch.clamp(x, 0, 6)


class BasicBlock(nn.Module):
    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.first = conv_bn(channels_in, channels_out, 3, stride)
        self.second = conv_bn(channels_out, channels_out, 3)
        self.relu = nn.ReLU(inplace=True)
        same = stride == 1 and channels_in == channels_out
        self.shortcut = nn.Identity() if same else conv_bn(channels_in, channels_out, 1, stride)

    def forward(self, x):
        return self.relu(self.second(self.relu(self.first(x))) + self.shortcut(x))


def resnet18(pixels, classes):
    small = pixels <= 64
    layers = [conv_bn(3, 64, 3 if small else 7, 1 if small else 2), nn.ReLU(inplace=True)]
    if not small:
        layers.append(nn.MaxPool2d(3, 2, 1))
    channels = 64
    for stage, width in enumerate((64, 128, 256, 512)):
        for block in range(2):
            layers.append(BasicBlock(channels, width, 2 if stage > 0 and block == 0 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


class InvertedResidual(nn.Module):
    def __init__(self, channels_in, channels_out, expansion, stride):
        super().__init__()
        hidden = channels_in * expansion
        layers = []
        if expansion != 1:
            layers += [conv_bn(channels_in, hidden, 1), Relu6()]
        layers += [conv_bn(hidden, hidden, 3, stride, hidden), Relu6(), conv_bn(hidden, channels_out, 1)]
        self.branch = nn.Sequential(*layers)
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x):
        return x + self.branch(x) if self.shortcut else self.branch(x)


def mobilenet_v2(pixels, classes):
    small = pixels <= 64
    layers = [conv_bn(3, 32, 3, 1 if small else 2), Relu6()]
    channels = 32
    # expansion, channels, blocks, stride, stride for small images
    for t, c, n, s, small_s in ((1, 16, 1, 1, 1), (6, 24, 2, 2, 1), (6, 32, 3, 2, 2), (6, 64, 4, 2, 2),
                                (6, 96, 3, 1, 1), (6, 160, 3, 2, 2), (6, 320, 1, 1, 1)):
        for block in range(n):
            layers.append(InvertedResidual(channels, c, t, (small_s if small else s) if block == 0 else 1))
            channels = c
    layers += [conv_bn(320, 1280, 1), Relu6()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes))


MODELS = {"resnet18": resnet18, "mobilenet-v2": mobilenet_v2}
