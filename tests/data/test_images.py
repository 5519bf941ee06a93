"""Pictures of digits: read from anywhere, split fairly, moved without wrapping."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from practicum.data.images import images, shifted, split
from practicum.errors import DataError


def idx(array: np.ndarray) -> bytes:
    shape = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def test_the_bundled_digits_are_bright_on_dark():
    whole = images("digits")
    assert whole.pixels.shape == (1797, 64)
    assert whole.side == 8
    corners = whole.pixels[:, [0, 7, 56, 63]]
    assert whole.pixels.max() == 1.0
    assert corners.mean() < 0.1 < whole.pixels.mean()


def test_a_split_is_stratified_disjoint_and_named_by_its_seed():
    whole = images("digits")
    train, test = split(whole, seed=3)
    assert len(train) + len(test) == len(whole)
    shares = np.bincount(test.labels) / np.bincount(whole.labels)
    np.testing.assert_allclose(shares, 0.25, atol=0.01)
    again, other = split(whole, seed=3)[1], split(whole, seed=4)[1]
    assert np.array_equal(test.pixels, again.pixels)
    assert not np.array_equal(test.pixels, other.pixels)
    everything = {row.tobytes() for row in train.pixels} & {row.tobytes() for row in test.pixels}
    assert len(everything) == 0


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_files_are_read(tmp_path: Path, zipped: bool):
    pixels = np.arange(3 * 4 * 4).reshape(3, 4, 4) * 5
    for name, array in (
        ("train-images-idx3-ubyte", pixels),
        ("train-labels-idx1-ubyte", [3, 1, 4]),
    ):
        data = idx(np.asarray(array))
        place = tmp_path / (name + ".gz" * zipped)
        place.write_bytes(gzip.compress(data) if zipped else data)
    read = images(str(tmp_path))
    assert read.side == 4
    assert read.labels.tolist() == [3, 1, 4]
    np.testing.assert_allclose(read.pixels, pixels.reshape(3, -1) / 255.0, rtol=1e-6)
    (tmp_path / f"train-images-idx3-ubyte{'.gz' * zipped}").write_bytes(data[:-1])
    with pytest.raises(DataError, match=r"cut short|cannot be read"):
        images(str(tmp_path))


def test_an_npz_file_is_read(tmp_path: Path):
    x, y = np.full((2, 2, 2), 255), np.array([7, 8])
    np.savez(tmp_path / "m.npz", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1])
    read = images(str(tmp_path / "m.npz"))
    assert read.labels.tolist() == [7, 8, 7]
    np.savez(tmp_path / "bad.npz", x=x)
    with pytest.raises(DataError, match="expected arrays x_train"):
        images(str(tmp_path / "bad.npz"))


def test_what_is_no_picture_is_said_in_one_line(tmp_path: Path):
    with pytest.raises(DataError, match="expected digits, mnist"):
        images(str(tmp_path / "nothing"))


def test_shifted_pictures_lose_what_leaves_and_gain_darkness():
    picture = np.arange(1, 10, dtype=np.float32).reshape(1, 9)
    assert shifted(picture, 1, 0).reshape(3, 3).tolist() == [[0, 1, 2], [0, 4, 5], [0, 7, 8]]
    assert shifted(picture, 0, -1).reshape(3, 3).tolist() == [[4, 5, 6], [7, 8, 9], [0, 0, 0]]
    assert shifted(picture, 0, 0).tolist() == picture.tolist()
