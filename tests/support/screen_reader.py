"""Uses the window as a screen reader does, over AT-SPI: finds by name and role, presses, reads. Needs the system's Python with pyatspi.

Prints what it has found as JSON. It knows nothing of the program but its names.
"""

import json
import sys
import time

import pyatspi

TRIES, PAUSE = 600, 0.2  # only what hangs takes as many; seconds between two of them
MOST_NODES = 4_000


def walk(node, limit=MOST_NODES):
    """All below a node that are shown, breadth first."""
    waiting, seen = [node], 0
    while waiting and seen < limit:
        one = waiting.pop(0)
        seen += 1
        yield one
        try:
            count = min(one.childCount, 60)
            waiting += [child for number in range(count) if (child := one.getChildAtIndex(number)) is not None]
        except Exception:  # it has gone meanwhile
            continue


def is_shown(node):
    return node.getState().contains(pyatspi.STATE_SHOWING)


def find(root, role, name=""):
    """The first shown node of a role with this name; waits for it."""
    for _try in range(TRIES):
        for node in walk(root()):
            try:
                if node.getRoleName() in role.split("|") and node.name == name and is_shown(node):
                    return node
            except Exception:
                continue
        time.sleep(PAUSE)
    sys.exit(f"not found: {role} {name!r}")


def application(name):
    def look():
        desktop = pyatspi.Registry.getDesktop(0)
        for number in range(desktop.childCount):
            one = desktop.getChildAtIndex(number)
            if one is not None and one.name == name:
                return one
        return desktop

    return look


def press(node):
    actions = node.queryAction()
    names = [actions.getName(number) for number in range(actions.nActions)]
    actions.doAction(next(number for number, one in enumerate(names) if one in ("Press", "Toggle", "SetFocus")))
    return names


def select_tab(root, name):
    """Choose a page of the window, as a screen reader does: by the selection of its tab list."""
    tab = find(root, "page tab", name)
    tab.parent.querySelection().selectChild(tab.getIndexInParent())


def labels(node):
    relations = [one for one in node.getRelationSet() if one.getRelationType() == pyatspi.RELATION_LABELLED_BY]
    return [one.getTarget(number).name for one in relations for number in range(one.getNTargets())]


def find_labelled(root, role, label):
    """The first shown node of a role that has this label; waits for it."""
    for _try in range(TRIES):
        for node in walk(root()):
            if node.getRoleName() == role and is_shown(node) and label in labels(node):
                return node
        time.sleep(PAUSE)
    sys.exit(f"not found: {role} labelled {label!r}")


def main(names):
    root = application("juku")
    found = {}
    select_tab(root, names["spec"])
    found["spec text"] = find(root, "text", names["spec text"]).queryText().getText(0, 40)
    preview = find(root, "toggle button|push button|check box", names["preview"])
    press(preview)
    for _try in range(TRIES):
        if preview.getState().contains(pyatspi.STATE_CHECKED):
            break
        time.sleep(PAUSE)
    found["preview is checked"] = preview.getState().contains(pyatspi.STATE_CHECKED)
    select_tab(root, names["examples"])
    grid = find(root, "table", names["grid"])
    table = grid.queryTable()
    found["grid rows"], found["grid columns"] = table.nRows, [table.getColumnDescription(at) for at in range(3)]
    found["grid cell"] = table.getAccessibleAt(0, 1).name
    press(find(root, "toggle button|push button|check box|button", names["filters"]))
    found["split drop-down"] = find_labelled(root, "combo box", names["split"]).name
    select_tab(root, names["exam"])
    results = find(root, "table", names["results"]).queryTable()
    found["exam columns"] = [results.getColumnDescription(at) for at in range(2)]
    found["exam cell"] = results.getAccessibleAt(0, 1).name
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
