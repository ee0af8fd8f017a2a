"""Write the current node metadata into the example workflows, as the editor would at the next save."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.workflow import node_type_id

EXAMPLES = Path(__file__).resolve().parent.parent / "notebooks"


def main() -> int:
    registry = NodeRegistry.installed()
    for path in sorted(EXAMPLES.glob("*.flowdrop.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for node in document["nodes"]:
            kind = registry.node_type(node_type_id(node))
            if kind is not None:
                node["data"]["metadata"] = kind.metadata()
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
