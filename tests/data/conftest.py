"""Makes `tiny_packages`, the packages that the tests of assets bring, importable by them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
