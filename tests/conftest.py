"""What holds for every test: shapes and types checked on every call, one thread, a home of its own.

Everything here happens before the first `practicum` import, so the order of the lines matters.
"""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from jaxtyping import install_import_hook

# Numbers must not depend on how many cores a machine has, and two workers must not fight for them.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["HF_HUB_OFFLINE"] = "1"  # no test depends on a hub; some ask what happens without one
os.environ["TOKENIZERS_PARALLELISM"] = "false"

settings.register_profile("untimed", deadline=None)  # no test is about time: machines are busy
settings.load_profile("untimed")

install_import_hook("practicum", "runtime_types.checked")


def _assets_of_this_machine() -> Path:
    """Where assets that the user has already brought lie; workers are told by the first process."""
    known = os.environ.get("PRACTICUM_TEST_ASSETS")
    if known is None:
        from practicum.home import home

        known = os.environ["PRACTICUM_TEST_ASSETS"] = str(home("assets"))
    return Path(known)


def _home_for_tests() -> Path:
    """An empty home in which every asset of this machine appears as a link of its own.

    A test that removes an asset thereby removes a link, never the 90 MB behind it. Compiled kernels
    are those of this machine's home: what they are made of is part of their names.
    """
    assets = _assets_of_this_machine()
    folder = Path(tempfile.mkdtemp(prefix="practicum-tests-"))
    (assets.parent / "native").mkdir(exist_ok=True)
    (folder / "native").symlink_to(assets.parent / "native")
    (folder / "assets").mkdir()
    for asset in assets.glob("[!.]*"):  # locks and half-made folders begin with a dot
        (folder / "assets" / asset.name).symlink_to(asset)
    return folder


HOME = _home_for_tests()
os.environ["PRACTICUM_HOME"] = str(HOME)


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)
