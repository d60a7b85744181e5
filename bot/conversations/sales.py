"""The company's own sales: an admin sends a file, sees what was understood, and imports it."""

from __future__ import annotations

from telegram import Document, Update
from telegram.constants import ChatAction, FileSizeLimit
from telegram.error import BadRequest

from bot import texts
from bot.context import DeskContext, Keyboard
from bot.conversations import agents, forecasting
from ml.forecast.data import SalesTable, week_number
from ml.forecast.sheet import SheetError, read_sheet
from storage import sales, settings
from storage.schema import ImportState, Role, SalesImport

Known = dict[str, dict[str, float]]


async def document(update: Update, context: DeskContext, sent: Document) -> None:
    """A file from an admin: show what it holds and ask."""
    name = texts.one_line(sent.file_name or "") or "file"
    if (sent.file_size or 0) > FileSizeLimit.FILESIZE_DOWNLOAD:
        context.answer(update, texts.SALES_TOO_LARGE)
        return
    await context.typing(update, ChatAction.TYPING)
    try:
        content = bytes(await (await sent.get_file()).download_as_bytearray())
    except BadRequest as error:
        if "too big" not in str(error):
            raise
        context.answer(update, texts.SALES_TOO_LARGE)
        return
    try:
        sheet = await context.desk.networks.run_apart(read_sheet, content, name)
    except SheetError as error:
        context.answer(update, f"{texts.escape(str(error))}\n\n{texts.SALES_USAGE}")
        return
    table = sheet.table()
    skipped = [(one.row, one.column, one.why) for one in sheet.skipped]
    html = texts.understood(name, table, sheet.first_rows, skipped)
    admin = await context.person(update)
    known = await sales.table(context.session)
    proposed = await sales.propose(context.session, name, admin.id, table.figures())
    keyboard: Keyboard = [[("✅ Import", f"sales-replace:{proposed.id}")]]
    if known:
        keyboard = [[("♻️ Replace what is there", f"sales-replace:{proposed.id}")]]
        try:
            html += _adds(known, table)
        except ValueError as error:
            html += texts.adds_not(str(error))
        else:
            keyboard.insert(0, [("➕ Add to what is there", f"sales-add:{proposed.id}")])
    keyboard.append([("✖️ Cancel", f"sales-drop:{proposed.id}")])
    context.answer(update, html, keyboard)


def _adds(known: Known, table: SalesTable) -> str:
    """What adding the table would change; raises ValueError where they make no table."""
    before = SalesTable.of(known)
    SalesTable.of({**known, "\0": dict.fromkeys(table.weeks, 0.0)})
    last = week_number(before.weeks[-1])
    names = {product.casefold(): product for product in known}
    old = {key: known[name] for key, name in names.items()}
    changed = sum(
        old[product.casefold()].get(week, units) != units
        for product, week, units in table.figures()
        if product.casefold() in old
    )
    new = sum(product.casefold() not in old for product in table.products)
    later = [week for week in table.weeks if week_number(week) > last]
    return texts.adds(later, changed, new)


async def _table(context: DeskContext) -> SalesTable | None:
    known = await sales.table(context.session)
    return SalesTable.of(known) if known else None


async def show(update: Update, context: DeskContext) -> None:
    """/sales: what there is, and what can be done with it."""
    html, keyboard = await _overview(context)
    context.answer(update, html, keyboard)


async def _overview(context: DeskContext) -> tuple[str, Keyboard]:
    last = await sales.last(context.session)
    is_open = bool(await settings.get(context.session, forecasting.OPEN))
    html = texts.sales(await _table(context), last, is_open)
    if last is None:
        return html, []
    change = ("🔒 Only for the team", 0) if is_open else ("🔓 Open to customers", 1)
    return html, [
        [(change[0], f"sales-open:{change[1]}")],
        [(f"↩️ Take back {texts.clip(last.filename, 30)}", f"sales-ask:{last.id}")],
    ]


async def press(update: Update, context: DeskContext) -> None:
    """A button under a file or under /sales."""
    query = update.callback_query
    assert query is not None
    if (await context.person(update)).role != Role.ADMIN:
        await agents.toast(update, texts.NOT_FOR_YOU)
        return
    await agents.toast(update)
    action, _, argument = str(query.data).removeprefix("sales-").partition(":")
    number = int(argument)
    keyboard: Keyboard = []
    if action == "open":
        await settings.put(context.session, forecasting.OPEN, bool(number))
        html, keyboard = await _overview(context)
    elif action == "ask":
        html = texts.TAKE_BACK
        keyboard = [[("↩️ Take it back", f"sales-undo:{number}"), ("Keep it", "sales-show:0")]]
    elif action == "undo":
        undone = await sales.undo(context.session, number)
        html = texts.undone(undone.filename) if undone else texts.SALES_GONE
    elif action == "drop":
        dropped = await sales.drop(context.session, number)
        html = texts.SALES_DROPPED if dropped else texts.SALES_GONE
    elif action == "show":
        html, keyboard = await _overview(context)
    else:
        html, keyboard = await _keep(context, number, replaces=action == "replace")
    agents.replace(update, context, html, keyboard)


async def _keep(context: DeskContext, number: int, *, replaces: bool) -> tuple[str, Keyboard]:
    kept: SalesImport | None = await sales.keep(context.session, number, replaces=replaces)
    table = await _table(context)
    if kept is None or table is None:
        return texts.SALES_GONE, []
    assert kept.state == ImportState.KEPT
    undo = [("↩️ Take it back", f"sales-undo:{kept.id}")]
    return texts.imported(kept.filename, table), [undo]
