"""evalharness: did this change to a prompt, a model or a retriever make things worse? With a stated error rate."""

__version__ = "0.1.0"
