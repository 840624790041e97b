"""What differs between the brokers of the family: names and addresses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """One broker of the family.

    ``apis`` are the folders its calls live in, ``login_key`` is the query name that asks for its sign-in page, and
    ``code_name`` the one its one-use code comes back under. ``masters`` are the instrument files it serves.
    """

    broker: str
    title: str
    apis: tuple[str, ...]
    socket: str
    token: str
    login_key: str
    code_name: str
    master_folder: str
    masters: tuple[str, ...]


FLATTRADE = Member(
    broker="flattrade",
    title="Flattrade",
    apis=("/PiConnectAPI", "/PiConnectTP"),
    socket="/PiConnectWSAPI",
    token="/trade/apitoken",  # noqa: S106 -- a path
    login_key="app_key",
    code_name="request_code",
    master_folder="/scripmaster",
    masters=(
        "NSE_Equity.csv",
        "BSE_Equity.csv",
        "Nfo_Index_Derivatives.csv",
        "Nfo_Equity_Derivatives.csv",
        "Bfo_Index_Derivatives.csv",
        "Bfo_Equity_Derivatives.csv",
        "Commodity.csv",
        "Currency_Derivatives.csv",
    ),
)
