"""The menus that belong to no tab: Edit, View and Help, and the command palette over all of them."""
