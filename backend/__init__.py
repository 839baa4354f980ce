"""Everything of Ondol that is not a page: nothing below this package imports gradio."""
