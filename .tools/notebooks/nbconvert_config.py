# Configuration of nbconvert while it executes a notebook: one line on stdout per event, for the script that started it.
# tslab reports a failing cell only as text on the cell's stderr, so that text is passed on here, while it is still at hand.
import json
import sys


def tell(event, **fields):
    print("@rotor " + json.dumps({"event": event, **fields}), file=sys.stderr, flush=True)


def before(cell, cell_index):
    if cell.cell_type == "code":
        tell("start", cell=cell_index)


def after(cell, cell_index, execute_reply):
    if execute_reply["content"].get("status") != "error":
        tell("end", cell=cell_index)
        return
    outputs = cell.get("outputs", [])
    text = "".join(o["text"] for o in outputs if o["output_type"] == "stream" and o["name"] == "stderr")
    tell("fail", cell=cell_index, source=cell.source, text=text)


c = get_config()  # noqa: F821 (nbconvert provides it)
c.ExecutePreprocessor.on_cell_execute = before
c.ExecutePreprocessor.on_cell_executed = after
c.ExecutePreprocessor.coalesce_streams = True
c.HTMLExporter.require_js_url = ""
