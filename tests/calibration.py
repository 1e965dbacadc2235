"""What the paper reports of its images, and the same of a set of virtual cells."""

from __future__ import annotations
