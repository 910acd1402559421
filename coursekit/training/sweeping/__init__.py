"""`sweep`: many small runs at once.

- ``grid``: the function; ``settings``: every learning rate with every knob value and every seed.
- ``groups``: which runs are one program; ``check``: whether they can be stacked.
- ``stacked``: such runs as one, along a new first axis; ``update``: their optimizers.
- ``alone``: one run by itself, and many such runs in processes.
"""
