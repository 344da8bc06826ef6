"""Phones, names, addresses and free text: what is accepted, and what may be printed."""

import hashlib
import hmac
import unicodedata
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.contact import (
    Contact,
    Phone,
    PhoneKind,
    ReplyWish,
    clean_text,
    find_phones,
    mask_address,
    mask_name,
    phone_key,
    utf16_units,
)
from chalicelib.domain.refusal import BadInput, FieldError

SECRET = b"a secret of thirty-two bytes, or more"
FULL_WIDTH = str.maketrans("0123456789+-() ", "０１２３４５６７８９＋－（）\u3000")

mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
landlines = st.one_of(
    st.tuples(
        st.from_regex(r"10|2[0-9]", fullmatch=True), st.from_regex(r"[2-9][0-9]{7}", fullmatch=True)
    ),
    st.tuples(
        st.from_regex(r"(?!400|800)[3-9][0-9]{2}", fullmatch=True),
        st.from_regex(r"[2-9][0-9]{6,7}", fullmatch=True),
    ),
)
separators = st.sampled_from(["", " ", "-", "  ", " - ", "－", "—", "\u3000", "\u00a0"])


def refusal(text: Any) -> FieldError:
    with pytest.raises(BadInput) as caught:
        Phone.parse(text)
    (error,) = caught.value.errors
    return error


# Phones.


