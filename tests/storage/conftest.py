from datetime import timedelta

from storage import people, tickets
from storage.database import Database
from storage.schema import TicketMessage, now

PATIENCE = timedelta(hours=24)


def message(author: int, text: str = "hello", *, incoming: bool = True) -> TicketMessage:
    return TicketMessage(
        author_id=author,
        incoming=incoming,
        chat_id=author,
        message_id=1,
        kind="text",
        text=text,
        sent_at=now(),
        answered_at=None if incoming else now(),
    )


async def opened(database: Database, customer: int, complaint: float) -> int:
    """The number of a new ticket with one scored message."""
    async with database.write() as session:
        await people.meet(session, customer, f"Customer {customer}", None, None)
        ticket = await tickets.open_ticket(session, customer, now())
        scored = tickets.Scored(complaint, "test")
        await tickets.add_message(session, ticket, message(customer), scored, PATIENCE)
        return ticket.id


async def agent(database: Database, number: int) -> int:
    async with database.write() as session:
        await people.meet(session, number, f"Agent {number}", None, None)
    return number
