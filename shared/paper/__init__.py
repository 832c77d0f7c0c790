"""The paper exchange: one way to match orders, and for each venue a door that speaks that venue's own wire.

Each door has books of its own, whose prices go together: an order at one venue is nothing to another.

Everything is kept in memory: a restart forgets accounts, orders and positions. It imports the floor and nothing else
of ours; a door is written from the venue's documents and never from our connector, so that one can catch the other's
misreading.
"""
