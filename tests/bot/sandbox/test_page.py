import asyncio
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect
from playwright.async_api import Error as PlaywrightError

from tests.bot.talk import ask
from tests.conftest import Town

expect.set_options(timeout=20_000)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc000000301010018dd8db00000000049454e44ae426082"
)
ERRORS = """
window.errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
        except PlaywrightError as error:
            if CHROMIUM is not None or "Executable doesn't exist" not in str(error):
                raise
            pytest.skip("no browser: install chromium, or run `playwright install chromium`")
        yield browser
        await browser.close()


async def opened(town: Town, browser: Browser, **options: Any) -> tuple[BrowserContext, Page]:
    context = await browser.new_context(**options)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    await page.add_init_script(ERRORS)
    await page.goto(town.settings.telegram_api_url)
    return context, page


async def said(page: Page, words: str) -> None:
    await expect(page.get_by_role("log")).to_contain_text(words)


async def write(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name="Message").fill(text)
    await page.keyboard.press("Enter")


async def test_a_ticket_goes_its_whole_way_in_the_browser(town: Town, browser: Browser) -> None:
    context, page = await opened(town, browser)
    chats = page.get_by_role("navigation")
    await chats.get_by_role("button", name="Carla").click()
    await write(page, "This is terrible <b>service</b>, I was charged twice! 😡")
    await said(page, "we have your message: ticket #1")
    await said(page, "<b>service</b>")

    await chats.get_by_role("button", name="Ana", exact=False).first.click()
    await page.get_by_role("button", name="Commands").click()
    await page.get_by_role("button", name="/queue").click()
    await said(page, "🔴 #1 urgent")
    await page.get_by_role("log").get_by_role("button", name="#1").click()
    await page.get_by_role("button", name="✋ Take it").last.click()
    await said(page, "✋ Ana")
    card = page.get_by_role("article").filter(has_text="✋ Ana").last
    await card.get_by_role("button", name="Reply").click()
    await write(page, "Sorry! The money is on its way back.")
    await said(page, "Sent to the customer of #1")

    await chats.get_by_role("button", name="Carla").click()
    await said(page, "The money is on its way back.")
    await page.locator("#file").set_input_files(
        {"name": "receipt.png", "mimeType": "image/png", "buffer": PIXEL}
    )
    await expect(page.get_by_role("log").locator("img")).to_have_count(1)
    await chats.get_by_role("button", name="Ana", exact=False).first.click()
    await expect(page.get_by_role("log").locator("img")).to_have_count(1)
    assert await page.evaluate("errors") == []
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_works_on_a_phone_by_keyboard_alone(
    town: Town, browser: Browser, scheme: str
) -> None:
    context, page = await opened(
        town, browser, viewport={"width": 375, "height": 667}, color_scheme=scheme
    )
    await page.get_by_role("navigation").get_by_role("button", name="Carla").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("My parcel is late")
    await page.keyboard.press("Enter")
    await said(page, "ticket #1")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 375
    composer = await page.get_by_role("textbox", name="Message").bounding_box()
    assert composer is not None
    assert composer["y"] + composer["height"] <= 667
    colours = await page.evaluate(
        "['color', 'backgroundColor'].map((name) => getComputedStyle(document.body)[name])"
    )
    ink, back = (sum(map(int, c[4:-1].split(", "))) for c in colours)
    assert (ink < back) == (scheme == "light")
    assert await page.evaluate("errors") == []
    await context.close()


async def test_a_blocked_bot_is_silent_until_it_is_unblocked(town: Town, browser: Browser) -> None:
    context, page = await opened(town, browser)
    await page.get_by_role("navigation").get_by_role("button", name="Carla").click()
    await said(page, "Welcome")
    await page.get_by_role("button", name="Block bot").click()
    await page.get_by_role("button", name="Unblock bot").click()
    await write(page, "My parcel is late")
    await said(page, "ticket #1")
    await context.close()


async def chat_of(page: Page, name: str) -> None:
    await page.get_by_role("navigation").get_by_role("button", name=name).first.click()


def stored(messages: list[dict[str, Any]], text: str) -> int:
    return sum(message["text"] == text for message in messages)


async def test_a_message_is_sent_once_and_nothing_typed_meanwhile_is_lost(
    closed_town: Town, browser: Browser
) -> None:
    context, page = await opened(closed_town, browser)
    await chat_of(page, "Carla")
    box = page.get_by_role("textbox", name="Message")
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/text", hold)
    await write(page, "once")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await box.fill("and then")
    await page.keyboard.press("Enter")
    await box.fill("at last")
    held.set()
    await said(page, "and then")
    await expect(box).to_have_value("at last")
    await page.keyboard.press("Enter")
    await said(page, "at last")
    await expect(box).to_have_value("")
    messages = await closed_town.carla.messages()
    texts = [m["text"] for m in messages if m["text"] in ("once", "and then", "at last")]
    assert texts == ["once", "and then", "at last"]
    await context.set_offline(True)
    await write(page, "not now")
    await expect(page.get_by_text("The sandbox does not answer")).to_be_visible()
    await expect(box).to_have_value("not now")
    await context.close()


async def test_an_edit_that_is_cancelled_leaves_nothing_to_send(
    closed_town: Town, browser: Browser
) -> None:
    context, page = await opened(closed_town, browser)
    await chat_of(page, "Carla")
    await write(page, "hello")
    await said(page, "hello")
    await page.get_by_role("button", name="Edit").last.click()
    box = page.get_by_role("textbox", name="Message")
    await expect(box).to_have_value("hello")
    await box.press("Escape")
    await expect(box).to_have_value("")
    await box.press("Enter")
    assert stored(await closed_town.carla.messages(), "hello") == 1
    await context.close()


async def test_other_chats_take_neither_the_focus_nor_the_place_in_a_chat(
    closed_town: Town, browser: Browser
) -> None:
    context, page = await opened(closed_town, browser)
    for number in range(25):
        for person in (closed_town.carla, closed_town.dmitri):
            await person.say(f"{person.id} {number}\nand more\nand more")
    await chat_of(page, "Carla")
    log = page.get_by_role("log")
    await said(page, "1001 24")
    first = log.get_by_role("button", name="Reply").first
    await first.focus()
    await closed_town.dmitri.say("last of all")
    await expect(page.get_by_role("navigation")).to_contain_text("26")  # unread
    await expect(first).to_be_focused()
    await log.evaluate("log => log.scrollTop = 0")
    await chat_of(page, "Dmitri")
    await expect(log.get_by_text("last of all")).to_be_in_viewport()
    await context.close()


async def test_long_links_and_other_scripts_fit_and_read_as_they_should(
    closed_town: Town, browser: Browser
) -> None:
    context, page = await opened(closed_town, browser, viewport={"width": 375, "height": 667})
    await chat_of(page, "Carla")
    await write(page, "https://example.com/" + "a" * 80)
    await page.get_by_role("button", name="Reply").last.click()
    await expect(page.get_by_role("button", name="Cancel")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375
    await write(page, "שלום, איפה ההזמנה שלי (12345)?")
    bubble = page.locator(".bubble").last
    await expect(bubble).to_contain_text("12345")
    assert await bubble.evaluate("node => getComputedStyle(node).unicodeBidi") == "plaintext"
    await context.close()


async def test_an_invitation_is_followed_within_the_sandbox(town: Town, browser: Browser) -> None:
    context, page = await opened(town, browser)
    outside: list[str] = []
    await context.route("https://t.me/**", lambda route: outside.append(route.request.url))
    invitation = await ask(town.ada, "/addagent", "?start=")
    await town.dmitri.say(next(w for w in invitation["text"].split() if "?start=" in w))
    await chat_of(page, "Dmitri")
    await page.get_by_role("log").get_by_role("link").last.click()
    await said(page, "You are an agent")
    assert outside == []
    await context.close()
