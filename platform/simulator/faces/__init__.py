"""One protocol face per broker: the broker's wire in front of the one exchange.

A face is a folder and a row in ``table``. What every face does is written once in the modules here: ``calls`` (who may
call, how often, how late and how broken), ``orders`` (an order call from its ledger line to its answer), ``books``,
``limits``, ``sign_in``, ``sockets``, ``postbacks``.
"""
