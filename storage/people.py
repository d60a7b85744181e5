"""Who is who: customers, agents, admins, and the links that make agents."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.schema import Invitation, Person, Role, now

INVITATION_LIFETIME = timedelta(days=2)


async def meet(
    session: AsyncSession, person_id: int, name: str, username: str | None, language: str | None
) -> Person:
    """The person with this Telegram id, with name, username and language as of now."""
    person = await session.get(Person, person_id)
    if person is None:
        person = Person(id=person_id, role=Role.CUSTOMER)
        session.add(person)
    person.name, person.username, person.language = name, username, language
    person.unreachable_at = None
    await session.flush()
    return person


async def role_of(session: AsyncSession, person_id: int) -> Role:
    """What a person may do; somebody unknown is a customer."""
    person = await session.get(Person, person_id)
    return person.role if person else Role.CUSTOMER


async def rename(session: AsyncSession, person_id: int, name: str) -> None:
    """Note what a person is called."""
    await session.execute(update(Person).where(Person.id == person_id).values(name=name))


async def set_role(session: AsyncSession, person_id: int, role: Role) -> Person:
    """Give a role, also to somebody who has not written yet."""
    person = await session.get(Person, person_id)
    if person is None:
        person = Person(id=person_id, name=str(person_id))
        session.add(person)
    person.role = role
    await session.flush()
    return person


async def with_role(session: AsyncSession, *roles: Role) -> list[Person]:
    """Everybody with one of these roles, by name."""
    statement = select(Person).where(Person.role.in_(roles)).order_by(Person.name, Person.id)
    return list(await session.scalars(statement))


async def unreachable(session: AsyncSession, person_id: int) -> None:
    """Note that the bot cannot write to this person until they write again."""
    await session.execute(update(Person).where(Person.id == person_id).values(unreachable_at=now()))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def invite(session: AsyncSession, admin_id: int) -> str:
    """A secret that makes the first person who presents it an agent; only its hash is kept."""
    secret = secrets.token_urlsafe(24)
    session.add(
        Invitation(
            digest=_digest(secret),
            created_by=admin_id,
            expires_at=now() + INVITATION_LIFETIME,
        )
    )
    await session.flush()
    return secret


async def accept(session: AsyncSession, secret: str, person_id: int) -> Invitation | None:
    """Use an invitation up. None: unknown, used or expired."""
    statement = (
        update(Invitation)
        .where(
            Invitation.digest == _digest(secret),
            Invitation.used_by.is_(None),
            Invitation.expires_at > now(),
        )
        .values(used_by=person_id, used_at=now())
        .returning(Invitation)
    )
    return (await session.scalars(statement)).one_or_none()
