"""How a person writes, measured; and the language that it is written in."""

import pytest

from convsim_nb.domain.language import language_of, words
from convsim_nb.domain.style import StyleCard, measure_style, style_lines

HASTY = ("hey need a plumber tmrw morning", "12 oak street", "thx a lot")
FORMAL = (
    "Good morning. Could you please tell me when my parcel will arrive?",
    "The number of the parcel is 44-1208.",
    "Thank you very much.",
)
CHINESE = ("你好，我想退掉上周买的耳机。", "订单号是A88213。", "左边没有声音，请帮我看看")


def test_a_hasty_writer():
    """Short, lower case, no full stops, one courtesy in three messages."""
    assert measure_style(HASTY) == StyleCard(
        language="en",
        words=3,
        longest=6,
        casing="lower",
        punctuation="none",
        politeness=0.33,
        questions=0.0,
        examples=HASTY,
    )


def test_a_formal_writer():
    """Whole sentences with their marks; the question is counted."""
    card = measure_style(FORMAL)

    assert (card.casing, card.punctuation, card.questions, card.politeness) == ("sentence", "full", 0.33, 0.67)


def test_chinese_is_counted_by_characters():
    """A language without spaces has no words to count; its punctuation and courtesies are known all the same."""
    card = measure_style(CHINESE)

    assert (card.language, card.unit, card.words, card.longest) == ("zh", "characters", 11, 12)
    assert (card.casing, card.punctuation, card.politeness) == (None, "full", 0.33)


def test_no_example_holds_what_is_to_be_withheld():
    """A message that shares a word of matter with a hidden text is measured, and shown to nobody."""
    said = ("where is my parcel", "but it is saturday, nobody delivers", "ok", "then on monday")
    card = measure_style(said, hidden=["It is Saturday."])

    assert card.examples == ("where is my parcel", "ok", "then on monday")
    assert card.longest == 6


def test_hidden_chinese_is_found_without_spaces():
    """Pairs of characters stand for words."""
    said = ("现在的价格是多少", "今天是周六，休市了", "好的")

    assert measure_style(said, hidden=["今天是周六"]).examples == ("现在的价格是多少", "好的")


def test_nobody_who_said_nothing_has_a_style():
    """An empty card, and no error."""
    assert measure_style(["", "  "]) == StyleCard()
    assert style_lines(StyleCard()) == ()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I'd like to have my shoes mended, can you do that?", "en"),
        ("Ich möchte gern wissen, wann der Zug nach Ulm fährt", "de"),
        ("Je voudrais savoir quand le train part pour Lyon", "fr"),
        ("Quiero cambiar la fecha de mi vuelo, por favor", "es"),
        ("Vorrei sapere quando parte il treno per Bari", "it"),
        ("Eu gostaria de mudar a data do meu voo, você pode?", "pt"),
        ("Ik wil graag weten wanneer de trein naar Breda gaat", "nl"),
        ("Kan jag få veta när tåget till Lund går?", "sv"),
        ("Chciałbym zmienić termin wizyty, czy jest to możliwe", "pl"),
        ("我想改一下航班的日期", "zh"),
        ("フライトの日付を変更したいです", "ja"),
        ("비행기 날짜를 바꾸고 싶어요", "ko"),
        ("Я хочу изменить дату рейса", "ru"),
        ("Я хочу змінити дату рейсу, дякую, її", "uk"),
        ("أريد تغيير موعد الرحلة", "ar"),
        ("θέλω να αλλάξω την ημερομηνία", "el"),
        ("4711", ""),
        ("", ""),
        ("DAX", ""),
    ],
)
def test_the_language_is_told_by_script_and_by_function_words(text, language):
    """Where nothing tells it, none is claimed."""
    assert language_of(text) == language


def test_compounds_and_addresses_are_one_word():
    """A mail address, an id and a time are a word each."""
    assert words("mail me at jo.b@x.org at 8:30, id A-17") == [
        "mail",
        "me",
        "at",
        "jo.b@x.org",
        "at",
        "8:30",
        "id",
        "A-17",
    ]
