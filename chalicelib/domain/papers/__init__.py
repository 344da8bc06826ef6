"""Every kind of paper, one module a kind. A new kind is a new module here, its limits and words.

Each module defines PROCEDURE. They are found by looking, so no list has to be kept.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from chalicelib.domain.procedure import Procedure


def _found() -> dict[str, Procedure]:
    modules = (
        importlib.import_module(f"{__name__}.{entry.name}")
        for entry in pkgutil.iter_modules(__path__)
    )
    return {module.PROCEDURE.kind: module.PROCEDURE for module in modules}


PAPERS: Final[Mapping[str, Procedure]] = MappingProxyType(_found())
