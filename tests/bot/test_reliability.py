from bot.dispatch import TRIES
from bot.sandbox.world import SANDBOX_TOKEN
from bot.secrets import redact
from storage import inbox
from storage.database import Database
from storage.schema import State
from tests.conftest import Town, desk_open


async def test_what_came_in_while_the_bot_was_away_is_answered_once(closed_town: Town) -> None:
    town = closed_town
    await town.client.fault(kind="duplicate_update", times=1)
    await town.carla.say("My parcel is late")
    for _ in range(2):
        async with desk_open(town.settings):
            await town.carla.wait_for(lambda m: "#1" in m["text"], within=15)
            status = await town.carla.say("/status")
            await town.carla.wait_for(within=15, after=status["message_id"])
    said = [m["text"] for m in await town.carla.messages()]
    assert sum("we have your message" in text for text in said) == 1


async def test_a_message_survives_flood_control_and_a_bad_gateway(town: Town) -> None:
    await town.client.fault("sendMessage", kind="retry_after", retry_after=1, times=1)
    await town.client.fault("sendMessage", kind="bad_gateway", times=1)
    await town.carla.say("My parcel is late")
    await town.carla.wait_for(lambda m: "#1" in m["text"], within=20)


async def test_an_update_that_cannot_be_handled_is_set_aside_and_an_admin_told(
    town: Town,
) -> None:
    await town.client.inject(message={"message_id": "broken", "chat": {"id": 1001}})
    await town.ada.wait_for(lambda m: "Set aside" in m["text"], within=20)
    await town.carla.wait_for(lambda m: "went wrong on our side" in m["text"], within=15)
    database = Database(town.settings.database())
    async with database.read() as session:
        assert await inbox.count(session, State.SET_ASIDE) == 1
    await database.close()
    assert TRIES == 3
    await town.dmitri.say("Hello")
    await town.dmitri.wait_for(lambda m: "we have your message" in m["text"], within=15)


def test_the_token_never_reaches_a_log() -> None:
    line = f"POST http://127.0.0.1/bot{SANDBOX_TOKEN}/getMe postgresql://desk:secret@db/desk"
    assert SANDBOX_TOKEN not in redact(line)
    assert "secret" not in redact(line)
