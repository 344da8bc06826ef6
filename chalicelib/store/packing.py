"""Heads and their milestones made small: a head is 1.1 KB of JSON at its end, 0.23 KB packed.

DynamoDB bills a write by the started kilobyte, twice in a transaction and again in the index, so a
head that grows past 1 KB with everything beside it would make a move cost 14 units instead of 8. It
is deflated with a dictionary of the words that heads are made of. Every packed text starts with the
number of its dictionary; a dictionary is never changed, a better one is added under a new number.
"""

import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_FIRST: Final = (
    b'"late_entered":true,"provisional":true,"expedites":1,'
    b'"misconduct_report.opinion.suggestion.compliment.grievance.contactinternallegalhandle'
    b'"service_request.appliance_damage.meter_abnormal.reading_abnormal.arrears_reconnect'
    b'.ev_fast_charging"special_need":true,"anonymous":true,"dangers":["escalated":1,'
    b'"delay_explained":"weather","liability":"verdict":"urbanremotecustomer_side"'
    b'temporary_repair"no_fault_found"no_power"equipment""supervision:"open"answered"suspension"'
    b':["until","enquiry.complaint.grievance.promise"internal"dispatcher-crew-return_visitor-S-C-'
    b'"southern_grid@2000-01-01","state_grid@2023-08-08","90m","4h","3d","10d"nw","1d"'
    b'{"as":"","b":1,"c":"","ca":1,"ch":"phone","cn":"","cl":{"arrive":["fault.arrive.rural",'
    b'"state_grid@2023-08-08","90m",177],"arrive_legal":["fault.arrive_legal.rural",'
    b'"common@2012-10-01","120m",177],"contact":["complaint.contact","common@2000-01-01","24h",177'
    b'],"dispatch":["fault.dispatch","state_grid@2000-01-01","2m",177],"next_visit":["until","",""'
    b',17],"receive":["fault.receive","common@2000-01-01","3m",177],"reply":["fault.reply",'
    b'"common@2000-01-01","30m",177],"restore":["fault.restore.rural","state_grid@2023-08-08","4h"'
    b',177],"return_visit":["fault.return_visit","common@2000-01-01","24h",177,["yellow","red",'
    b'"due","county","city","province"]],"set_out":["fault.set_out","common@2000-01-01","3m",177]}'
    b',"f":{"cause":"trees","files":1,"low_voltage":true,"place":"","power_back":true,"rating":5,'
    b'"result":"repaired","symptom":"no_power","terrain":"rural","visit":"satisfied"},"fo":"",'
    b'"g":"","id":"","k":"fault","ma":177,"nd":177,"o":"","oa":177,"p":"","ra":177,"re":1,'
    b'"s":"accepteddispatchedreceivedon_sitein_progressrepliedreturn_visitarchived","sb":"",'
    b'"st":"other","t":"","to":1,"v":1,"vi":1}'
)
_SECOND: Final = (
    b'{"2":["waiting_customer","","late"]}],"public","C-","S-",null,null,null,null,null,null,null,'
    b'null],[177,0,60,120,180,300,600,900,1800,3600,86400],[["timer","note","withdraw","expedite",'
    b'"supplement","reopen","suspend","resume","escalate","merge","unmerge","absorb",'
    b'"explain_delay","return_order","correct_place","contact","verify","visit_dissatisfied",'
    b'"terminate","supervise","answer_supervision","opened","dispatch","receive","set_out",'
    b'"arrive","restore","reply","approve_reply","visit_satisfied","rate","archive"'
)
DICTIONARIES: Final[Mapping[int, bytes]] = MappingProxyType({1: _FIRST, 2: _SECOND})
HEADS: Final = 1
MILESTONES: Final = 2
_RAW: Final = -15  # no zlib header and no checksum: the item is small and DynamoDB keeps it whole


def pack(text: str, dictionary: int = HEADS) -> bytes:
    """Return `text` packed with the newest dictionary for what it is: HEADS or MILESTONES."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, _RAW, zdict=DICTIONARIES[dictionary])
    return bytes([dictionary]) + deflater.compress(text.encode()) + deflater.flush()


def unpack(raw: bytes) -> str:
    """Return what was packed. Raises ValueError for what `pack` never made."""
    try:
        inflater = zlib.decompressobj(_RAW, zdict=DICTIONARIES[raw[0]])
        text = inflater.decompress(raw[1:]) + inflater.flush()
    except (IndexError, KeyError, zlib.error) as error:
        raise ValueError("not a packed text") from error
    if not inflater.eof:
        raise ValueError("a packed text that was cut")
    return text.decode()
