import numpy as np
import pytest

from models.real.boxes import Found, agreement, chosen, overlaps


def found(*boxes: tuple[float, ...]) -> Found:
    corners = np.array([box[:4] for box in boxes], float).reshape(-1, 4)
    return Found(corners, np.ones(len(boxes)), np.array([int(box[4]) for box in boxes]))


def test_overlaps():
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]], float)
    assert overlaps(np.array([0, 0, 2, 2.0]), others).tolist() == [1, pytest.approx(1 / 3), 0]


def test_the_best_of_overlapping_boxes_is_chosen():
    centres = np.array([[10, 10, 4, 4], [10.5, 10, 4, 4], [30, 30, 4, 2], [50, 50, 4, 4]], float)
    scores = np.array([[0.6, 0], [0, 0.9], [0.5, 0.1], [0.2, 0.1]])
    kept = chosen(centres, scores, threshold=0.25)
    assert kept.scores.tolist() == [0.9, 0.5]
    assert kept.classes.tolist() == [1, 0]
    assert kept.corners[1].tolist() == [28, 29, 32, 31]


def test_agreement_is_by_class_and_by_number():
    plain = [found((0, 0, 2, 2, 0), (4, 4, 6, 6, 1)), found()]
    spiking = [found((0, 0, 2, 2, 0), (4, 4, 6, 6, 0)), found((0, 0, 1, 1, 0))]
    assert str(agreement(plain, plain)) == (
        "as many boxes on 2 of 2 pictures (1 with any); median intersection over union 1.0000 over 2 boxes"
    )
    differing = agreement(plain, spiking)
    assert (differing.same_number, differing.boxes, differing.median_overlap) == (1, 2, 0.5)
