"""A room of learners on a real JupyterHub: the Hub (`hub`), and a learner without a browser."""
