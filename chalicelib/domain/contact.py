"""A citizen's contact (联系方式): validated once, masked wherever it is printed.

`Phone.number` is the only way to the digits; `repr`, `str` and `format` are masked. A phone is
found again by `phone_key`, never by its digits. `clean_text` is the one gate for free text, and
`find_phones` is how the telemetry knows a number that must not be logged.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from .refusal import BadInput

# Phones (电话).

_DIGITS: Final = "0123456789"
_HYPHENS: Final = "‐‑‒–—―−﹘﹣－ー"
_SPACES: Final = "\t\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000"
_BRACKETS: Final = "()（）[]［］"
_STOPS: Final = ".．·"
# What address books paste around a number: joiners and the left-to-right marks, which move nothing.
# The right-to-left ones are not here: they show other digits than they hold.
_INVISIBLE: Final = "\u200b\u200e\u2060\ufeff\u202d\u202c"

_FOLD: Final = str.maketrans(
    {chr(0xFF10 + i): digit for i, digit in enumerate(_DIGITS)}
    | {chr(0xFF41 + i): chr(0x61 + i) for i in range(26)}
    | {chr(0xFF21 + i): chr(0x61 + i) for i in range(26)}
    | dict.fromkeys(_HYPHENS, "-")
    | dict.fromkeys(_SPACES + _BRACKETS + _STOPS, " ")
    | {"＋": "+", "﹢": "+", "＃": "#", "：": ":", "轉": "转"}
    | dict.fromkeys(_INVISIBLE)
)

_LONGEST_TEXT: Final = 64
_SHORTEST_NUMBER: Final = 7
_LONGEST_NUMBER: Final = 15  # ITU-T E.164
_MOBILE_DIGITS: Final = 11

# Every number we know, in its E.164 form. Area codes of three digits (010, 02x) have lines of
# eight; 400 and 800 are services, not areas; a line never starts with 0 or 1.
_CANONICAL: Final = re.compile(
    r"""
    \+86 (?P<mobile> 1[3-9][0-9]{9})
  | \+86 (?P<area> (?:10|2[0-9]) (?=[0-9]{8}\Z) | (?!400|800)[3-9][0-9]{2})
         (?P<line> [2-9][0-9]{6,7})
  | \+86 (?P<service> (?:400|800)[0-9]{7} | 955[0-9]{2})
  | \+ (?!86) (?P<foreign> [1-9][0-9]{7,14})
    """,
    re.VERBOSE,
)
_EXTENSION: Final = re.compile(
    r"(?P<main>.*?) *(?:转|分机|ext|x|#) *[:-]? *(?P<extension>[0-9]{1,6})"
)
_DASHED_EXTENSION: Final = re.compile(r"(?P<main>.*[0-9]) *- *(?P<extension>[0-9]{1,6})")


class PhoneKind(StrEnum):
    """What sort of line a number reaches."""

    MOBILE = "mobile"  # 手机
    LANDLINE = "landline"  # 固定电话
    SERVICE = "service"  # 400、800、955xx
    FOREIGN = "foreign"  # Hong Kong, Macao, Taiwan and abroad, typed with `+`


@dataclass(frozen=True, slots=True, repr=False)
class Phone:
    """A telephone number (电话). Prints masked; `.number` is the only way to the digits.

    number: canonical E.164 (`+8613800138000`); a mainland service number is written the same way.
    extension: the digits after 转, or nothing.
    Raises ValueError for anything not canonical: what people type goes through `parse`.
    """

    number: str
    extension: str = ""

    def __post_init__(self) -> None:
        if not _CANONICAL.fullmatch(self.number):
            raise ValueError("not the canonical form of a number that we know")
        extendable = self.kind in {PhoneKind.LANDLINE, PhoneKind.SERVICE}
        if self.extension and not (extendable and re.fullmatch(r"[0-9]{1,6}", self.extension)):
            raise ValueError("not an extension, or not of a line that has any")

    @classmethod
    def parse(cls, text: str, *, field: str = "phone") -> Self:
        """Read a number as people type it: full width, spaces, hyphens, brackets, +86, 转.

        Of the digits outside ASCII only the full-width ones (U+FF10 to U+FF19) are read.
        A foreign number needs its `+`.
        Raises BadInput with phone.empty, phone.not_a_number, phone.non_ascii_digits,
        phone.too_short, phone.too_long or phone.unknown_form.
        """
        if not isinstance(text, str):
            raise BadInput.of(field, "phone.not_a_number")
        if len(text) > _LONGEST_TEXT:
            raise BadInput.of(field, "phone.too_long")
        folded = text.translate(_FOLD).lower().strip(" -\r\n")
        if not folded:
            raise BadInput.of(field, "phone.empty")
        for number, extension in _readings(folded):
            try:
                return cls(number, extension)
            except ValueError:
                continue  # not this reading; when none is left, the text is refused below
        raise BadInput.of(field, _complaint(folded))

    @property
    def kind(self) -> PhoneKind:
        """What sort of line it reaches."""
        found = _parts(self.number)
        if found["mobile"]:
            return PhoneKind.MOBILE
        if found["line"]:
            return PhoneKind.LANDLINE
        return PhoneKind.SERVICE if found["service"] else PhoneKind.FOREIGN

    @property
    def can_text(self) -> bool:
        """Whether a text can reach it: mainland mobiles only."""
        return self.kind is PhoneKind.MOBILE

    @property
    def tail(self) -> str:
        """The last four digits, which a citizen gives to track an order."""
        return self.number[-4:]

    @property
    def national(self) -> str:
        """The number as dialled here: `13800138000`, `0311-88881234转12`. Not masked."""
        found = _parts(self.number)
        base = found["mobile"] or found["service"] or self.number
        if found["line"]:
            base = f"0{found['area']}-{found['line']}"
        return f"{base}转{self.extension}" if self.extension else base

    @property
    def masked(self) -> str:
        """`138****8000`, `0311****567`, `400****567`, `+85****678`; 955xx is nobody's and shown."""
        found = _parts(self.number)
        if mobile := found["mobile"]:
            return f"{mobile[:3]}****{mobile[-4:]}"
        if line := found["line"]:
            return f"0{found['area']}****{line[-3:]}"
        if service := found["service"]:
            return service if service.startswith("955") else f"{service[:3]}****{service[-3:]}"
        return f"{self.number[:3]}****{self.number[-3:]}"

    def __repr__(self) -> str:
        return f"Phone({self.masked})"

    def __str__(self) -> str:
        return self.masked

    def __format__(self, spec: str) -> str:
        return format(self.masked, spec)


