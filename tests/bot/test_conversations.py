from bot.sandbox.world import GROUP_ID
from tests.bot.talk import ask
from tests.conftest import Town, desk_open


async def test_the_complaint_is_first_in_the_queue_and_is_resolved(town: Town) -> None:
    await ask(town.dmitri, "Hello, when do you open on Saturday?", "#1")
    await ask(town.carla, "This is the worst service ever, broken again and nobody helps!", "#2")
    queue = await ask(town.ana, "/queue", "Waiting: 2")
    assert queue["text"].index("#2") < queue["text"].index("#1")

    card = await ask(town.ana, "/next", "worst service")
    assert "#2" in card["text"]
    await town.ana.say("So sorry! A technician is on the way.", reply_to=card["message_id"])
    await town.carla.wait_for(lambda m: "technician" in m["text"], within=15)
    await town.carla.say("Thank you, that was quick")
    await town.ana.wait_for(lambda m: "that was quick" in m["text"], within=15)
    await town.ana.say("/resolve 2")
    await town.carla.wait_for(lambda m: "is resolved" in m["text"], within=15)


async def test_a_second_message_joins_the_ticket_without_another_acknowledgement(
    town: Town,
) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    await town.carla.say("Order 4711")
    status = await ask(town.carla, "/status", "you are next")
    said = [m["text"] for m in await town.carla.messages()]
    assert sum("we have your message" in text for text in said) == 1
    assert "#1" in status["text"]


async def test_two_agents_never_hold_one_ticket(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    await ask(town.ana, "/next", "#1")
    await ask(town.ben, "/next", "Nobody is waiting")
    refused = await ask(town.ben, "/reply 1 Hi, I am Ben", "held by")
    assert "Ana" in refused["text"]


async def test_somebody_without_the_role_hears_nothing_of_the_command(town: Town) -> None:
    for command in ("/queue", "/stats", "/nonsense", "/resolve 1"):
        await ask(town.carla, command, "I don't know that command")


async def test_a_photo_reaches_the_agent_and_a_photo_comes_back(town: Town) -> None:
    await town.carla.photo(b"\x89PNG\r\n\x1a\n", caption="It arrived broken")
    await town.carla.wait_for(lambda m: "#1" in m["text"], within=15)
    card = await ask(town.ana, "/next", "It arrived broken")
    await town.ana.wait_for(lambda m: m.get("photo"), within=15)
    await town.ana.photo(b"\x89PNG\r\n\x1a\n", caption="Label", reply_to=card["message_id"])
    await town.carla.wait_for(lambda m: m.get("photo") and m["caption"] == "Label", within=15)


async def test_odd_texts_are_answered_and_the_bot_goes_on(town: Town) -> None:
    odd = ["😀😀", "x" * 4096, "\u202eabc\u200b", "'; DROP TABLE tickets; --", "<b>&amp;<script>"]
    for text in odd:
        await town.carla.say(text)
    await ask(town.carla, "/status", "you are next")
    card = await ask(town.ana, "/ticket 1", "DROP TABLE")
    assert "<script>" in card["text"]
    for command, wanted in (
        ("/ticket", "Which ticket"),
        ("/ticket 99999999999999999999999", "There is no ticket"),
        ("/ticket -1", "Which ticket"),
        ("/reply 1", "no text"),
        ("/forecast nonsense", "no product"),
        ("/forecast P1 1000", "1 to 13 weeks"),
        ("/complete", "Write the beginning"),
        ("/complete 😀", "English"),
    ):
        await ask(town.ana, command, wanted)


async def test_an_admin_invites_an_agent_and_removes_one(town: Town) -> None:
    link = await ask(town.ada, "/addagent", "?start=")
    secret = link["text"].split("?start=")[1].split()[0]
    await town.dmitri.start(secret)
    await town.dmitri.wait_for(lambda m: "You are an agent" in m["text"], within=15)
    await town.carla.start(secret)
    await town.carla.wait_for(lambda m: "was used already" in m["text"], within=15)
    question = await ask(town.ada, "/removeagent 1002", "off the team")
    await town.ada.press(question, "Keep")
    await town.ada.wait_for(lambda m: "nobody was taken off" in m["text"], within=15)
    await ask(town.dmitri, "/queue", "Nobody is waiting")
    question = await ask(town.ada, "/removeagent 1002", "off the team")
    await town.ada.press(question, "Remove")
    await ask(town.dmitri, "/queue", "I don't know that command")


async def test_who_is_no_admin_any_more_holds_no_ticket_and_hears_of_none(
    closed_town: Town,
) -> None:
    town = closed_town
    async with desk_open(town.settings):
        await ask(town.carla, "My parcel is late", "#1")
        await ask(town.ada, "/next", "parcel is late")
    admins = frozenset({town.dmitri.id})
    async with desk_open(town.settings.model_copy(update={"admin_ids": admins})):
        await town.carla.say("My door code is 4242, please hurry")
        await ask(town.carla, "/status", "#1")  # comes after it
        await ask(town.ana, "/queue", "#1")
        await ask(town.ana, "/reply 1 On its way", "Sent")
        await ask(town.ada, "/queue", "I don't know that command")
        await ask(town.dmitri, "/stats", "The desk")
    assert not [m for m in await town.ada.messages() if "4242" in m["text"]]
    assert "queue" not in {c["command"] for c in await town.ada.commands()}


async def test_a_mistyped_command_under_a_card_in_the_group_does_not_reach_the_customer(
    town: Town,
) -> None:
    await town.carla.say("I was charged twice and nobody answers, this is outrageous!")
    card = await town.ana.wait_for(lambda m: "outrageous" in m["text"], chat=GROUP_ID, within=15)
    under = {"chat": GROUP_ID, "reply_to": card["message_id"]}
    await ask(town.ana, "/relese 1", "I don't know that command", **under)
    await town.ana.photo(b"photo", caption="/resolve 1", **under)
    await ask(town.ana, "We are on it", "Sent", **under)
    await town.carla.wait_for(lambda m: m["text"] == "We are on it", within=15)
    assert not [m for m in await town.carla.messages() if "1" in str(m.get("caption"))]
    assert not [m for m in await town.carla.messages() if "/relese" in m["text"]]


async def test_the_networks_answer_from_telegram(town: Town) -> None:
    await ask(town.carla, "/complete So she was considering", "So she was considering")
    picture = await ask(town.carla, "/forecast p1", "units a week")
    assert picture["photo"]


async def test_a_card_says_why_and_marks_what_is_not_english(town: Town) -> None:
    await ask(town.carla, "I was charged twice and nobody answers", "#1")
    await ask(town.dmitri, "Ich warte seit drei Wochen auf meine Lieferung, wo bleibt sie?", "#2")
    card = await ask(town.ana, "/ticket 1", "why: ")
    assert "charged" in card["text"].split("why: ")[1].split("\n")[0]
    await ask(town.ana, "/ticket 2", "not in English")
