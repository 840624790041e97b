"""Where Flattrade lives."""

from brokers.flattrade.spec import ENDPOINT, SPEC
from brokers.noren.member import Member

MEMBER = Member(
    spec=SPEC,
    endpoint=ENDPOINT,
    masters=(
        "Nfo_Index_Derivatives.csv",
        "Nfo_Equity_Derivatives.csv",
        "Bfo_Index_Derivatives.csv",
        "Commodity.csv",
    ),
    pace_seconds=0.4,
)