def phone_key(phone: Phone, secret: bytes) -> str:
    """Return the 32 hex characters under which everything of this number is found.

    HMAC-SHA256 of the E.164 form, cut to 128 bits; extensions share their line's key.
    Raises ValueError if the secret is shorter than 32 bytes.
    """
    if len(secret) < hashlib.sha256().digest_size:
        raise ValueError("the secret needs at least 32 bytes")
    return hmac.new(secret, phone.number.encode("ascii"), hashlib.sha256).hexdigest()[:32]


def _parts(number: str) -> dict[str, str]:
    match = _CANONICAL.fullmatch(number)
    return match.groupdict(default="") if match else {}


def _readings(folded: str) -> Iterator[tuple[str, str]]:
    """Yield (E.164, extension) in the order in which the typed text may be read."""
    if match := _EXTENSION.fullmatch(folded):
        for number in _numbers(match["main"]):
            yield number, match["extension"]
    # `0311-8888123-4` is line 8888123, extension 4, though 88881234 would be a line as well.
    # Abroad a last hyphen proves nothing: `+44-20-7946-0958`.
    elif match := _DASHED_EXTENSION.fullmatch(folded):
        for number in _numbers(match["main"]):
            if number.startswith("+86"):
                yield number, match["extension"]
    for number in _numbers(folded):
        yield number, ""


def _numbers(typed: str) -> Iterator[str]:
    """Yield the E.164 forms that the text, without extension, may stand for."""
    bare = re.sub(r"[ -]", "", typed)
    if not re.fullmatch(r"\+?[0-9]+", bare):
        return
    national = re.sub(r"\A(?:\+86|0086|86)", "", bare)
    if national != bare:
        yield f"+86{national}"
        yield f"+86{national.removeprefix('0')}"
    elif bare.startswith("+"):
        yield bare
    elif bare.startswith("0"):
        yield f"+86{bare[1:]}"
    elif re.match(r"1[3-9]|400|800|955", bare):
        yield f"+86{bare}"


def _complaint(folded: str) -> str:
    """Name what is wrong with a text that no reading fits."""
    if any(not ch.isascii() and unicodedata.numeric(ch, None) is not None for ch in folded):
        return "phone.non_ascii_digits"
    bare = re.sub(r"[ -]", "", folded)
    if not re.fullmatch(r"\+?[0-9]+", bare):
        return "phone.not_a_number"
    national = re.sub(r"\A(?:\+86|0086|86(?=1[3-9]))", "", bare)
    shortest, longest = _SHORTEST_NUMBER, _LONGEST_NUMBER
    if re.match(r"1[3-9]", national):
        shortest = longest = _MOBILE_DIGITS
    digits = len(national.removeprefix("+"))
    if digits < shortest:
        return "phone.too_short"
    return "phone.too_long" if digits > longest else "phone.unknown_form"


