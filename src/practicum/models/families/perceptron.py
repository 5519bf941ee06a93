"""The digit networks of the first lessons: sigmoids everywhere, on the output too.

"mnist" is that of 3Blue1Brown's series (2017), "nielsen" the first of Nielsen's book (2015, chapter
1), "digits" the same for the 8 × 8 images of scikit-learn.
"""

from practicum.models.perceptron import Perceptron

SIZES = {
    "mnist": (Perceptron(widths=(784, 16, 16, 10)), 13_002),
    "digits": (Perceptron(widths=(64, 16, 16, 10)), 1_482),
    "nielsen": (Perceptron(widths=(784, 30, 10)), 23_860),
}
