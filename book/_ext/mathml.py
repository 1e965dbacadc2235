"""Formulas as MathML, written when the book is built: readable without JavaScript, and nothing to load."""

from __future__ import annotations

import re
from typing import NoReturn

from docutils import nodes
from latex2mathml import converter
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
# latex2mathml passes on as text whatever it does not understand, and browsers ignore a line break outside a table.
NOT_UNDERSTOOD = re.compile(r"\\|&(?!#)|linebreak=")


def to_mathml(node: nodes.math | nodes.math_block, *, display: str) -> str:
    """Convert the LaTeX of a node; a formula that cannot be shown is a warning, hence an error of the build."""
    markup = converter.convert(node.astext(), display=display)
    if NOT_UNDERSTOOD.search(markup):
        logger.warning("formula not understood, use simpler LaTeX: %s", node.astext(), location=node)
    return markup


def visit_math(translator: HTML5Translator, node: nodes.math) -> NoReturn:
    """Write an inline formula."""
    translator.body.append(to_mathml(node, display="inline"))
    raise nodes.SkipNode


def visit_math_block(translator: HTML5Translator, node: nodes.math_block) -> NoReturn:
    """Write a formula on a line of its own, with its number where it has a label."""
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})</span>')
    translator.body.append(to_mathml(node, display="block") + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer `mathml`, which `html_math_renderer` in _config.yml selects."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
