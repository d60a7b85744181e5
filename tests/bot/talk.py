from typing import Any

from bot.sandbox.client import Person


async def ask(person: Person, text: str, wanted: str, **where: Any) -> dict[str, Any]:
    """Say something and wait for the bot's answer that holds the wanted words."""
    said = await person.say(text, **where)
    return await person.wait_for(
        lambda m: wanted in (m["text"] or m.get("caption") or ""),
        within=20,
        after=said["message_id"],
        chat=where.get("chat"),
    )


def labels(message: dict[str, Any]) -> list[str]:
    """What stands on the buttons under a message."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]
