"""How Sphinx lays out the course as pages to read; ``make site`` runs it (tools/build_site.py)."""

project = "Why Won't It Train?"
html_title = project
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns: list[str] = []
suppress_warnings = ["myst.header"]  # a lesson's cells may begin at any level
myst_heading_anchors = 3

default_role = "py:obj"  # `name` in a docstring: a link where there is a page for it
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False

nb_execution_mode = "off"  # the notebooks are stored with what they gave
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # no script from elsewhere
nb_code_prompt_show = "Show {type}"
nb_code_prompt_hide = "Hide {type}"

html_theme = "sphinx_book_theme"
html_context = {"default_mode": "light"}  # figures are drawn for paper
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["course.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # one search field, beside the pages
    "footer_content_items": [],
}