# Numbers in running text.

_UUID: Final = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE
)
_HEX_TOKEN: Final = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)
_MAINLAND: Final = r"(?<![0-9])(?:(?:\+|00)?86[- ]{0,3}|0)?"
_GROUPINGS: Final = (
    r"1[3-9][0-9]{9}",
    r"1[3-9][0-9](?:[-. ]{1,3}[0-9]{4}){2}",
    r"1[3-9][0-9][-. ]{1,3}[0-9]{3}[-. ]{1,3}[0-9]{5}",
    r"1[3-9][0-9]{2}[-. ]{1,3}[0-9]{4}[-. ]{1,3}[0-9]{3}",
    r"1[3-9][0-9]{2}[-. ]{1,3}[0-9]{3}[-. ]{1,3}[0-9]{4}",
    r"1[3-9][0-9][- ]{1,3}[0-9]{8}",  # no stop here or below: 138.00138000 is a measurement
    r"1[3-9][0-9]{5}[- ]{1,3}[0-9]{4}",
    r"1[-. ]{1,2}[3-9](?:[-. ]{1,2}[0-9]){9}",
)
_PHONE_LIKE: Final = re.compile(
    rf"{_MAINLAND}(?P<mobile>{'|'.join(_GROUPINGS)})(?![0-9])"
    r"|(?<![0-9])0(?P<landline>(?:10|2[0-9]|[3-9][0-9]{2})[- ]{1,3}[2-9][0-9]{6,7})(?![0-9])"
    r"|(?<![\w+])(?P<abroad>\+[1-9][0-9]{7,14})(?![0-9])"
)
_LOG_FOLD: Final = str.maketrans(
    dict.fromkeys(_HYPHENS, "-")
    | dict.fromkeys(_SPACES + _BRACKETS, " ")
    | {"．": ".", "·": ".", "＋": "+", "﹢": "+"}
    | dict.fromkeys(_INVISIBLE)
)


def find_phones(text: str) -> list[Phone]:
    """Return the numbers that running text holds, in order, each once.

    Finds mobiles in any usual grouping, landlines with a separator after the area code, and `+`
    numbers, in any script's digits. Made for logs: addresses (192.168.100.12), dates, UUIDs, hex
    digests, epoch times and measurements are not numbers of people. Whoever gets a non-empty
    answer must not write the text anywhere.
    """
    folded = _UUID.sub(" ", text.translate(_LOG_FOLD))
    if not folded.isascii():
        folded = "".join(_ascii_digit(ch) for ch in folded)
    digests = [m.span() for m in _HEX_TOKEN.finditer(folded) if not m[0].isdecimal()]
    found: dict[Phone, None] = {}
    for match in _PHONE_LIKE.finditer(folded):
        if any(start <= match.start() and match.end() <= end for start, end in digests):
            continue
        typed = match["abroad"] or f"+86{match['mobile'] or match['landline']}"
        number = re.sub(r"[-. ]", "", typed)
        if _CANONICAL.fullmatch(number):
            found[Phone(number)] = None
    return list(found)


def _ascii_digit(ch: str) -> str:
    value = unicodedata.decimal(ch, None)
    return ch if value is None else _DIGITS[int(value)]


# Names and addresses.

_COMPOUND_SURNAMES: Final = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 "
    "濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 "
    "公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 "
    "微生 梁丘 左丘 东门 西门 第五 纳兰 完颜"
)
_STARS: Final = "***"
# A road or a village is as near as a stranger may come; 街道 is an office, not a street.
_ROAD_OR_VILLAGE: Final = re.compile(
    r"[^0-9]*?(?:社区|小区|[村屯庄寨路巷弄](?![镇乡区县市])|街(?!道)|(?<!街)道)"
)
_DISTRICT: Final = re.compile(r"[^0-9]*(?:街道|(?<![小社])[省市州盟区县旗镇乡])")


def mask_name(name: str) -> str:
    """Keep the surname: 张**, 欧阳*, and one star for a lone character. Never the whole name."""
    compound = re.match(r"(\w\w)\w", name)
    kept = 2 if compound and compound[1] in _COMPOUND_SURNAMES else 1
    if len(name) <= kept:
        return _STARS[: len(name)]
    return name[:kept] + _STARS[: len(name) - kept]


