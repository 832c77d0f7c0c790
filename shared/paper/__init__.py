"""The paper exchange: one matching engine, and a door for each venue that speaks that venue's own wire.

Everything is kept in memory: a restart forgets accounts, orders and positions. It imports the floor and nothing else
of ours; a door is written from the venue's documents and never from our connector, so that one can catch the other's
misreading.
"""