@pytest.mark.parametrize(
    ("typed", "number", "extension", "kind"),
    [
        ("13800138000", "+8613800138000", "", PhoneKind.MOBILE),
        ("138 0013 8000", "+8613800138000", "", PhoneKind.MOBILE),
        ("138-0013-8000", "+8613800138000", "", PhoneKind.MOBILE),
        ("138.0013.8000", "+8613800138000", "", PhoneKind.MOBILE),
        ("１３８ ００１３-８０００", "+8613800138000", "", PhoneKind.MOBILE),
        ("＋８６　（１３８）００１３－８０００", "+8613800138000", "", PhoneKind.MOBILE),
        ("+86 138 0013 8000", "+8613800138000", "", PhoneKind.MOBILE),
        ("(+86)13800138000", "+8613800138000", "", PhoneKind.MOBILE),
        ("008613800138000", "+8613800138000", "", PhoneKind.MOBILE),
        ("8613800138000", "+8613800138000", "", PhoneKind.MOBILE),
        ("013800138000", "+8613800138000", "", PhoneKind.MOBILE),
        ("\u202d138 0013 8000\u202c", "+8613800138000", "", PhoneKind.MOBILE),
        ("19912345678\r\n", "+8619912345678", "", PhoneKind.MOBILE),
        ("010-88881234", "+861088881234", "", PhoneKind.LANDLINE),
        ("(010) 8888 1234", "+861088881234", "", PhoneKind.LANDLINE),
        ("02188881234", "+862188881234", "", PhoneKind.LANDLINE),
        ("0311-8888123", "+863118888123", "", PhoneKind.LANDLINE),
        ("0311-88881234", "+8631188881234", "", PhoneKind.LANDLINE),
        ("（0311）8888-1234", "+8631188881234", "", PhoneKind.LANDLINE),
        ("+86 311 88881234", "+8631188881234", "", PhoneKind.LANDLINE),
        ("+86 0311 88881234", "+8631188881234", "", PhoneKind.LANDLINE),
        ("86-311-88881234", "+8631188881234", "", PhoneKind.LANDLINE),
        ("0311-88881234转123", "+8631188881234", "123", PhoneKind.LANDLINE),
        ("0311-88881234 轉 123", "+8631188881234", "123", PhoneKind.LANDLINE),
        ("０３１１－８８８８１２３４转１２３", "+8631188881234", "123", PhoneKind.LANDLINE),
        ("0311-88881234-123", "+8631188881234", "123", PhoneKind.LANDLINE),
        ("0311-88881234 ext. 123", "+8631188881234", "123", PhoneKind.LANDLINE),
        ("0311-88881234 ＥＸＴ：123", "+8631188881234", "123", PhoneKind.LANDLINE),
        ("0311-88881234分机8", "+8631188881234", "8", PhoneKind.LANDLINE),
        ("0311-8888123-4", "+863118888123", "4", PhoneKind.LANDLINE),
        ("0311-8888-1234", "+8631188881234", "", PhoneKind.LANDLINE),
        ("400-123-4567", "+864001234567", "", PhoneKind.SERVICE),
        ("4001234567转8", "+864001234567", "8", PhoneKind.SERVICE),
        ("800 810 1234", "+868008101234", "", PhoneKind.SERVICE),
        ("95598", "+8695598", "", PhoneKind.SERVICE),
        ("+852 1234 5678", "+85212345678", "", PhoneKind.FOREIGN),
        ("+853-6612-3456", "+85366123456", "", PhoneKind.FOREIGN),
        ("+44-20-7946-0958", "+442079460958", "", PhoneKind.FOREIGN),
        ("+1 (202) 555-0123", "+12025550123", "", PhoneKind.FOREIGN),
    ],
)
def test_a_number_is_read_as_people_type_it(typed, number, extension, kind):
    phone = Phone.parse(typed)

    assert (phone.number, phone.extension, phone.kind) == (number, extension, kind)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "phone.empty"),
        (" \u3000\t\n", "phone.empty"),
        ("--", "phone.empty"),
        ("电话", "phone.not_a_number"),
        ("1380013800O", "phone.not_a_number"),
        ("13800138000/13900139000", "phone.not_a_number"),
        ("138\x0000138000", "phone.not_a_number"),
        ("13800138\n000", "phone.not_a_number"),
        ("\u202e00083100831", "phone.not_a_number"),
        ("138\ud80000138000", "phone.not_a_number"),
        ("138+00138000", "phone.not_a_number"),
        ("+", "phone.not_a_number"),
        ("١٣٨٠٠١٣٨٠٠٠", "phone.non_ascii_digits"),
        ("१३८००१३८०००", "phone.non_ascii_digits"),
        ("𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟎𝟎𝟎", "phone.non_ascii_digits"),
        ("①③⑧00138000", "phone.non_ascii_digits"),
        ("138001380⁰⁰", "phone.non_ascii_digits"),
        ("一三八零零一三八零零零", "phone.non_ascii_digits"),
        ("〡〣〨00138000", "phone.non_ascii_digits"),
        ("1380013800", "phone.too_short"),
        ("+86 1380013800", "phone.too_short"),
        ("12398", "phone.too_short"),
        ("+86", "phone.too_short"),
        ("+852123", "phone.too_short"),
        ("138001380001", "phone.too_long"),
        ("86138001380001", "phone.too_long"),
        ("0311888812345678", "phone.too_long"),
        ("+1234567890123456", "phone.too_long"),
        ("1" * 65, "phone.too_long"),
        ("1" * 10_000_000, "phone.too_long"),
        ("12345678901", "phone.unknown_form"),
        ("88881234", "phone.unknown_form"),
        ("31188881234", "phone.unknown_form"),
        ("0311-18881234", "phone.unknown_form"),
        ("010-8888123", "phone.unknown_form"),
        ("0085212345678", "phone.unknown_form"),
        ("85212345678", "phone.unknown_form"),
        ("+0123456789", "phone.unknown_form"),
        ("+8612345678901", "phone.unknown_form"),
    ],
)
def test_what_is_not_a_number_is_refused_with_its_reason(typed, code):
    assert refusal(typed).code == code


def test_a_mobile_has_no_extension():
    assert refusal("13800138000转1").code == "phone.not_a_number"
    assert refusal("13800138000-1").code == "phone.too_long"


