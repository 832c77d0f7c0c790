"""What api and workers both stand on: the floor, the store, the vault, the exchanges, the desk, the paper exchange."""
