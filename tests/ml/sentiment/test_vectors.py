import torch

from ml.sentiment import vectors
from ml.sentiment.words import FIRST_WORD, Vocabulary


def test_neighbours_are_the_words_with_the_nearest_vectors() -> None:
    vocabulary = Vocabulary(["parcel", "happy", "unseen", "package", "glad"], 3)
    matrix = torch.zeros(len(vocabulary), vectors.WIDTH + 1, dtype=torch.int8)
    for number, (x, y) in enumerate([(9, 1), (1, 9), (0, 0), (8, 2), (2, 8)], FIRST_WORD):
        matrix[number, 0], matrix[number, 1] = x, y
    near = vectors.neighbours(vocabulary, matrix, torch.ones(len(vocabulary)), most=1)
    assert near == {"parcel": ["package"], "happy": ["glad"]}
