"""Trees as pictures: what is drawn, where its arcs go, SVG, HTML. The terminal's drawings are in `posmoe.draw`."""
