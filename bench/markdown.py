"""Tables in Markdown."""


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table without a line break at its end; empty cells take no space."""
    return f"{_rows([head])}\n|{'---|' * len(head)}\n{_rows(rows)}"


def _rows(rows: list[list[str]]) -> str:
    return "\n".join("|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in rows)
