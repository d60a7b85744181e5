import re
import shutil
from typing import Any

from bot.sandbox.world import GROUP_ID
from ml.artifact import WEIGHTS, load_card, write_card
from ml.completion.serve import TEAM
from tests.bot.talk import ask, labels
from tests.conftest import Town, desk_open


async def test_a_tap_on_a_suggestion_posts_the_whole_sentence(town: Town) -> None:
    offered = await ask(town.carla, "/complete So she was considering", "go on?")
    *suggestions, more = labels(offered)
    assert len(suggestions) == 3
    assert more == "🔄 More"
    await town.carla.press(offered, suggestions[1])
    whole = "So she was considering" + suggestions[1].removeprefix("…")
    await town.carla.wait_for(lambda m: m["text"] == whole, within=15)


async def test_more_replaces_the_suggestions_and_they_still_work(town: Town) -> None:
    offered = await ask(town.carla, "/complete So she was considering", "go on?")
    await town.carla.press(offered, "🔄 More")
    changed = await town.carla.wait_for(
        lambda m: "go on?" in m["text"] and labels(m) != labels(offered), within=15
    )
    assert changed["message_id"] == offered["message_id"]
    assert not set(labels(changed)[:3]) & set(labels(offered)[:3])
    await town.carla.press(changed, labels(changed)[0])
    whole = "So she was considering" + labels(changed)[0].removeprefix("…")
    await town.carla.wait_for(lambda m: m["text"] == whole, within=15)


async def test_complete_explains_itself_or_completes_the_message_it_replies_to(town: Town) -> None:
    usage = await ask(town.carla, "/complete", "Write the beginning")
    await ask(town.carla, "/complete", "Write the beginning of a", reply_to=usage["message_id"])
    said = await town.ana.say("Thank you for")
    await ask(town.ana, "/complete", "Thank you for…", reply_to=said["message_id"])


async def test_texts_that_cannot_be_finished_are_answered(town: Town) -> None:
    for text in ("😀😀", "Привет", "你好", "!!!", "\u200b"):
        await ask(town.carla, f"/complete {text}", "write a few words")
    await ask(town.carla, "/complete " + "very " * 800 + "long", "very long…")
    await ask(town.carla, "/complete <b>bold</b> & /stats", "<b>bold</b> & /stats…")


async def test_inline_mode_offers_the_same_suggestions(town: Town) -> None:
    offered = await ask(town.carla, "/complete So she was considering", "go on?")
    found = await town.dmitri.inline("So she was considering", wait=15)
    assert [result["title"] for result in found["results"]] == labels(offered)[:3]
    await town.ana.inline("", chat=GROUP_ID, wait=15)
    chosen = await town.ana.inline("So she was considering", chat=GROUP_ID, wait=15)
    await town.ana.choose(chosen, "0", chat=GROUP_ID)
    sent = await town.ana.messages(GROUP_ID)
    assert sent[-1]["text"].startswith("So she was considering ")


async def test_inline_mode_says_what_to_do_when_there_is_nothing_to_finish(town: Town) -> None:
    found = await town.dmitri.inline("", wait=15)
    assert (found["results"], found["button"]["text"]) == ([], "Write the beginning of a sentence")


async def test_a_reply_that_trails_off_is_finished_before_it_is_sent(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    card = await ask(town.ana, "/next", "parcel is late")
    said = await town.ana.say("I am so sorry that…", reply_to=card["message_id"])
    offered = await town.ana.wait_for(
        lambda m: "Your reply to #1" in m["text"], within=15, after=said["message_id"]
    )
    assert labels(offered)[3:] == ["🔄 More", "📨 Send as it is"]
    await town.ana.press(offered, "🔄 More")
    changed = await town.ana.wait_for(
        lambda m: "Your reply to #1" in m["text"] and labels(m) != labels(offered), within=15
    )
    await town.ana.press(changed, labels(changed)[0])
    whole = "I am so sorry that" + labels(changed)[0].removeprefix("…")
    await town.carla.wait_for(lambda m: m["text"] == whole, within=15)
    assert len([m for m in await town.carla.messages() if "so sorry" in m["text"]]) == 1
    await ask(town.ana, "/reply 1 One moment...", "Your reply to #1")
    offered = await town.ana.wait_for(lambda m: "One moment…" in m["text"], within=15)
    await town.ana.press(offered, "📨 Send as it is")
    await town.carla.wait_for(lambda m: m["text"] == "One moment…", within=15)


async def test_a_second_tap_sends_nothing_more(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    offered = await ask(town.ana, "/reply 1 One moment...", "Your reply to #1")
    for button in ("📨 Send as it is", labels(offered)[0], "📨 Send as it is"):
        await town.ana.press(offered, button)
    await town.ana.wait_for(lambda m: "out of date" in m["text"], within=15)
    await ask(town.carla, "/status", "is on it")
    assert [m["text"] for m in await town.carla.messages() if "One moment" in m["text"]] == [
        "One moment…"
    ]


async def test_a_long_reply_that_trails_off_is_sent_whole_with_its_paragraphs(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    begun = "Dear Carla,\n\n" + "We looked into it and found this. " * 30 + "Thank you for"
    offered = await ask(town.ana, f"/reply 1 {begun}...", "Your reply to #1")
    await town.ana.press(offered, labels(offered)[0])
    whole = begun + labels(offered)[0].removeprefix("…")
    await town.carla.wait_for(lambda m: m["text"] == whole, within=15)
    longest = "It is about to be sent. " * 180
    await town.ana.say(f"/reply 1 {longest[:4080]}...")
    await town.carla.wait_for(lambda m: m["text"].endswith("..."), within=15)


async def test_the_button_of_inline_mode_leads_to_how_it_works(town: Town) -> None:
    found = await town.dmitri.inline("", wait=15)
    await town.dmitri.start(found["button"]["start_parameter"])
    await town.dmitri.wait_for(lambda m: "/complete" in m["text"], within=15)


async def test_typing_is_shown_while_it_works(town: Town) -> None:
    await ask(town.carla, "/complete So she was considering", "go on?")
    [call] = await town.client.outgoing("sendChatAction", chat_id=town.carla.id)
    assert call["params"]["action"] == "typing"


async def test_agents_get_the_teams_own_voice_where_there_is_one(closed_town: Town) -> None:
    team = closed_town.settings.data_dir / TEAM
    shutil.copytree(WEIGHTS / "completion", team)
    few = ["and", "have", "i", "said", "she", "that", "the", "to", "was", "you"]
    (team / "words.txt").write_text("\n".join(few))
    write_card(team, load_card(WEIGHTS / "completion"))
    async with desk_open(closed_town.settings):
        mine = await ask(closed_town.ana, "/complete So she was", "go on?")
        theirs = await ask(closed_town.carla, "/complete So she was", "go on?")
        await closed_town.ana.inline("So she was", wait=15)

    def words(message: dict[str, Any]) -> set[str]:
        return set(re.findall("[a-z]+", " ".join(labels(message)[:-1]).lower()))

    assert words(mine) <= set(few)
    assert not words(theirs) <= set(few)
    [inline] = await closed_town.client.outgoing("answerInlineQuery")
    assert inline["params"]["is_personal"] in (True, "true")  # kept for nobody else
