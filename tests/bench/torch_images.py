"""The image models that comparisons use, in PyTorch: what `anneal bench` builds under the same names. For
tests/bench and tests/gpu."""
import torch
import torch.nn as nn
import torch.nn.functional as F

MODELS = ("mlp", "lenet5", "cnn2", "resnet20", "resnet18", "resnet18-small", "resnet50")


class Identity(nn.Module):
    """Shortcut of option A: every stride-th pixel, channels padded with zeros."""

    def __init__(s, more):
        super().__init__()
        s.more = more

    def forward(s, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, s.more // 2, s.more - s.more // 2))


def conv_bn(i, o, k, st=1):
    return nn.Conv2d(i, o, k, st, k // 2, bias=False), nn.BatchNorm2d(o)


class Block(nn.Module):
    """A basic block, or with `wide` a bottleneck that gives 4 times its filters (the stride in its 3x3, as
    torchvision has it)."""

    def __init__(s, i, o, st, wide=False, projection=True):
        super().__init__()
        relu, out = nn.ReLU(inplace=True), 4 * o if wide else o
        if wide:
            s.path = nn.Sequential(*conv_bn(i, o, 1), relu, *conv_bn(o, o, 3, st), relu, *conv_bn(o, out, 1))
        else:
            s.path = nn.Sequential(*conv_bn(i, o, 3, st), relu, *conv_bn(o, o, 3))
        same = st == 1 and i == out
        change = nn.Sequential(*conv_bn(i, out, 1, st)) if projection else Identity(out - i)
        s.shortcut = nn.Identity() if same else change

    def forward(s, x):
        return F.relu(s.path(x) + s.shortcut(x), inplace=True)


class ResNet(nn.Module):
    """stem: kernel and stride; where the stride is 2 a pooling follows."""

    def __init__(s, blocks, filters, classes, stem, wide=False, projection=True):
        super().__init__()
        pool = nn.MaxPool2d(3, 2, 1) if stem[1] == 2 else nn.Identity()
        s.stem = nn.Sequential(*conv_bn(3, filters, *stem), nn.ReLU(inplace=True), pool)
        each, i = [], filters
        for stage, n in enumerate(blocks):
            o = filters << stage
            for k in range(n):
                each.append(Block(i, o, 2 if stage and not k else 1, wide, projection))
                i = 4 * o if wide else o
        s.blocks, s.fc = nn.Sequential(*each), nn.Linear(i, classes)

    def forward(s, x):
        return s.fc(s.blocks(s.stem(x)).mean((2, 3)))


def model(name, fused):
    """(model, shape of an image, classes, optimizer of parameters). fused: of torch 2.4 and later."""
    fused = {"fused": True} if fused else {}
    sgd = lambda wd: lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=wd, **fused)
    adam = lambda p: torch.optim.Adam(p, lr=1e-3, **fused)
    gray, relu = (1, 28, 28), nn.ReLU
    if name == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), relu(), nn.Linear(512, 256), relu(),
                             nn.Linear(256, 10)), gray, 10, sgd(0)
    if name == "lenet5":
        return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), relu(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5),
                             relu(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), relu(),
                             nn.Linear(120, 84), relu(), nn.Linear(84, 10)), gray, 10, adam
    if name == "cnn2":
        return nn.Sequential(nn.Conv2d(1, 32, 3), relu(), nn.Conv2d(32, 64, 3), relu(), nn.MaxPool2d(2),
                             nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), relu(), nn.Dropout(0.5),
                             nn.Linear(128, 10)), gray, 10, adam
    if name == "resnet20":
        return ResNet((3, 3, 3), 16, 10, (3, 1), projection=False), (3, 32, 32), 10, sgd(1e-4)
    if name == "resnet18":
        return ResNet((2, 2, 2, 2), 64, 1000, (7, 2)), (3, 224, 224), 1000, sgd(1e-4)
    if name == "resnet18-small":
        return ResNet((2, 2, 2, 2), 64, 10, (3, 1)), (3, 32, 32), 10, sgd(1e-4)
    if name == "resnet50":
        return ResNet((3, 4, 6, 3), 64, 1000, (7, 2), wide=True), (3, 224, 224), 1000, sgd(1e-4)
    raise ValueError(f"there is no model {name}")
