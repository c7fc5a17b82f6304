"""Numbers of the papers, to stand beside ours.

Source:
    Z. Liu et al., *Dropout reduces underfitting* (2023): top-1 accuracy on ImageNet in percent, 300 epochs,
    rate 0.1 falling linearly to 0 at epoch 50; late stochastic depth of rate 0.4 from epoch 50 on. Networks
    that the paper leaves out of a row are None. G. Huang et al., *Deep networks with stochastic depth*
    (2016): test errors, and the expected depth of ResNet-110.
"""

#: Early dropout, of networks that under-fit: network → by kind of noise.
EARLY = {
    "ViT-T": {
        "none": 73.9,
        "standard dropout": 67.9,
        "standard s.d.": 72.6,
        "early dropout": 74.3,
        "early s.d.": 74.4,
    },
    "Mixer-S": {
        "none": 71.0,
        "standard dropout": 67.1,
        "standard s.d.": 70.5,
        "early dropout": 71.3,
        "early s.d.": 71.7,
    },
    "Swin-F": {
        "none": 74.3,
        "standard dropout": 71.6,
        "standard s.d.": 73.7,
        "early dropout": 74.7,
        "early s.d.": 75.2,
    },
    "ConvNeXt-F": {
        "none": 76.1,
        "standard dropout": None,
        "standard s.d.": 75.5,
        "early dropout": None,
        "early s.d.": 76.3,
    },
}
#: The recipe of 600 epochs: without, with early stochastic depth.
LONG = {"ViT-T": (76.3, 76.7), "Swin-F": (76.1, 76.6), "ConvNeXt-F": (77.5, 77.7)}
#: Late stochastic depth, of networks that over-fit: before and after. Which noise "before" has is not known
#: to us.
LATE = {"ViT-B": (81.6, 82.3), "Mixer-B": (78.0, 78.6)}
#: ResNet-110 under the linear rule, its last block kept with probability 1/2.
RESNET_110 = {"blocks": 54, "last": 0.5, "expected": 40.25}
#: Test errors in percent of stochastic depth.
ERRORS = {"CIFAR-10, 1202 layers": 4.91, "CIFAR-100": 24.58, "SVHN": 1.75}
