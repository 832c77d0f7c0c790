"""Gate.io's door: USDT perpetual futures, REST under /api/v4 and WebSocket under /v4/ws, as Gate documents them."""
