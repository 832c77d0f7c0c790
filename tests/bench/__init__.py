"""`python -m tests.bench`: what the house costs, each figure as a ratio to a floor measured in the same run.

Only ratios mean anything: absolute figures move by a third from minute to minute on a shared machine, so whatever is
compared runs interleaved, at the same rate, in processes of its own, and is judged by the CPU time they spent.
"""
