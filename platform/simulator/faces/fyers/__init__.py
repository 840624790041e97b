"""Fyers' API v3, written from its documentation, recorded samples and the protocol its SDK speaks.

Not modelled: several orders at once, smart and GTT orders, slices, exits by position, option chains, e-DIS, alerts, the
tick-by-tick socket, reports of earlier days, postbacks.
"""
