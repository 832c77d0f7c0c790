"""Workers hold the sessions: each owns some shards for a while, and connects every account that is wished for there."""
