"""A notebook as one HTML page that needs no network, with a text for every picture."""

from jinja2 import DictLoader
from nbconvert import HTMLExporter
from nbformat import NotebookNode

# nbconvert's lab template ignores a picture's alt text and loads scripts from the network. Cells
# whose output is stored hidden get a class of their own, so that a page can show them as such; code
# that is stored folded is folded here too.
_TEMPLATE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block codecell -%}
{%- if cell.metadata.get('jupyter', {}).get('outputs_hidden') -%}
<div class="outputs-hidden">{{ super() }}</div>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock -%}
{%- block input_group -%}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details class="folded"><summary>folded code</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock -%}
{%- block data_png -%}
{%- set alt = output | get_metadata('alt', 'image/png') -%}
{%- if alt -%}
{{ super() | replace('<img ', '<img alt="' ~ (alt | escape_html) ~ '" ') }}
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock -%}
"""


def to_html(notebook: NotebookNode) -> str:
    """One page with pictures and styles inside; mathematics stays as its source.

    >>> import nbformat
    >>> cell = nbformat.v4.new_markdown_cell("# Hello")
    >>> "Hello" in to_html(nbformat.v4.new_notebook(cells=[cell]))
    True
    """
    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"lesson.html.j2": _TEMPLATE})], template_file="lesson.html.j2"
    )
    body, _ = exporter.from_notebook_node(notebook)
    return str(body)
