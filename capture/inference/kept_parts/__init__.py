"""Parts of a drawing that results keep as they are drawn: its head, and limbs of pixel art (docs/NATIVE_SIZE.md)."""
