import pytest

from bot.sandbox.world import GROUP_ID
from tests.bot.talk import ask
from tests.conftest import Town

FROM = {"id": 1001, "is_bot": False, "first_name": "Carla"}
PRIVATE = {"id": 1001, "type": "private", "first_name": "Carla"}
CHANNEL = {"id": -1009, "type": "channel", "title": "News"}


@pytest.mark.parametrize(
    "fields",
    [
        {"channel_post": {"message_id": 9, "date": 1, "chat": CHANNEL, "text": "/queue"}},
        {"something_new": {"chat": PRIVATE, "from": FROM}},
        {
            "message": {
                "message_id": 901,
                "date": 1,
                "chat": PRIVATE,
                "from": {**FROM, "is_bot": True},
                "text": "I am a bot",
            }
        },
        {"edited_message": {"message_id": 7777, "date": 1, "edit_date": 2, "chat": PRIVATE,
                            "from": FROM, "text": "/resolve 1"}},
        {"edited_message": {"message_id": 7777, "date": 1, "edit_date": 2, "chat": PRIVATE,
                            "from": FROM, "text": "never seen before"}},
        {"poll": {"id": "1", "question": "?", "options": []}},
    ],
    ids=["channel", "unknown field", "other bot", "edited command", "unknown edit", "poll"],
)  # fmt: skip
async def test_what_is_not_for_the_desk_is_passed_over(
    town: Town, fields: dict[str, object]
) -> None:
    await town.client.inject(**fields)
    await ask(town.dmitri, "My parcel is late", "#1")
    assert not [c for c in await town.client.outgoing() if "-1009" in str(c["params"])]


async def test_an_update_with_fields_nobody_knows_is_handled(town: Town) -> None:
    await town.client.inject(
        message={
            "message_id": 500,
            "date": 1_800_000_000,
            "chat": {**PRIVATE, "is_new": True},
            "from": {**FROM, "aura": "blue"},
            "text": "My parcel is late",
            "hologram": {"depth": 3},
        },
        quantum=True,
    )
    await town.carla.wait_for(lambda m: "#1" in m["text"], within=15)


async def test_an_anonymous_admin_of_the_group_commands_nothing(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    await town.ana.say("/next", chat=GROUP_ID, anonymous=True)
    await ask(town.ben, "/next", "#1")


async def test_agents_work_from_their_group(town: Town) -> None:
    await ask(town.carla, "This is outrageous, broken again, I want my money back!", "#1")
    card = await town.ana.wait_for(lambda m: "#1" in m["text"], chat=GROUP_ID, within=15)
    await town.ana.press(card, "claim")
    shown = await town.ana.wait_for(
        lambda m: "✋" in m["text"], chat=GROUP_ID, after=card["message_id"], within=15
    )
    await town.ana.say("We refund you today", chat=GROUP_ID, reply_to=shown["message_id"])
    await town.carla.wait_for(lambda m: "refund you today" in m["text"], within=15)
    await town.ben.say("lunch?", chat=GROUP_ID)
    await ask(town.ben, "/queue", "Nobody is waiting", chat=GROUP_ID)


async def test_somebody_in_the_group_who_is_no_agent_gets_no_answer_but_the_usual(
    town: Town,
) -> None:
    await town.client.set_member(GROUP_ID, town.dmitri.id, "member")
    await ask(town.dmitri, "/queue", "I don't know that command", chat=GROUP_ID)


async def test_buttons_of_old_cards_say_that_they_are_out_of_date(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    card = await ask(town.ana, "/next", "#1")
    await ask(town.ana, "/resolve 1", "is resolved")
    answer = await town.ana.press(card, "resolve")
    assert answer["answered"]
    await town.ana.wait_for(lambda m: "is resolved already" in m["text"], within=15)


async def test_a_forged_or_foreign_button_does_nothing(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    card = await ask(town.ana, "/ticket 1", "My parcel")
    query = {
        "id": "1",
        "chat_instance": "1",
        "message": {"message_id": card["message_id"], "date": 1, "chat": PRIVATE},
    }
    customer = {**query, "from": FROM}
    agent = {**query, "from": {"id": town.ana.id, "is_bot": False, "first_name": "Ana"}}
    await town.client.inject(callback_query={**customer, "data": "claim:1"})
    for data in ("claim:999999999999999999", "nonsense", "claim:x", "removed:1001", "queue:-999"):
        await town.client.inject(callback_query={**agent, "data": data})
    await ask(town.ben, "/next", "#1")


async def test_an_edited_message_is_shown_as_it_is_now(town: Town) -> None:
    said = await town.carla.say("My parcel is late")
    await town.carla.wait_for(lambda m: "#1" in m["text"], within=15)
    await ask(town.ana, "/next", "parcel is late")
    await town.carla.edit(said["message_id"], "My parcel is lost")
    await town.ana.wait_for(lambda m: "edited: My parcel is lost" in m["text"], within=15)
    await ask(town.ana, "/ticket 1", "parcel is lost (edited)")


async def test_every_kind_of_message_reaches_the_desk(town: Town) -> None:
    await town.carla.sticker("😡")
    await town.carla.wait_for(lambda m: "#1" in m["text"], within=15)
    await town.carla.voice(b"OggS")
    await town.carla.document(b"%PDF", caption="the invoice")
    await town.carla.location(52.5, 13.4)
    await town.carla.contact("+49 30 1234", "Carl")
    await town.carla.video(b"video")
    await ask(town.carla, "/status", "#1")  # comes after all of these
    card = await ask(town.ana, "/ticket 1", "[video]")
    for kind in ("[sticker] 😡", "[voice]", "[document] the invoice", "[location]", "[contact]"):
        assert kind in card["text"]
    for kind in ("sticker", "voice", "document", "location", "contact", "video"):
        await town.ana.wait_for(lambda m, kind=kind: m.get(kind), within=20)


async def test_a_customer_withdraws_a_ticket(town: Town) -> None:
    await ask(town.carla, "/cancel", "nothing to cancel")
    await ask(town.carla, "My parcel is late", "#1")
    question = await ask(town.carla, "/cancel", "Withdraw ticket")
    await town.carla.press(question, "Keep it")
    await ask(town.carla, "/status", "you are next")
    question = await ask(town.carla, "/cancel", "Withdraw ticket")
    await town.carla.press(question, "Withdraw it")
    await ask(town.carla, "/status", "no open ticket")
    await ask(town.ana, "/queue", "Nobody is waiting")
