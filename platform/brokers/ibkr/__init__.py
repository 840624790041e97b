"""Interactive Brokers, Client Portal Web API: REST and WebSocket, signed by first-party OAuth 1.0a keys."""
