"""The Noren family (Kambala's OMS): shared code of its members, which only say what differs (``member.Member``).

Its protocol as its members' documentation, the ``NorenRestApi`` SDK and recorded samples show it: every call is a POST
of ``jData={json}&jKey=token`` whose values are strings, one socket carries prices and order updates.
"""
