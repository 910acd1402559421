"""Vital signs of a run: measured in PyTorch (``torch``) and Keras (``keras``), kept as a Record.

- ``torch``: ``with record(model, optimizer): …``; ``keras``: `KerasRecorder`.
- ``measures``: the formulas; ``schedule``: when to read.
- ``forward``, ``backward``, ``weights``, ``probe``: where to read.
- ``reading``, ``parcel``, ``readings``, ``ledger``: how readings travel and become a record.
"""
