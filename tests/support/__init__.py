"""What tests share. Tests import from here (``from support.folder import Folder``), never from one another."""