@pytest.mark.parametrize("not_text", [None, 13800138000, ["13800138000"], b"13800138000"])
def test_a_number_of_the_wrong_type_is_refused_not_crashed_on(not_text):
    assert refusal(not_text).code == "phone.not_a_number"


def test_the_refusal_names_the_field_but_never_repeats_the_number():
    with pytest.raises(BadInput) as caught:
        Phone.parse("138001380009", field="contact.phone")

    assert caught.value.errors[0].field == "contact.phone"
    assert "13800138000" not in repr(caught.value) + str(caught.value)


@given(st.text(max_size=80))
@example("+86-")
@example("转1")
def test_any_text_is_a_phone_or_is_refused(text):
    try:
        phone = Phone.parse(text)
    except BadInput:
        return
    assert phone.number.isascii()
    assert Phone.parse(phone.number).number == phone.number


@given(mobiles, st.lists(separators, min_size=12, max_size=12), st.booleans())
def test_separators_and_width_never_change_a_mobile(digits, gaps, wide):
    typed = "".join(gap + digit for gap, digit in zip(gaps, digits, strict=False))

    assert Phone.parse(typed.translate(FULL_WIDTH) if wide else typed).number == f"+86{digits}"


@given(mobiles, st.sampled_from(["+86", "0086", "86", "+86 ", "(+86)", "＋８６-", "0", ""]))
def test_every_way_of_writing_the_country_code_means_the_same_mobile(digits, prefix):
    assert Phone.parse(prefix + digits) == Phone(f"+86{digits}")


@given(
    landlines, st.sampled_from(["{}转{}", "{}-{}", "{} ext {}", "{}#{}"]), st.integers(1, 999999)
)
def test_an_extension_survives_every_way_of_writing_it(parts, form, extension):
    area, line = parts

    phone = Phone.parse(form.format(f"0{area}-{line}", extension))

    assert phone == Phone(f"+86{area}{line}", str(extension))


@given(st.one_of(mobiles.map("+86{}".format), landlines.map(lambda p: f"+86{p[0]}{p[1]}")))
def test_the_national_form_reads_back_as_the_same_number(number):
    phone = Phone(number)

    assert Phone.parse(phone.national) == phone


@given(
    st.characters(
        categories=["Nd", "Nl", "No"], exclude_characters="0123456789０１２３４５６７８９"
    )
)
def test_of_the_digits_outside_ascii_only_the_full_width_are_read(digit):
    assert refusal(f"138001380{digit}0").code == "phone.non_ascii_digits"


@pytest.mark.parametrize(
    "number", ["13800138000", "+86 13800138000", "+8612345678901", "+86", "", "8613800138000"]
)
def test_a_phone_cannot_be_built_from_a_form_that_is_not_canonical(number):
    with pytest.raises(ValueError, match="canonical"):
        Phone(number)


@pytest.mark.parametrize(
    ("number", "extension"),
    [("+8613800138000", "1"), ("+8631188881234", "1234567"), ("+8631188881234", "x")],
)
def test_a_phone_cannot_be_built_with_an_extension_that_is_none(number, extension):
    with pytest.raises(ValueError, match="extension"):
        Phone(number, extension)


def test_only_mainland_mobiles_can_be_texted():
    assert Phone("+8613800138000").can_text
    for number in ("+8631188881234", "+864001234567", "+8695598", "+85212345678"):
        assert not Phone(number).can_text


@pytest.mark.parametrize(
    ("number", "extension", "masked", "tail"),
    [
        ("+8613800138000", "", "138****8000", "8000"),
        ("+863118881567", "", "0311****567", "1567"),
        ("+8631188881567", "12", "0311****567", "1567"),
        ("+861088881234", "", "010****234", "1234"),
        ("+864001234567", "8", "400****567", "4567"),
        ("+8695598", "", "95598", "5598"),
        ("+85212345678", "", "+85****678", "5678"),
    ],
)
def test_a_phone_prints_masked_however_it_is_printed(number, extension, masked, tail):
    phone = Phone(number, extension)

    assert [str(phone), f"{phone}", phone.masked, f"{phone:>15}".strip()] == [masked] * 4
    assert repr(phone) == f"Phone({masked})"
    assert phone.tail == tail


