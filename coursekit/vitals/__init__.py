"""Vital signs of a run: measured in PyTorch (``torch``) and Keras (``keras``), kept as a Record.

- ``torch``: ``with record(model, optimizer): …``; ``keras``: `KerasRecorder`.
- ``schedule``: when to read; ``readings``: the arithmetic that both share; ``ledger``: how readings
  become a record.
"""
