"""How much may be sold out of a position: the rule that never flips one.

Source: the model check of the order-safety design. Clamping by the broker's position alone crosses zero when fills and
positions are read at different times; the smaller of both ledgers, less what unresolved exits may still take, does not.
"""


def exit_quantity(*, leg_open: int, reserved: int, own_net: int, broker_net: int | None, leg_sign: int) -> int:
    """Return the units of a leg that may be put on the wire now.

    ``leg_open`` is what our ledger says the leg holds, ``reserved`` what its unresolved exit orders may still take.
    ``own_net`` is the signed sum of all our legs in that contract and account, ``broker_net`` the broker's net position
    there. What the broker shows short of our own sum, against the leg's side, is taken off: with a single leg this is
    ``min(own ledger, broker) - reserved``. ``None`` for ``broker_net`` means no fresh snapshot: nothing may be sent.
    """
    if broker_net is None:
        return 0
    missing = max(0, (own_net - broker_net) * leg_sign)
    return max(0, min(leg_open, leg_open - missing) - reserved)
