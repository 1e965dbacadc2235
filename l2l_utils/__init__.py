"""The thin utility package of the Label2label book."""

__version__ = "0.1.0"
