"""The Noren family (Kambala's OMS): its HTTP calls, its JSON socket and its masters, as the documentation, the
recorded samples and the ``NorenRestApi`` SDK know them.

A member (``member.FLATTRADE``) says only where it lives. What no source settles is chosen so that a client that
assumes too much is found out: no state is handed back at the end of a sign-in, an unfilled order shows no
``avgprc``, an empty book is an error, and the next connection of a session closes the one before.
"""
