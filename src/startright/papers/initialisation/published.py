"""Values to stand beside ours.

Source:
    T. Lopès-Quintas, *Recent advances in machine learning* (lecture, 2025) derives what a layer does to a
    variance, and prints no table of networks. The other values were computed beforehand by another
    program, one network each (width 500, 30 layers, 256 inputs), and at infinite width.
"""

#: What the lecture derives: (activation, law, slope) → factor per layer, of the signal and of the gradient.
FACTORS = {
    "signal": {
        ("tanh", "naive", 0.0): 1 / 3,
        ("tanh", "glorot", 0.0): 1.0,
        ("relu", "naive", 0.0): 1 / 6,
        ("relu", "glorot", 0.0): 1 / 2,
        ("relu", "he", 0.0): 1.0,
        ("leaky", "he", 0.1): 1.0,
    },
    "gradient": {
        ("sigmoid", "glorot", 0.0): 1 / 16,  # at most
        ("tanh", "glorot", 0.0): 1.0,
        ("relu", "he", 0.0): 1.0,
    },
}

#: (activation, law, slope) → (Var z at layers 1, 5, 10, 30, ratio of gradients first over last).
EXPECTED = {
    ("tanh", "naive", 0.0): (0.33, 2.2e-3, 8.7e-6, 2.4e-15, 8e-15),
    ("tanh", "glorot", 0.0): (1.00, 0.127, 0.057, 0.017, 0.025),
    ("tanh", "he", 0.0): (1.99, 0.66, 0.616, 0.621, 8.5),
    ("sigmoid", "glorot", 0.0): (1.00, 0.25, 0.26, 0.25, 3e-37),
    ("relu", "naive", 0.0): (0.33, 3e-4, 4e-8, 1e-23, 3e-23),
    ("relu", "glorot", 0.0): (1.00, 0.07, 2e-3, 2e-9, 2e-9),
    ("relu", "he", 0.0): (1.99, 2.3, 2.3, 2.1, 1.1),
    ("leaky", "he", 0.1): (1.97, 2.2, 2.2, 2.3, 1.1),
}
#: Of a sigmoid network with Glorot's weights: the fixed point of the variance, the factor of a layer.
SIGMOID = (0.2647, 0.0557)
#: Of a tanh network with Glorot's weights: the variance after ten maps from 1.
TANH_AFTER_TEN = 0.0522
