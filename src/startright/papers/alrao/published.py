"""Published values, to stand beside ours.

Source:
    L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning rates*, 2019. Tables as printed;
    curves, heat map and box plot read from the vector figures (± 0.01, the map ± 0.03). Losses are in nats
    unless they are called bits.
"""

#: task → (best SGD rate, SGD, Adam, Alrao), each (loss, accuracy in %) with its spread over runs.
MAIN_TABLE = {
    "CIFAR-10, MobileNetV2": (
        1e-1,
        "0.37 ± 0.01, 90.2 ± 0.3",
        "1.01 ± 0.95, 78 ± 11",
        "0.42 ± 0.02, 88.1 ± 0.6",
    ),
    "CIFAR-10, GoogLeNet": (
        1e-2,
        "0.45 ± 0.05, 89.6 ± 1.0",
        "0.47 ± 0.04, 89.8 ± 0.4",
        "0.47 ± 0.03, 88.9 ± 0.8",
    ),
    "CIFAR-10, VGG19": (
        1e-1,
        "0.42 ± 0.02, 89.5 ± 0.2",
        "0.43 ± 0.02, 88.9 ± 0.4",
        "0.45 ± 0.03, 87.5 ± 0.4",
    ),
    "ImageNet, AlexNet": (1e-2, "2.15, 53.2", "6.91, 0.10", "2.56, 43.2"),
    "ImageNet, DenseNet121": (1.0, "1.35, 69.7", "1.39, 67.9", "1.41, 67.3"),
    "ImageNet, ResNet50": (1.0, "1.49, 67.4", "1.39, 67.1", "1.42, 67.5"),
    "PTB characters, LSTM (bits)": (
        1.0,
        "1.566 ± 0.003, 66.1 ± 0.1",
        "1.587 ± 0.005, 65.6 ± 0.1",
        "1.67 ± 0.01, 64.1 ± 0.2",
    ),
    "Pendulum (return)": (1e-4, "−372 ± 24", "−414 ± 64", "−371 ± 36"),
    "LunarLander (return)": (1e-1, "188 ± 23", "155 ± 23", "186 ± 45"),
}

#: width × 3: (Adam, Alrao); the paper leaves SGD's column empty.
WIDE_TABLE = {
    "CIFAR-10, MobileNetV2": ("0.32 ± 0.02, 90.8 ± 0.4", "0.35 ± 0.01, 89.0 ± 0.6"),
    "CIFAR-10, GoogLeNet": ("0.41 ± 0.02, 88.6 ± 0.6", "0.37 ± 0.01, 89.8 ± 0.8"),
    "CIFAR-10, VGG19": ("0.37 ± 0.01, 89.5 ± 0.8", "0.381 ± 0.004, 88.4 ± 0.7"),
    "ImageNet, ResNet50": ("1.99, 60.8", "1.33, 70.9"),
}

#: GoogLeNet on CIFAR-10: training loss of the first, second, third and fifth epoch.
GOOGLENET_TRAIN = {
    "Alrao": (1.38, 0.92, 0.75, 0.59),
    "Adam": (1.44, 0.98, 0.78, 0.59),
    1e-5: (2.31, 2.30, 2.30, 2.29),
    1e-4: (2.28, 2.22, 2.16, 2.02),
    1e-3: (2.02, 1.66, 1.47, 1.19),
    1e-2: (1.47, 0.99, 0.78, 0.56),
    1e-1: (1.35, 0.85, 0.66, 0.49),
    1.0: (1.82, 1.30, 1.02, 0.73),
    10.0: (2.51, 2.45, 2.44, 2.42),
}

#: MobileNetV2 on CIFAR-10: training loss of the first, second and fifth epoch.
MOBILENET_TRAIN = {
    "Alrao": (1.58, 1.17, 0.77),
    "Adam": (1.57, 1.15, 0.72),
    1e-5: (2.31, 2.31, 2.30),
    1e-4: (2.29, 2.24, 1.98),
    1e-3: (2.03, 1.66, 1.25),
    1e-2: (1.64, 1.22, 0.77),
    1e-1: (1.63, 1.14, 0.69),
    1.0: (1.94, 1.59, 1.06),
}

#: network → the epochs, counted from 0, and the training losses read from the paper's figure.
CURVES = {
    "GoogLeNet": ((0, 1, 2, 4), GOOGLENET_TRAIN),
    "MobileNetV2": ((0, 1, 4), MOBILENET_TRAIN),
}

#: (ηmin, ηmax) → training loss of GoogLeNet on CIFAR-10 in its first epoch; equal bounds are SGD.
FIRST_EPOCH_MAP = {
    (1e-7, 1e-3): 2.27,
    (1e-7, 1e-2): 1.91,
    (1e-7, 1e-1): 1.49,
    (1e-7, 1.0): 1.35,
    (1e-7, 10.0): 1.30,
    (1e-7, 100.0): 1.33,
    (1e-5, 1e-3): 2.22,
    (1e-5, 1e-2): 1.77,
    (1e-5, 1e-1): 1.42,
    (1e-5, 1.0): 1.30,
    (1e-5, 10.0): 1.27,
    (1e-5, 100.0): 1.29,
    (1e-3, 1e-3): 1.99,
    (1e-3, 1e-2): 1.60,
    (1e-3, 1e-1): 1.31,
    (1e-3, 1.0): 1.27,
    (1e-3, 10.0): 1.27,
    (1e-3, 100.0): 1.34,
    (1e-1, 1e-1): 1.29,
    (1e-1, 1.0): 1.40,
    (1e-1, 10.0): 1.50,
    (1e-1, 100.0): 1.54,
}

#: (ηmin, ηmax, unit or weight) → test bits a character after epoch 1, 5, 10 and 20, mean of 10 runs.
GRANULARITY_BITS = {
    (1e-4, 1e2, "unit"): (2.99, 2.60, 2.47, 2.37),
    (1e-4, 1e2, "weight"): (2.81, 2.50, 2.39, 2.32),
    (1e-3, 1e4, "unit"): (3.17, 2.94, 2.84, 2.73),
    (1e-3, 1e4, "weight"): (3.91, 3.82, 3.83, 3.89),
}

#: The authors' programs run once with the set-up of the paper, (1e-4, 1e2), one rate a unit: (train, test)
#: bits after one epoch. They learn faster than the figure of the paper shows.
RELEASED_FIRST_EPOCH = {"per_gate_row": (3.09, 2.53), "per_unit": (3.16, 2.60)}

#: A level on the test text, bits a character: by the frequency of pairs of characters.
BIGRAM_BITS = 3.31

#: network → (heads, backbone, with one head, with all heads), exact; None where the paper has no number.
PARAMETERS = {
    ("googlenet", 10): (6_156_000, 6_166_250, 6_258_500),
    ("mobilenet", 10): (2_284_112, 2_296_922, 2_412_212),
    ("vgg19", 10): (20_035_392, 20_040_522, 20_086_692),
    ("senet18", 10): (11_255_224, 11_260_354, 11_306_524),
    ("char-lstm", 6): (166_600, 171_650, 196_900),
}

#: network → parameters with one head and with all, in millions, as the paper's table prints them.
PUBLISHED_MILLIONS = {
    "googlenet": (6.166, 6.258),
    "mobilenet": (2.297, 2.412),
    "vgg19": (20.041, 20.087),
    "char-lstm": (0.172, 0.197),
    "word-lstm": (2.171, 7.221),
}
