"""Where Flattrade lives."""

from brokers.flattrade.spec import ENDPOINT, SPEC
from brokers.noren.member import Member

MEMBER = Member(
    spec=SPEC,
    endpoint=ENDPOINT,
    api="/PiConnectAPI",
    socket="/PiConnectWSAPI/",
    token_url="https://authapi.flattrade.in/trade/apitoken",  # noqa: S106 -- an address
    master_url="https://flattrade.s3.ap-south-1.amazonaws.com/scripmaster",
    masters=(
        "Nfo_Index_Derivatives.csv",
        "Nfo_Equity_Derivatives.csv",
        "Bfo_Index_Derivatives.csv",
        "Commodity.csv",
    ),
    pace_seconds=0.4,
)