@given(mobiles)
def test_no_print_of_a_phone_holds_its_digits(digits):
    phone = Phone(f"+86{digits}")

    printed = " ".join([str(phone), repr(phone), f"{phone!r:>40}", repr({"p": [phone]})])

    assert digits not in printed
    assert find_phones(printed) == []


def test_two_ways_of_writing_one_number_are_one_phone():
    assert {Phone.parse("０３１１－８８８８１２３４"), Phone.parse("+86 311 8888 1234")} == {
        Phone("+8631188881234")
    }


def test_the_phone_key_is_the_cut_hmac_of_the_e164_form():
    expected = hmac.new(SECRET, b"+8613800138000", hashlib.sha256).hexdigest()[:32]

    assert phone_key(Phone.parse("138 0013 8000"), SECRET) == expected
    assert phone_key(Phone("+8613800138000"), SECRET[::-1]) != expected
    assert phone_key(Phone("+8613800138001"), SECRET) != expected


def test_an_extension_shares_the_key_of_its_line():
    assert phone_key(Phone("+8631188881234", "1"), SECRET) == phone_key(
        Phone("+8631188881234"), SECRET
    )


def test_a_short_secret_is_refused_since_a_phone_has_few_digits_to_guess():
    with pytest.raises(ValueError, match="32"):
        phone_key(Phone("+8613800138000"), b"short")


# Numbers in running text.


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "客户电话13800138000，请联系",
        "phone=13800138000;",
        "tel13800138000x",
        '{"phone": "13800138000"}',
        "138 0013 8000",
        "138-0013-8000",
        "138.0013.8000",
        "138 001 38000",
        "1380-0138-000",
        "1380 013 8000",
        "138-00138000",
        "1380013 8000",
        "1 3 8 0 0 1 3 8 0 0 0",
        "1-3-8-0-0-1-3-8-0-0-0",
        "１３８００１３８０００",
        "１３８－００１３－８０００",
        "+8613800138000",
        "(+86) 138 0013 8000",
        "008613800138000",
        "013800138000",
        "订单 3 13800138000",
        "2024-11-15 13800138000",
        "١٣٨٠٠١٣٨٠٠٠",
        "१३८००१३८०००",
        "𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟎𝟎𝟎",
        "138\u200b0013\u200b8000",
        "face13800138000",
    ],
)
def test_s0_a_mobile_in_a_log_line_is_found_in_every_disguise(text):
    assert find_phones(text) == [Phone("+8613800138000")]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("请拨0311-88881234转2", "+8631188881234"),
        ("（010）88881234", "+861088881234"),
        ("+86 311 88881234 / +8631188881234", "+8631188881234"),
        ("call +85212345678", "+85212345678"),
    ],
)
def test_landlines_and_foreign_numbers_are_found_where_nothing_else_looks_like_them(text, number):
    assert find_phones(text) == [Phone(number)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "没有号码",
        "138****8000",
        "2024-11-15T13:00:13.800138+08:00",
        "192.168.100.12 13.100.138.100",
        "1700000000123",
        "1700000000",
        "latency 138.00138000 ms",
        "0.1380013800012345",
        "123e4567-1380-0138-0001-a14174000000",
        "sha256=4f1a13800138000f9c2b7d6e5a4f3c2b",
        "a13800138000bcdef0123456789abcde",
        "Root=1-5759e988-bd862e3fe13800138000f272",
        "arn:aws:dynamodb:cn-north-1:138001380001:table/x",
        "000000000000000000013",
        "counts: 15 20 300 400 5",
        "order 23456789CFGHJM",
        "95598 12398 12345",
        "010-18881234",
        "020-2345678",
    ],
)
def test_what_logs_are_full_of_is_not_taken_for_a_number(text):
    assert find_phones(text) == []


