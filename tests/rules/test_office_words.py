"""What the office's pages know by heart is what the procedures say."""

import re

from chalicelib.domain.procedures import PROCEDURES
from infra.local.tools import ROOT

WORDS = (ROOT / "frontend" / "src" / "office" / "words.ts").read_text("utf-8")


def listed(name: str) -> list[str]:
    found = re.search(rf"export const {name} = \[(.*?)\]", WORDS)
    assert found, name
    return re.findall(r"'(\w+)'", found[1])


def test_the_pages_offer_the_kinds_of_orders_and_no_paper() -> None:
    assert sorted(listed("KINDS")) == sorted(PROCEDURES)


def test_the_pages_offer_the_stages_of_orders_and_no_papers_stage() -> None:
    stages = {stage for procedure in PROCEDURES.values() for stage in procedure.stages}
    assert set(listed("STAGES")) == stages
