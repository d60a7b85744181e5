import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from playwright.async_api import Error as PlaywrightError

from tests.conftest import Town

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc000000301010018dd8db00000000049454e44ae426082"
)


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
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(town.settings.telegram_api_url)
    page.errors = errors  # type: ignore[attr-defined]  # looked at when the test ends
    return context, page


async def said(page: Page, words: str) -> None:
    await expect(page.get_by_role("log")).to_contain_text(words, timeout=20_000)


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
    await expect(page.get_by_role("log").locator("img")).to_have_count(1, timeout=20_000)
    assert page.errors == []  # type: ignore[attr-defined]
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
    assert page.errors == []  # type: ignore[attr-defined]
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
