"""What bodies may hold and what answers hold: pydantic at the edge, and nowhere else.

Imported only when a body has to be read or the OpenAPI is made. What comes in is strict and knows
no other fields; pydantic's error types become our stable codes, and no message quotes what was
sent.
What goes out is made by `usecases/showing.py`; the models here describe it and the tests hold one
against the other.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.json_schema import WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from chalicelib.domain.contact import Contact, Phone, ReplyWish, clean_text
from chalicelib.domain.order import is_order_number
from chalicelib.domain.procedures import PROCEDURES
from chalicelib.domain.refusal import BadInput, FieldError
from chalicelib.usecases.reporting import Report

KINDS: Final = tuple(sorted(PROCEDURES))
LONGEST_PATH: Final = 80

# Reading ----------------------------------------------------------------------------------------

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "field.required",
        "extra_forbidden": "field.unknown",
        "string_type": "field.text",
        "string_too_long": "text.too_long",
        "string_too_short": "text.empty",
        "string_pattern_mismatch": "field.code",
        "bool_type": "field.flag",
        "int_type": "field.number",
        "float_type": "field.number",
        "greater_than_equal": "field.out_of_range",
        "less_than_equal": "field.out_of_range",
        "literal_error": "field.choice",
        "list_type": "field.list",
        "too_long": "field.too_many",
        "too_short": "field.required",
        "dict_type": "field.object",
        "model_type": "field.object",
    }
)
"""Pydantic's error types and our codes. A type that is missing here is a KeyError: a bug."""


def read(name: str, raw: Mapping[str, Any]) -> Any:
    """Return a body as the model of this name. Raises BadInput naming every unusable field."""
    model: type[In] = globals()[name]
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        raise BadInput(
            _field_error(each) for each in error.errors(include_url=False, include_input=False)
        ) from None


def _field_error(error: ErrorDetails) -> FieldError:
    path = ".".join(str(part) for part in error["loc"])[:LONGEST_PATH]
    kind, context = error["type"], error.get("ctx", {})
    if "." in kind:  # raised by one of our own readers
        return FieldError(path, kind, context)
    return FieldError(path, CODES[kind], _facts(kind, context))


def _facts(kind: str, context: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "string_too_long":
        return {"limit": context["max_length"]}
    if kind == "too_long":
        return {"most": context["max_length"]}
    if kind == "literal_error":
        return {"allowed": [each.strip("' ") for each in re.split(r",| or ", context["expected"])]}
    return {}


def _ours(refused: BadInput) -> PydanticCustomError:
    first = refused.errors[0]
    return PydanticCustomError(first.code, "refused", dict(first.facts))


# Kinds of fields --------------------------------------------------------------------------------


def _line(limit: int, *, multiline: bool = False, required: bool = True) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return clean_text(
                text, field="", max_units=limit, multiline=multiline, required=required
            )
        except BadInput as refused:
            raise _ours(refused) from None

    return AfterValidator(check)


def _instant(value: Any) -> datetime:
    """Read an instant with its zone, such as 2026-11-21T06:47:00+08:00."""
    if isinstance(value, str) and _INSTANT.match(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # such as 30 February, refused like every other text that is no instant
    raise PydanticCustomError("field.instant", "refused")


_INSTANT: Final = re.compile(
    r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})\Z"
)


def _phone(value: Any) -> Phone:
    try:
        return Phone.parse(value)
    except BadInput as refused:
        raise _ours(refused) from None


def _number(value: str) -> str:
    plain = re.sub(r"[ -]", "", value)
    if not is_order_number(plain):
        raise PydanticCustomError("field.order_number", "refused")
    return plain


