"""OKX's door, written from its documents of 2026 and from what its clients send."""
