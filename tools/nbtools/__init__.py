"""How lessons become notebooks: text sources in, executed notebooks, exercises and pictures out."""
