from datetime import timedelta

from sqlalchemy import update

from storage import people
from storage.database import Database
from storage.schema import Invitation, Person, now


async def test_an_invitation_works_once(database: Database) -> None:
    async with database.write() as session:
        for number in (1, 2, 3):
            await people.meet(session, number, f"Person {number}", None, None)
        secret = await people.invite(session, 1)
        assert await people.accept(session, "guess", 2) is None
        assert await people.accept(session, secret, 2) is not None
        assert await people.accept(session, secret, 3) is None


async def test_an_invitation_expires(database: Database) -> None:
    async with database.write() as session:
        await people.meet(session, 1, "Ada", None, None)
        secret = await people.invite(session, 1)
        past = now() - timedelta(seconds=1)
        await session.execute(update(Invitation).values(expires_at=past))
        assert await people.accept(session, secret, 1) is None


async def test_somebody_who_writes_again_is_reachable_again(database: Database) -> None:
    async with database.write() as session:
        await people.meet(session, 1, "Carla", None, None)
        await people.unreachable(session, 1)
    async with database.read() as session:
        person = await session.get(Person, 1)
        assert person is not None
        assert person.unreachable_at is not None
    async with database.write() as session:
        assert (await people.meet(session, 1, "Carla", "carla", "de")).unreachable_at is None
