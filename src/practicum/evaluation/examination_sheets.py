"""What an examination shows: images of noise with their answers, and the worst mistakes."""

from matplotlib.figure import Figure

from practicum.data.images import Images
from practicum.data.noise_images import noise_images
from practicum.evaluation.examination import Classifier, worst
from practicum.lab.sheets import sheet


def noise_sheet(classifier: Classifier, side: int, *, seed: int, count: int = 16) -> Figure:
    """Images of nothing, and what the classifier sees in each: its answer and the score."""
    noise = noise_images(count, side * side, seed=seed)
    scores = classifier(noise)
    captions = [f"{row.argmax()}: {row.max():.2f}" for row in scores]
    return sheet(noise.reshape(-1, side, side), captions, title="Answers to noise")


def worst_sheet(classifier: Classifier, test: Images, *, count: int = 16) -> Figure:
    """The images that cost most: what each is, what it was taken for, and the score of that."""
    found = worst(classifier(test.pixels), test.labels, count)
    pictures = test.pixels[[each.index for each in found]]
    captions = [f"{each.label} as {each.answer}: {each.score:.2f}" for each in found]
    return sheet(pictures.reshape(-1, test.side, test.side), captions, title="The worst")