def mask_address(address: str) -> str:
    """Keep up to the first road or village (清河县城关镇建设路***), else up to the township."""
    if not address:
        return ""
    # Digits of any script end the search; 一 to 九 do not: they name villages (三里屯).
    plain = "".join("0" if unicodedata.category(ch)[0] == "N" else ch for ch in address)
    match = _ROAD_OR_VILLAGE.match(plain) or _DISTRICT.match(plain)
    return (address[: match.end()] if match else "") + _STARS


_HIDDEN_OF_ACCOUNT: Final = 4  # characters at least


class ReplyWish(StrEnum):
    """How a citizen wants to hear from us (答复方式)."""

    PHONE = "phone"
    TEXT = "text"
    NONE = "none"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Contact:
    """Who asked, and how to reach them (联系人): the one thing that `forget` erases. Prints masked.

    phone: None when the citizen stays anonymous.
    name, address, account_no (户号): empty when not given.
    reply_wish: who leaves a number is texted unless they say that they do not want it.
    special_need: someone at home depends on power (医疗设备、老人).
    """

    phone: Phone | None = None
    name: str = ""
    address: str = ""
    account_no: str = ""
    reply_wish: ReplyWish = ReplyWish.TEXT
    special_need: bool = False

    @property
    def masked(self) -> dict[str, str]:
        """What may be shown to whoever has no reason to see more; empty where nothing was given."""
        return {
            "phone": self.phone.masked if self.phone else "",
            "name": mask_name(self.name),
            "address": mask_address(self.address),
            "account_no": self.account_no and _STARS + self.account_no[_HIDDEN_OF_ACCOUNT:][-4:],
        }

    def __repr__(self) -> str:
        shown = ", ".join(f"{field}={value}" for field, value in self.masked.items() if value)
        return f"Contact({shown})"


# Free text.

_NEW_LINES: Final = re.compile(r"\r\n?|[\u2028\u2029]")
_NON_CHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
_FORBIDDEN: Final = {
    "text.surrogate": re.compile(r"[\ud800-\udfff]"),
    "text.bidi": re.compile(r"[\u202a-\u202e\u2066-\u2069]"),
    # C0 and C1 but for tab and line feed; and the non-characters, which no spreadsheet can hold.
    "text.control": re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_NON_CHARACTERS}]"),
}
_FILLERS: Final = "\u115f\u1160\u2800\u3164\uffa0"  # letters with nothing to see
_MOST_CODE_POINTS_COMPOSED_INTO_ONE: Final = 4


def utf16_units(text: str) -> int:
    """Count UTF-16 code units: what browsers, texts and our limits count. An emoji is two."""
    return len(text) + sum(ch > "\uffff" for ch in text)


def clean_text(
    text: str, *, field: str, max_units: int, multiline: bool = False, required: bool = True
) -> str:
    """Return free text fit to keep: NFC, stripped, line ends as LF. The only gate for it.

    max_units: UTF-16 code units, counted after normalising.
    multiline: keep tabs and line feeds; else they are refused inside the text.
    required: refuse a text with nothing to see in it; else return it as "".
    Raises BadInput naming `field` with text.not_text, text.surrogate, text.bidi, text.control,
    text.too_long (facts: limit) or text.empty.
    """
    stripped = _refuse_unwritable(text, field=field).strip()
    # Reordering combining marks takes quadratic time: nothing hopeless is normalised.
    if len(stripped) > max_units * _MOST_CODE_POINTS_COMPOSED_INTO_ONE:
        raise BadInput.of(field, "text.too_long", limit=max_units)
    clean = unicodedata.normalize("NFC", stripped)
    if not multiline and re.search(r"[\t\n]", clean):
        raise BadInput.of(field, "text.control")
    if utf16_units(clean) > max_units:
        raise BadInput.of(field, "text.too_long", limit=max_units)
    if any(_is_visible(ch) for ch in clean):
        return clean
    if required:
        raise BadInput.of(field, "text.empty")
    return ""


def _refuse_unwritable(text: str, *, field: str) -> str:
    if not isinstance(text, str):
        raise BadInput.of(field, "text.not_text")
    lines = _NEW_LINES.sub("\n", text)
    for code, forbidden in _FORBIDDEN.items():
        if forbidden.search(lines):
            raise BadInput.of(field, code)
    return lines


def _is_visible(ch: str) -> bool:
    return ch not in _FILLERS and unicodedata.category(ch) not in {"Cc", "Cf", "Zs", "Zl", "Zp"}
