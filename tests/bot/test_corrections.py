import asyncio
import shutil
from typing import Any

from bot.sandbox.world import GROUP_ID
from ml.artifact import WEIGHTS, load_card, write_card
from ml.sentiment.serve import OWN
from storage import tickets
from storage.database import look_up
from tests.bot.talk import ask, labels
from tests.conftest import Town


async def card(town: Town, text: str = "What are your opening hours?") -> dict[str, Any]:
    """A customer's ticket as the agent sees it."""
    await ask(town.carla, text, "we have your message")
    return await ask(town.ana, "/next", "Carla")


async def test_one_tap_corrects_a_score_and_keeps_the_text_that_was_scored(town: Town) -> None:
    shown = await card(town)
    pressed = await town.ana.press(shown, "😠 Complaint")
    assert pressed["text"] == "Noted: #1 is a complaint. I can learn from that."
    marked = await town.ana.wait_for(lambda m: "✔️ 😠 Complaint" in labels(m), within=15)
    again = await town.ana.press(marked, "🙂 No complaint")
    assert "is no complaint" in again["text"]
    marked = await town.ana.wait_for(lambda m: "✔️ 🙂 No complaint" in labels(m), within=15)
    assert "😠 Complaint" in labels(marked)
    await ask(town.ana, "/ticket 1", "#1 low · 0.00")


async def test_corrections_can_be_read_to_learn_from(town: Town) -> None:
    shown = await card(town)
    await town.ana.press(shown, "😠 Complaint")
    await town.ana.wait_for(lambda m: "✔️ 😠 Complaint" in labels(m), within=15)
    await ask(town.ana, "/release 1", "back in the queue")
    await ask(town.ben, "/queue", "#1 urgent · 1.00")

    def read() -> list[tuple[str, bool]]:
        return look_up(town.settings.database(), tickets.corrections)

    assert await asyncio.to_thread(read) == [("What are your opening hours?", True)]


async def test_announcements_in_the_group_can_be_corrected(town: Town) -> None:
    await town.carla.say("Worst service ever, I am furious. Nothing works!")
    announced = await town.ana.wait_for(
        lambda m: "😠 Complaint" in labels(m),
        chat=GROUP_ID,
        within=20,
    )
    pressed = await town.ben.press(announced, "🙂 No complaint")
    assert "#1 is no complaint" in pressed["text"]


async def test_a_photo_without_words_has_nothing_to_correct(town: Town) -> None:
    await town.carla.photo(b"\xff\xd8\xff")
    await town.carla.wait_for(lambda m: "we have your message" in m["text"], within=15)
    shown = await ask(town.ana, "/next", "[photo]")
    assert "😠 Complaint" not in labels(shown)


async def test_only_agents_correct_scores(town: Town) -> None:
    shown = await card(town)
    data = next(
        button["callback_data"]
        for row in shown["reply_markup"]["inline_keyboard"]
        for button in row
        if button["text"] == "😠 Complaint"
    )
    callback = {
        "id": "1",
        "from": {"id": town.carla.id, "is_bot": False, "first_name": "Carla"},
        "chat_instance": "1",
        "data": data,
    }
    await town.client.inject(callback_query=callback)
    await ask(town.ana, "/ticket 1", "#1 low")


async def test_new_weights_are_taken_up_without_a_restart(town: Town) -> None:
    await ask(town.ada, "/reload", "The networks are loaded anew.")
    own = town.settings.data_dir / OWN
    shutil.copytree(WEIGHTS / "sentiment", own)
    everything_urgent = {"urgent": 0.0, "high": 0.0, "normal": 0.0, "low": 0.0}
    kept = {name: value for name, value in load_card(own).items() if name != "files"}
    write_card(own, {**kept, "bands": everything_urgent})
    await ask(town.ada, "/reload", "The networks are loaded anew.")
    await ask(town.carla, "Thank you, all is well", "we have your message")
    await ask(town.ana, "/queue", "urgent")
    (own / "words.txt").write_text("broken\n")
    await ask(town.ada, "/reload", "Nothing has changed: ")
    await ask(town.ana, "/queue", "urgent")
    await ask(town.ana, "/reload", "I don't know that command")
