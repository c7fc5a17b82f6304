"""Networks, one family a file, as plain modules; units taken out of them, and Gaussians for their weights."""

from startright.models.allcnn import AllCNN, DigitsCNN
from startright.models.build import build
from startright.models.char_lstm import CharLSTM
from startright.models.googlenet import GoogLeNet
from startright.models.lenet import LeNet
from startright.models.mlp import MLP
from startright.models.mobilenet import MobileNetV2
from startright.models.resnet import CIFARResNet, ResNet, ResNet18
from startright.models.senet import SENet18
from startright.models.vgg import VGG11, VGG19

__all__ = [
    "MLP",
    "VGG11",
    "VGG19",
    "AllCNN",
    "CIFARResNet",
    "CharLSTM",
    "DigitsCNN",
    "GoogLeNet",
    "LeNet",
    "MobileNetV2",
    "ResNet",
    "ResNet18",
    "SENet18",
    "build",
]
