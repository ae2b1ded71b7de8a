"""The OAuth2 side of a node: two token endpoints and what protects the two faces behind them."""
