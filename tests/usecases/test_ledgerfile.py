"""A ledger in a file: whatever was tampered with is found from the file alone, as it is online."""

import base64
import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.domain.order import Actor, Event, apply, canonical, link
from chalicelib.outbound.seals import DiskSeals, public_key_of, seal
from chalicelib.store import ledger, orders
from chalicelib.store.packing import pack
from chalicelib.usecases import clearing, delivering, papers, sealing, verifying
from chalicelib.usecases.handling import Command
from infra import ledgerfile, verify
from infra.ledger_export import export
from infra.ledgerfile import NotALedger
from tests.usecases.county import CITY, COUNTY, NOON, SALT, a_report, file, work

KEY = base64.b64encode(b"k" * 32).decode()
PUBLIC = public_key_of(KEY)
HOUR = timedelta(hours=1)
TODAY = date(2026, 11, 23)
LATER = NOON + 3 * HOUR


class Scene:
    """Two orders in their books, their hour sealed; what a tamperer does goes past the house."""

    def __init__(self, desk, store, port) -> None:
        self.client: Any = store.connection.client
        self.prefix = store.prefix
        self.port = port
        self.number = file(desk).head.order.order_id
        work(desk, self.number, "dispatch", "receive", "set_out")
        self.other = file(desk, a_report("complaint"), key="k2").head.order.order_id
        events = [*ledger.read(self.number), *ledger.read(self.other)]
        for event in events:
            delivering.enter_daybook(event, TODAY)
        sealing.stage(events, at=NOON)
        sealing.seal_up_to(port, private_key=KEY, at=NOON + HOUR)

    def row(self, seq, number=""):
        return {"aggregate": {"S": f"order/{number or self.number}"}, "seq": {"N": str(seq)}}

    def read(self, seq):
        found = ledger.find(self.number, seq)
        assert found is not None
        return found

    def put(self, seq, *, body, prev, digest, number=""):
        item = self.row(seq, number) | {
            "body": {"S": body}, "prev": {"S": prev}, "hash": {"S": digest},
        }  # fmt: skip
        self.client.put_item(TableName=f"{self.prefix}-ledger", Item=item)

    def drop(self, seq):
        self.client.delete_item(TableName=f"{self.prefix}-ledger", Key=self.row(seq))

    def drop_head(self):
        key = {"order_id": {"S": self.number}}
        self.client.delete_item(TableName=f"{self.prefix}-orders", Key=key)

    def set_head(self, **values: Any) -> None:
        self.client.update_item(
            TableName=f"{self.prefix}-orders",
            Key={"order_id": {"S": self.number}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

    def exported(self):
        out = io.StringIO()
        export(out, port=self.port, first=NOON - HOUR, private_key=KEY, at=LATER)
        return out.getvalue().splitlines()

    def online(self):
        found = verifying.days(
            COUNTY, TODAY, TODAY, port=self.port, public_key=PUBLIC, after=None,
            is_out_of_time=lambda: False, at=LATER,
        )  # fmt: skip
        return sorted(found.bad)


@pytest.fixture
def scene(desk, store, tmp_path):
    return Scene(desk, store, DiskSeals(tmp_path))


def offline(lines):
    report = ledgerfile.check(lines, public_key=PUBLIC)
    return sorted((chain.removeprefix("order/"), seq, why) for chain, seq, why in report.bad)


# In the store: each is found offline as it is online ----------------------------------------------


def edit_body(scene):
    was = scene.read(2)
    body = was.body.replace("dispatch", "dispatcH")
    scene.put(2, body=body, prev=was.prev, digest=was.hash)


def edit_body_and_hash(scene):
    was = scene.read(2)
    body = was.body.replace('"S1"', '"S2"')
    scene.put(2, body=body, prev=was.prev, digest=link(was.prev, body))


def edit_last_and_hash(scene):
    was = scene.read(4)
    raw = json.loads(was.body)
    body = canonical(raw | {"oa": raw["oa"] - 60_000})
    scene.put(4, body=body, prev=was.prev, digest=link(was.prev, body))


def spoil_last(scene):
    was = scene.read(4)
    scene.put(4, body="{}", prev=was.prev, digest=link(was.prev, "{}"))


def cut_middle(scene):
    scene.drop(2)


def cut_tail(scene):
    scene.drop(4)


def cut_tail_with_its_head(scene):
    scene.drop(4)
    order = orders.get(scene.number).order
    events = [Event.from_body(scene.read(seq).body, prev=scene.read(seq).prev) for seq in (1, 2, 3)]
    folded = None
    for event in events:
        folded = apply(folded, event)
    assert folded is not None
    assert folded.version == order.version - 1
    scene.set_head(head={"B": pack(canonical(folded.to_json()))}, version={"N": "3"})


def take_all_away(scene):
    for seq in (1, 2, 3, 4):
        scene.drop(seq)
    scene.drop_head()


def take_the_chain_away(scene):
    for seq in (1, 2, 3, 4):
        scene.drop(seq)


def take_the_head_away(scene):
    scene.drop_head()


def swap(scene):
    second, third = scene.read(2), scene.read(3)
    scene.put(2, body=third.body, prev=third.prev, digest=third.hash)
    scene.put(3, body=second.body, prev=second.prev, digest=second.hash)


def forge_a_tail(scene):
    last = scene.read(4)
    raw = json.loads(last.body) | {"n": 5, "e": "archive"}
    body = canonical(raw)
    scene.put(5, body=body, prev=last.hash, digest=link(last.hash, body))


def bring_from_another(scene):
    last = scene.read(4)
    raw = json.loads(last.body) | {"a": scene.other}
    body = canonical(raw)
    scene.put(4, body=body, prev=last.prev, digest=link(last.prev, body))


def edit_the_head(scene):
    fold = orders.get(scene.number).order.to_json() | {"o": "S9"}
    scene.set_head(head={"B": pack(canonical(fold))})


def rewrite_everything(scene):
    prev = "0" * 64
    for seq in (1, 2, 3, 4):
        raw = json.loads(scene.read(seq).body)
        body = canonical(raw | {"by": ["crew", "somebody-else", "S1"]})
        scene.put(seq, body=body, prev=prev, digest=link(prev, body))
        prev = link(prev, body)
    fold = orders.get(scene.number).order.to_json() | {"t": prev}
    scene.set_head(head={"B": pack(canonical(fold))})


TAMPERINGS: list[Callable[[Scene], None]] = [
    edit_body, edit_body_and_hash, edit_last_and_hash, spoil_last, cut_middle, cut_tail,
    cut_tail_with_its_head, take_all_away, take_the_chain_away, take_the_head_away, swap,
    forge_a_tail, bring_from_another, edit_the_head, rewrite_everything,
]  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda each: each.__name__)
def test_each_tampering_is_found_offline_as_it_is_online(scene, tamper):
    tamper(scene)

    found = offline(scene.exported())

    assert found
    assert {chain for chain, _, _ in found} == {scene.number}
    online = scene.online()
    if tamper is take_all_away:  # online the daybook still tells of it, too
        online = [each for each in online if each[2] != "head-missing"]
    assert found == online


def test_what_nobody_touched_verifies_to_the_last_event(scene):
    report = ledgerfile.check(scene.exported(), public_key=PUBLIC)

    assert (report.bad, report.unsealed, report.signed) == ([], [], True)
    assert report.seals == 1
    assert report.heads >= 2
    assert scene.online() == []


def test_a_head_that_nobody_can_read_any_more_is_named(scene):
    scene.set_head(head={"B": b"\x01nonsense"})

    assert (scene.number, 1, "head-unreadable") in offline(scene.exported())


def test_a_record_of_the_registry_is_checked_against_its_version(scene):
    chain = f"registry/office/{COUNTY}"
    key = {"aggregate": {"S": chain}, "seq": {"N": "1"}}
    scene.client.delete_item(TableName=f"{scene.prefix}-ledger", Key=key)

    assert offline(scene.exported()) == [(chain, 1, "missing")]


# In the file: what was changed on the way ---------------------------------------------------------


def thinned(lines):
    return [line for line in lines if '"chain":"access' not in line and '"seal"' not in line]


def without_other(lines, number):
    return [line for line in lines if f'"chain":"order/{number}"' not in line]


def test_an_order_left_out_of_the_file_is_missed_by_signature_count_and_seal(scene):
    found = offline(without_other(scene.exported(), scene.other))

    assert ("signed heads", 0, "differ") in found
    assert ("file", 0, "lines-missing") in found
    assert (scene.other, 1, "missing") in found


def test_a_seal_left_out_of_the_file_is_missed_by_the_count(scene):
    assert offline(thinned(scene.exported())) == [("file", 0, "lines-missing")]


def test_a_file_that_was_cut_says_so(scene):
    assert ("file", 0, "cut") in offline(scene.exported()[:-1])


def test_counts_made_to_fit_break_the_signature(scene):
    *lines, last = without_other(scene.exported(), scene.other)
    end = json.loads(last)
    end["signed"]["root"] = ledgerfile.root_of(
        {
            one["chain"]: (one["seq"], one["hash"])
            for one in map(json.loads, lines)
            if one["kind"] == "row"
        }
    )
    end["signed"]["chains"] -= 1
    end["signed"]["events"] -= 1

    found = offline([*lines, canonical(end)])

    assert ("signed heads", 0, "signature") in found


def test_a_seal_of_another_key_and_a_seal_that_was_changed_are_named(scene):
    lines = scene.exported()
    other = public_key_of(base64.b64encode(b"x" * 32).decode())
    foreign = ledgerfile.check(lines, public_key=other)
    changed = [line.replace('\\"count\\":5', '\\"count\\":4') for line in lines]

    assert ("seal", 0, "other-key") in foreign.bad
    assert foreign.signed is False
    assert ("seal", 0, "signature") in ledgerfile.check(changed, public_key=PUBLIC).bad


def test_two_seals_that_do_not_name_each_other_and_an_hour_between_are_named(scene):
    late = NOON.replace(minute=0) + 2 * HOUR
    last = seal(late, [], previous="first", private_key=KEY)
    next_ = seal(late + HOUR, [], previous="other", private_key=KEY)
    for one in (last, next_):
        scene.port.put(one, at=LATER)
    out = io.StringIO()
    export(out, port=scene.port, first=NOON - HOUR, private_key=KEY, at=LATER + 2 * HOUR)

    report = ledgerfile.check(out.getvalue().splitlines(), public_key=PUBLIC)

    assert report.bad == [("seal", 0, "unlinked")]
    assert report.unsealed == [late - HOUR]


@pytest.mark.parametrize(
    "lines",
    [
        ["no json"],
        ["[]"],
        ['{"kind":"row"}'],
        ['{"kind":"export","version":2}'],
        ['{"kind":"export","version":1}', '{"kind":"export","version":1}'],
        ['{"kind":"export","version":1}', '{"kind":"row","chain":"x"}'],
        ['{"kind":"export","version":1}', '{"kind":"other"}'],
    ],
)
def test_a_file_that_is_no_ledger_is_refused(lines):
    with pytest.raises(NotALedger):
        ledgerfile.check(lines, public_key=PUBLIC)


def test_one_chain_in_two_places_is_refused(scene):
    lines = scene.exported()
    double = next(line for line in lines if f'"chain":"order/{scene.number}"' in line)

    with pytest.raises(NotALedger, match="two places"):
        ledgerfile.check([*lines[:-1], double], public_key=PUBLIC)


# Issues and papers: each tampering is named -------------------------------------------------------


class Book:
    """An issue and a paper of four steps each; what a tamperer does goes past the house."""

    def __init__(self, desk, store, port) -> None:
        self.client: Any = store.connection.client
        self.prefix = store.prefix
        self.port = port
        self.chains = {"issue": self.issue(desk), "paper": self.paper(desk)}
        for chain in self.chains.values():
            for event in ledger.read(chain):
                delivering.enter_daybook(event, TODAY)

    def issue(self, desk) -> str:
        sent = clearing.New(source="supervisor", office=COUNTY, note="网格员反映电压低")
        head = clearing.create(desk, sent, self.command(0, "supervisor", COUNTY))
        number = head.issue.issue_id
        steps: list[tuple[str, dict[str, Any]]] = [
            ("contact", {"by": "phone", "note": "已联系"}),
            ("classify", {"theme": "low_voltage"}),
            ("root_cause", {"root_cause": "equipment"}),
        ]
        for place, (name, answers) in enumerate(steps, 1):
            command = self.command(place, "supervisor", COUNTY, move=name, **answers)
            clearing.move(desk, number, command)
        return f"issue/{number}"

    def paper(self, desk) -> str:
        answers = {"rule": "by_person"}
        command = self.command(10, "supervisor", CITY, move="open", **answers)
        new = papers.New("complaint_risk_warning", COUNTY)
        head = papers.open_paper(desk, new, papers.About(), command)
        steps: list[tuple[str, str, dict[str, Any]]] = [
            ("issue_warning", CITY, {"note": "请处置"}),
            ("receipt", COUNTY, {}),
            ("report_action", COUNTY, {"measure": "已更换变压器"}),
        ]
        for place, (name, office, given) in enumerate(steps, 11):
            command = self.command(place, "supervisor", office, move=name, **given)
            head = papers.move(desk, head.paper_id, command)
        return head.paper.order_id

    def command(self, place, role, office, *, move="opened", **answers: Any) -> Command:
        at = NOON + place * timedelta(minutes=1)
        actor = Actor(role, f"{role}-{office}", office)
        return Command(move, actor, f"staff/{office}", f"key-{place}", SALT, at, answers)

    def key(self, chain, seq):
        return {"aggregate": {"S": chain}, "seq": {"N": str(seq)}}

    def rows(self, chain) -> dict[int, Any]:
        found = self.client.query(
            TableName=f"{self.prefix}-ledger",
            KeyConditionExpression="#a = :a",
            ExpressionAttributeNames={"#a": "aggregate"},
            ExpressionAttributeValues={":a": {"S": chain}},
        )
        return {int(row["seq"]["N"]): row for row in found["Items"]}

    def put(self, chain, seq, row) -> None:
        item = {**row, **self.key(chain, seq)}
        self.client.put_item(TableName=f"{self.prefix}-ledger", Item=item)

    def drop(self, chain, seq) -> None:
        self.client.delete_item(TableName=f"{self.prefix}-ledger", Key=self.key(chain, seq))

    def offline(self):
        out = io.StringIO()
        export(out, port=self.port, first=NOON - HOUR, private_key=KEY, at=LATER)
        report = ledgerfile.check(out.getvalue().splitlines(), public_key=PUBLIC)
        return sorted(report.bad)

    def online(self):
        found = verifying.days(
            COUNTY, TODAY, TODAY, port=self.port, public_key=PUBLIC, after=None,
            is_out_of_time=lambda: False, at=LATER,
        )  # fmt: skip
        return sorted(found.bad)


def edited(book, chain):
    row = book.rows(chain)[2]
    body = json.loads(row["body"]["S"])
    body["by"] = [*body["by"][:1], "somebody-else", *body["by"][2:]]
    book.put(chain, 2, row | {"body": {"S": canonical(body)}})
    return 2, "edited"


def edited_with_its_hash(book, chain):
    row = book.rows(chain)[2]
    body = json.loads(row["body"]["S"])
    body["by"] = [*body["by"][:1], "somebody-else", *body["by"][2:]]
    text = canonical(body)
    digest = link(row["prev"]["S"], text)
    book.put(chain, 2, row | {"body": {"S": text}, "hash": {"S": digest}})
    return 3, "unlinked"


def deleted(book, chain):
    book.drop(chain, 2)
    return 2, "missing"


def reordered(book, chain):
    rows = book.rows(chain)
    book.put(chain, 2, rows[3])
    book.put(chain, 3, rows[2])
    return 2, "unlinked"


def truncated(book, chain):
    book.drop(chain, 4)
    return 4, "missing"


@pytest.mark.parametrize("sort", ["issue", "paper"])
@pytest.mark.parametrize("tamper", [edited, edited_with_its_hash, deleted, reordered, truncated])
def test_each_tampering_with_an_issue_or_a_paper_is_named_offline_as_it_is_online(
    desk, store, tmp_path, tamper, sort
):
    book = Book(desk, store, DiskSeals(tmp_path))
    assert {chain: len(book.rows(chain)) for chain in book.chains.values()} == dict.fromkeys(
        book.chains.values(), 4
    )
    assert (book.offline(), book.online()) == ([], [])
    chain = book.chains[sort]

    seq, why = tamper(book, chain)

    assert book.offline() == [(chain, seq, why)]
    assert book.online() == [(chain, seq, why)]


# The command --------------------------------------------------------------------------------------


def test_one_command_verifies_a_file(scene, tmp_path, capsys):
    path = tmp_path / "ledger.jsonl"
    path.write_text("\n".join(scene.exported()) + "\n", encoding="utf-8")

    assert verify.main([str(path), "--key", PUBLIC]) == 0
    assert "1 seals, heads signed, 0 bad" in capsys.readouterr().out

    edit_the_head(scene)
    path.write_text("\n".join(scene.exported()) + "\n", encoding="utf-8")
    assert verify.main([str(path)]) == 1
    said = capsys.readouterr().out
    assert f"BAD order/{scene.number} event 4: head-differs" in said
    assert "seals not checked" in said

    path.write_text("something else", encoding="utf-8")
    assert verify.main([str(path)]) == 2
    assert "line 1" in capsys.readouterr().err