def test_uuids_are_never_taken_for_numbers():
    hits = [
        u
        for n in range(20_000)
        if find_phones(u := str(uuid.UUID(int=n * 0x1F0E1D2C3B4A5968778695A4B3C2D1E1 % 2**128)))
    ]

    assert hits == []


def test_digests_are_never_taken_for_numbers():
    digests = (hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(20_000))

    assert [digest for digest in digests if find_phones(digest)] == []


@given(
    st.lists(mobiles, min_size=1, max_size=4, unique=True),
    st.lists(st.text(st.characters(categories=["Lo", "Po"])), min_size=5, max_size=5),
)
def test_every_number_in_a_chinese_sentence_is_found_in_order(digits, words):
    text = "，".join(word + number for word, number in zip(words, digits, strict=False))

    assert [phone.number for phone in find_phones(text)] == [f"+86{number}" for number in digits]


@given(st.text())
def test_whatever_is_found_can_be_looked_at_safely(text):
    assert all(isinstance(phone, Phone) for phone in find_phones(text))


# Names and addresses.


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三丰", "张**"),
        ("张三", "张*"),
        ("张", "*"),
        ("", ""),
        ("欧阳修", "欧阳*"),
        ("诸葛孔明", "诸葛**"),
        ("欧阳", "欧*"),
        ("阳太一", "阳**"),
        ("张先生", "张**"),
        ("买买提·艾力江", "买***"),
        ("John Smith", "J***"),
        ("𠮷田", "𠮷*"),
        ("清河县某某农产品有限公司", "清***"),
    ],
)
def test_a_masked_name_keeps_the_surname_alone(name, masked):
    assert mask_name(name) == masked


@given(st.text(min_size=1))
def test_a_masked_name_is_never_the_name(name):
    assert mask_name(name) != name or set(name) == {"*"}


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("清河县城关镇建设路12号3单元502室", "清河县城关镇建设路***"),
        ("清河县城关镇建设路１２号", "清河县城关镇建设路***"),
        ("建设路阳光小区5号楼", "建设路***"),
        ("阳光小区5号楼2单元", "阳光小区***"),
        ("大理市上关镇河尾村三组李四家", "大理市上关镇河尾村***"),
        ("石家庄市长安区中山东路", "石家庄市长安区中山东路***"),
        ("新村镇东头", "新村镇***"),
        ("长安街道办事处建设路12号", "长安街道办事处建设路***"),
        ("城关街道12号", "城关街道***"),
        ("朝阳区三里屯5号", "朝阳区三里屯***"),
        ("人民大道八号", "人民大道***"),
        ("河北省邢台市清河县", "河北省邢台市清河县***"),
        ("幸福社区二号楼", "幸福社区***"),
        ("12号建设路", "***"),
        ("③号建设路", "***"),
        ("我家", "***"),
        ("", ""),
    ],
)
def test_a_masked_address_stops_at_the_village_or_the_road(address, masked):
    assert mask_address(address) == masked


@given(st.text())
def test_a_masked_address_holds_no_number(address):
    assert not any(unicodedata.category(ch)[0] == "N" for ch in mask_address(address))


# Contacts.


def test_a_contact_prints_masked():
    contact = Contact(
        phone=Phone("+8613800138000"),
        name="张三丰",
        address="清河县城关镇建设路12号3单元502室",
        account_no="1301234567890",
        reply_wish=ReplyWish.TEXT,
        special_need=True,
    )

    assert contact.masked == {
        "phone": "138****8000",
        "name": "张**",
        "address": "清河县城关镇建设路***",
        "account_no": "***7890",
    }
    printed = f"{contact!r} {contact} {[contact]}"
    for secret in ("13800138000", "三丰", "12号", "502", "1301234567890"):
        assert secret not in printed


