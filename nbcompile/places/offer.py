"""An open place -> what it offers to whoever describes it."""

from __future__ import annotations

from nbcompile.backend import Session
from nbcompile.model.offer import Offer, QueueOffer
from nbcompile.places.checkup import describe_queue
from nbcompile.places.software import find_modules, find_pythons


async def look_around(session: Session, modules_init: str = "") -> Offer:
    """Accounts, queues, Pythons and modules."""
    survey = await session.survey()
    return Offer(
        account=survey.account,
        accounts=survey.accounts,
        queues=tuple(QueueOffer(name=one.name, words=describe_queue(one), is_default=one.is_default) for one in survey.queues),
        pythons=await find_pythons(session),
        modules=await find_modules(session, modules_init),
    )
