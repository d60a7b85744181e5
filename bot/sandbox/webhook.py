"""Posts updates to the bot's webhook, in order, until each is accepted."""

from __future__ import annotations

import time

import httpx

from bot.sandbox.world import World

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 30.0
_IDLE = 3600.0


async def deliver(world: World) -> None:
    """Post what is pending while a webhook is set, until cancelled."""
    pause = _FIRST_PAUSE
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        while True:
            if not world.webhook.url or not world.updates.pending:
                await world.bell.wait(_IDLE)
                continue
            item = world.updates.pending[0]
            if await _post(client, world, item.update):
                pause = _FIRST_PAUSE
                if any(other is item for other in world.updates.pending):
                    if item.duplicate:
                        item.duplicate = ""
                    else:
                        world.updates.pending.remove(item)
                world.touch()
                continue
            until = time.monotonic() + pause
            url = world.webhook.url
            while world.webhook.url == url and await world.bell.wait(until - time.monotonic()):
                continue
            pause = min(pause * 2, _LONGEST_PAUSE) if world.webhook.url == url else _FIRST_PAUSE


async def _post(client: httpx.AsyncClient, world: World, update: dict[str, object]) -> bool:
    """Post one update; a failure is noted where getWebhookInfo shows it."""
    hook = world.webhook
    headers = {}
    if hook.secret_token:
        headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret_token
    try:
        answer = await client.post(hook.url, json=update, headers=headers)
    except httpx.HTTPError as error:
        reason = f"Connection failed: {type(error).__name__}"
    else:
        if answer.is_success:
            return True
        reason = f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
    hook.last_error_date, hook.last_error_message = int(time.time()), reason
    return False
