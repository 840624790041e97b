"""The scrip masters: a CSV per segment, its header written as Kotak writes it, blanks and semicolon included."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime, time
from decimal import Decimal

from domain.clock import IST
from domain.instruments import Kind
from simulator.faces.kotak.names import instrument_of, segment_of, token_of, trading_symbol
from simulator.market.types import Listing

FILES = {
    "cde_fo": "transformed/cde_fo.csv",
    "mcx_fo": "transformed/mcx_fo.csv",
    "nse_fo": "transformed/nse_fo.csv",
    "bse_fo": "transformed/bse_fo.csv",
    "nse_com": "transformed/nse_com.csv",
    "bse_cm": "transformed-v1/bse_cm-v1.csv",
    "nse_cm": "transformed-v1/nse_cm-v1.csv",
}
_HEADER = (
    "pSymbol,pGroup,pExchSeg,pInstType,pSymbolName,pTrdSymbol,pOptionType,pScripRefKey,pISIN,pAssetCode,pSubGroup,"
    "pCombinedSymbol,pDesc,pAmcCode,pContractId,dTickSize ,lLotSize,lExpiryDate ,lMultiplier ,lPrecision,dStrikePrice;,"
    "pExchange,pInstName,pExpiryDate,pIssueDate,pMaturityDate,pListingDate,pNoDelStartDate,pNoDelEndDate,"
    "pBookClsStartDate,pBookClsEndDate,pRecordDate,pCreditRating,pReAdminDate,pExpulsionDate,pLocalUpdateTime,"
    "pDeliveryUnits,pPriceUnits,pLastTradingDate,pTenderPeridEndDate,pTenderPeridStartDate,pSellVarMargin,"
    "pBuyVarMargin,pInstrumentInfo,pRemarksText,pSegment,pNav,pNavDate,pMfAmt,pSipSecurity,pFaceValue,pTrdUnits,"
    "pExerciseStartDate,pExerciseEndDate,pElmMargin,pVarMargin,pTotProposedLimitValue,pScripBasePrice,pSettlementType,"
    "pCurrectionTime,iPermittedToTrade,iBoardLotQty ,iMaxOrderSize ,iLotSize,dOpenInterest ,dHighPriceRange ,"
    "dLowPriceRange ,dPriceNum   ,dGenDen,dGenNum,dPriceQuatation ,dIssuerate ,dPriceDen,dWarningQty ,dIssueCapital ,"
    "dExposureMargin ,dMinRedemptionQty ,lFreezeQty"
)
HEADER = tuple(_HEADER.split(","))

_COLUMNS = [name.strip(" ;") for name in HEADER]
_BEGINNINGS = {"nse_fo": 315_513_000, "cde_fo": 315_513_000}
"""Seconds from 1970 to what a segment counts from: the beginning of 1980 in India."""

_HOURS = {"nse_fo": time(14, 30), "mcx_fo": time(23, 59, 59)}
"""When a segment's contracts end, as its file writes it; the NSE's is that of the documented line."""

_NOTHING = "-1"


def file_of(listings: Iterable[Listing], segment: str) -> bytes:
    """Return one segment's file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for listing in listings:
        if segment_of(listing) == segment:
            cells = _cells(listing, segment)
            writer.writerow([cells.get(name, "") for name in _COLUMNS])
    return text.getvalue().encode()


def _cells(listing: Listing, segment: str) -> dict[str, str]:
    expiry = _expiry(listing, segment)
    lot = str(listing.lot_size)
    return {
        "pSymbol": str(token_of(listing)),
        "pGroup": {Kind.INDEX: "", Kind.EQUITY: "EQ"}.get(listing.kind, "XX"),
        "pExchSeg": segment,
        "pInstType": instrument_of(listing),
        "pSymbolName": trading_symbol(listing) if listing.kind is Kind.INDEX else listing.underlying,
        "pTrdSymbol": trading_symbol(listing),
        "pOptionType": "" if listing.expiry is None else listing.right.value or "XX",
        "pScripRefKey": trading_symbol(listing),
        "pISIN": "INE000000000" if listing.kind is Kind.EQUITY else "",
        "pDesc": listing.name,
        "dTickSize": _NOTHING if listing.kind is Kind.INDEX else _paise(listing.tick_size),
        "lLotSize": lot,
        "lExpiryDate": expiry,
        "lMultiplier": _NOTHING,
        "lPrecision": "2",
        "dStrikePrice": _NOTHING if listing.strike is None else f"{listing.strike * 100:.6g}",
        "pExchange": listing.exchange.value[:3],
        "pExpiryDate": "" if listing.expiry is None else expiry,
        "iBoardLotQty": lot,
        "iLotSize": lot,
        "dPriceNum": "1",
        "dGenDen": "1",
        "dGenNum": "1",
        "dPriceDen": "1",
        "lFreezeQty": str(listing.freeze_quantity or 0),
    }


def _expiry(listing: Listing, segment: str) -> str:
    if listing.expiry is None:
        return _NOTHING
    end = datetime.combine(listing.expiry, _HOURS.get(segment, time(15, 30)), tzinfo=IST)
    return str(int(end.timestamp()) - _BEGINNINGS.get(segment, 0))


def _paise(value: Decimal) -> str:
    return f"{(value * 100).normalize():f}"
