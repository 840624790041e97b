"""An account at IBKR: the broker that trades it, and that answers the questions an order may meet."""

import time

from brokers.answers import unknown
from brokers.ibkr import orders, portfolio
from brokers.ibkr.access import Access
from brokers.ibkr.answers import declined, order_outcome, question_of
from brokers.ibkr.pulse import Pulse
from brokers.rest import RestAccount, RestBroker
from brokers.transport import WireAnswer
from domain.broker import Outcome
from domain.orders import BrokerOrder

MOST_QUESTIONS = 3
"""Questions one order may meet in a row before it is left to the book."""

LATEST_SECONDS = 4.0
"""How long after the order's own answer its last question may be answered: a confirmation transmits the order, and
whoever sends it must still be sure of the lane."""


class IbkrBroker(RestBroker[Access]):
    """Order entry and books of one account."""

    def __init__(self, account: RestAccount[Access]) -> None:
        super().__init__(account, orders=orders, outcome=order_outcome, books=portfolio)
        self._pulse = Pulse()

    async def order_book(self) -> list[BrokerOrder]:
        """Return the session's orders, and keep the session alive; raises ``BrokerError``.

        An account that trades is read every few seconds: its session lives as long as somebody looks at it.
        """
        await self._pulse.beat(self.account)
        return await portfolio.order_book(self.account)

    async def judged(self, answer: WireAnswer, *, expected_id: str) -> Outcome:
        """Return what an answer proves, once its questions are answered: each at most once, none twice.

        A confirmation transmits the order, so one whose own answer is lost is UNKNOWN and is looked for by its tag.
        """
        asked: set[str] = set()
        until = time.monotonic() + LATEST_SECONDS
        while (question := question_of(answer)) is not None:
            if question.question_id in asked or len(asked) == MOST_QUESTIONS or time.monotonic() > until:
                return unknown("QUESTION", question.text)
            asked.add(question.question_id)
            is_confirmed = question.is_precaution
            reply = await self.reply(question.question_id, confirmed=is_confirmed)
            if isinstance(reply, Outcome):
                return reply
            if not is_confirmed:
                return declined(question, reply, expected_id=expected_id)
            answer = reply
        return self.outcome(answer, expected_id=expected_id)

    async def reply(self, question_id: str, *, confirmed: bool) -> WireAnswer | Outcome:
        """Answer a question once; a reply that cannot be sent leaves the order where nobody can tell."""
        try:
            request = orders.reply_request(self.account.access, question_id, confirmed=confirmed)
        except ValueError as error:
            return unknown("QUESTION", str(error))
        return await self.sent(request)