@pytest.mark.parametrize(
    ("account_no", "masked"), [("", ""), ("12", "***"), ("1234", "***"), ("123456", "***56")]
)
def test_a_masked_account_number_hides_four_characters_at_least(account_no, masked):
    assert Contact(account_no=account_no).masked["account_no"] == masked


def test_a_citizen_may_stay_anonymous():
    assert repr(Contact()) == "Contact()"
    # Who leaves no number cannot be texted; who leaves one is, unless they say no.
    assert Contact().reply_wish is ReplyWish.TEXT


# Free text.


def text_refusal(text: Any, field: str = "text") -> FieldError:
    with pytest.raises(BadInput) as caught:
        clean_text(text, field=field, max_units=20)
    (error,) = caught.value.errors
    return error


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("家里\x00停电", "text.control"),
        ("家里\x1b[31m停电", "text.control"),
        ("家里\x7f停电", "text.control"),
        ("家里\x85停电", "text.control"),
        ("\x00", "text.control"),
        ("\x1c停电", "text.control"),
        ("停电\ufffe", "text.control"),
        ("停电\U0001ffff", "text.control"),
        ("停\n电", "text.control"),
        ("停\t电", "text.control"),
        ("停\u2028电", "text.control"),
        ("停电\ud83d", "text.surrogate"),
        ("\udc00停电", "text.surrogate"),
        ("\u202e电停", "text.bidi"),
        ("\u202a电停\u202c", "text.bidi"),
        ("\u2066电停\u2069", "text.bidi"),
        ("", "text.empty"),
        (" \u3000\n", "text.empty"),
        ("\u200b\u200b", "text.empty"),
        ("\u3164", "text.empty"),
        ("电" * 21, "text.too_long"),
        ("😀" * 11, "text.too_long"),
        ("e\u0301" * 21, "text.too_long"),
        ("\u0301\u0323" * 1_000_000, "text.too_long"),
        (None, "text.not_text"),
        (7, "text.not_text"),
    ],
)
def test_text_that_cannot_be_kept_is_refused_with_its_reason(text, code):
    assert text_refusal(text).code == code


def test_the_refusal_of_a_long_text_says_how_long_it_may_be():
    error = text_refusal("电" * 21, field="report.text")

    assert (error.field, dict(error.facts)) == ("report.text", {"limit": 20})


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  停电了。\n", "停电了。"),
        ("\u3000停电\u3000", "停电"),
        ("e\u0301clair", "éclair"),
        ("电" * 20, "电" * 20),
        ("😀" * 10, "😀" * 10),
        ("e\u0301" * 20, "é" * 20),
        ("\u200b张三", "\u200b张三"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\U000e0100", "\U000e0100"),
    ],
)
def test_text_that_can_be_kept_comes_back_normalised(text, clean):
    assert clean_text(text, field="text", max_units=20) == clean


def test_several_lines_are_kept_where_they_are_asked_for():
    text = "第一行\r\n第二行\r第三行\u2028第四行\t完"

    clean = clean_text(text, field="text", max_units=40, multiline=True)

    assert clean == "第一行\n第二行\n第三行\n第四行\t完"


def test_an_empty_text_is_fine_where_none_is_required():
    assert clean_text(" \u200b ", field="text", max_units=20, required=False) == ""


@given(st.text(st.characters(exclude_categories=[])), st.booleans(), st.integers(1, 40))
def test_what_passes_the_gate_passes_it_again_unchanged(text, multiline, most):
    try:
        clean = clean_text(text, field="text", max_units=most, multiline=multiline)
    except BadInput:
        return

    assert clean_text(clean, field="text", max_units=most, multiline=multiline) == clean
    assert 0 < utf16_units(clean) <= most
    assert clean.encode()
    assert "\x00" not in clean


@given(st.text())
def test_units_are_counted_as_utf_16_counts_them(text):
    assert utf16_units(text) == len(text.encode("utf-16-le")) // 2