_CODE: Final = r"^[A-Za-z0-9][A-Za-z0-9_.:/#-]{0,63}$"
Code = Annotated[str, Field(pattern=_CODE, max_length=64)]
Kind = Annotated[Literal[KINDS], Field(examples=["fault"])]  # type: ignore[valid-type] # those of domain/procedures
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
PhoneText = Annotated[
    Phone,
    BeforeValidator(_phone),
    WithJsonSchema({"type": "string", "maxLength": 64}, mode="validation"),
]
OrderNumber = Annotated[str, Field(max_length=24), AfterValidator(_number)]
Note = Annotated[str, _line(1000, multiline=True, required=False)]
Upload = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class In(BaseModel):
    """What comes in: strict, without other fields, and never quoted in a message."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        regex_engine="python-re",
    )


# What comes in ----------------------------------------------------------------------------------


class NewOrder(In):
    """A report. `answers` are those that the kind's procedure asks for (/meta/procedures)."""

    kind: Kind
    sub_type: Code | None = None
    place: Code | None = None
    address: Annotated[str, _line(200, required=False)] = ""
    account_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{0,20}$")] = ""
    phone: PhoneText | None = None
    name: Annotated[str, _line(40, required=False)] = ""
    anonymous: bool = False
    reply_wish: Literal["phone", "text", "none"] = "phone"
    special_need: bool = False
    answers: dict[Annotated[str, Field(max_length=40)], Any] = Field(
        default_factory=dict, max_length=20
    )
    dangers: list[Code] = Field(default_factory=list, max_length=5)
    occurred_at: Instant | None = None
    language: Literal["zh", "en"] = "zh"
    files: list[Upload] = Field(default_factory=list, max_length=6)

    def report(self, at: datetime) -> Report:
        """Return what the journey takes."""
        contact = Contact(
            phone=self.phone,
            name=self.name,
            address=self.address,
            account_no=self.account_no,
            reply_wish=ReplyWish(self.reply_wish),
            special_need=self.special_need,
        )
        return Report(
            kind=self.kind,
            occurred_at=self.occurred_at or at,
            sub_type=self.sub_type or "",
            place=self.place or "",
            contact=contact,
            anonymous=self.anonymous,
            answers=read_instants(self.answers),
            dangers=tuple(self.dangers),
            files=tuple(self.files),
            language=self.language,
        )


INSTANTS: Final = frozenset(
    need.name
    for procedure in PROCEDURES.values()
    for needs in (procedure.intake, *(move.needs for move in procedure.moves.values()))
    for need in needs
    if need.form == "instant"
)


def read_instants(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return answers with those that are instants read. Raises BadInput naming them."""
    read_: dict[str, Any] = dict(answers)
    for name in INSTANTS & answers.keys():
        if answers[name] is None:
            continue
        try:
            read_[name] = _instant(answers[name])
        except PydanticCustomError:
            raise BadInput.of(name, "field.instant") from None
    return read_


class LookUp(In):
    """The second way to an order: its number and the last four digits of the telephone."""

    number: Annotated[str, Field(max_length=24)]
    phone_tail: Annotated[str, Field(max_length=8)]


class NewUpload(In):
    """One photo that is about to be sent. `number` when it belongs to an order already."""

    content_type: Annotated[str, Field(max_length=40)]
    bytes: Annotated[int, Field(ge=1, le=2**31)]
    number: OrderNumber | None = None


class Remark(In):
    """What a citizen adds to a move that needs no words."""

    note: Note = ""


class Supplement(In):
    """Words and photos that a citizen adds."""

    note: Note
    files: list[Upload] = Field(default_factory=list, max_length=6)


class Rating(In):
    """The citizen's own word on the work: one to five."""

    score: Annotated[int, Field(ge=1, le=5)]
    note: Note = ""


class CodedRating(Rating):
    """A rating by the code from a text."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{10}$")]


class StaffOrderIn(NewOrder):
    """A report taken in for somebody: on the telephone, at the counter, from a paper slip."""

    channel: Literal["phone", "counter", "paper", "wechat", "95598", "12398", "12345", "web"] = (
        "phone"
    )
    case_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{0,40}$")] = ""
    training: bool = False
    dispatch: "DispatchIn | None" = None


class DispatchIn(In):
    """Whom to give a new order to at once."""

    office: Code
    staff: Code | None = None


class MoveIn(In):
    """A move: the answers that it needs (/meta/procedures), as fields of the body."""

    model_config = ConfigDict(extra="allow")

    occurred_at: Instant | None = None
    recorded_for: Code | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """What the move itself needs."""
        return read_instants(self.model_extra or {})


class MergeIn(In):
    """The order to merge into."""

    parent: OrderNumber
    note: Note = ""


class UnmergeIn(In):
    """Why the merger was a mistake."""

    note: Note


class RevealIn(In):
    """Why somebody has to see a telephone number; it goes on record."""

    reason: Annotated[str, _line(200)]


class BulkIn(In):
    """One move on several orders."""

    numbers: Annotated[list[OrderNumber], Field(min_length=1, max_length=50)]
    move: Code
    data: dict[Annotated[str, Field(max_length=40)], Any] = Field(
        default_factory=dict, max_length=20
    )


class CallerIn(In):
    """Who is on the telephone."""

    phone: PhoneText


class CallDoneIn(In):
    """What became of a call."""

    result: Literal["reached", "unreached", "wrong_number", "not_needed"]
    note: Note = ""


class ChannelOrder(NewOrder):
    """A report from another platform, with the number that it has there."""

    channel: Annotated[str, Field(pattern=r"^[0-9a-z_-]{1,20}$")]
    case_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,40}$")]
    training: bool = False


for _model in (StaffOrderIn,):
    _model.model_rebuild()
