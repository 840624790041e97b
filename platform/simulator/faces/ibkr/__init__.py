"""Interactive Brokers' face: the Client Portal Web API under ``/ibkr/v1/api``, its sign-in and its socket.

https://ibkrcampus.com/campus/ibkr-api-page/cpapi-v1/
"""
