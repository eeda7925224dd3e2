"""nngraph against numbers printed by the original Torch7, in double precision."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import fnn
import fnn.torch7 as torch
import transforms
from fnn.errors import LayerError
from fnn.torch7 import graph, nn, nngraph

pytestmark = pytest.mark.unoptimised

ORACLE = Path(__file__).parent / "oracle" / "graphs.jsonl"
CASES = {case["id"]: case for case in map(json.loads, ORACLE.read_text().splitlines())}


# Modules of other chapters.


def one_hot(x, *, count):
    return fnn.one_hot(x.astype(int) - 1, count=count).astype(float)


def selected(*xs, index):
    return xs[index]


def times(x, *, by):
    return x * by


def plus(x, *, by):
    return x + by


def local(name, function, hyper=lambda: {}):
    def __init__(self, *args):
        self.args = args
        self.derive(function, **hyper(*args))

    def text(self):
        shown = {"Reshape": "x", "SelectTable": ", "}.get(name)
        return f"nn.{name}" + (f"({shown.join(map(str, self.args))})" if shown else "")

    if not hasattr(nn, name):
        setattr(nn, name, type(name, (nn.Module,), {"__init__": __init__, "__tostring__": text, "__module__": "fnn.t"}))


local("CAddTable", fnn.add)
local("CMulTable", fnn.multiply)
local("JoinTable", fnn.join, lambda d: {"axis": d - 1})
local("SplitTable", fnn.split, lambda d: {"axis": d - 1})
local("SelectTable", selected, lambda i: {"index": i - 1})
local("Reshape", fnn.view, lambda *n: {"shape": n, "dimensions": 1})
local("OneHot", one_hot, lambda n: {"count": n})
local("MulConstant", times, lambda c: {"by": c})
local("AddConstant", plus, lambda c: {"by": c})


# The graphs of the cases.


def mlp():
    input = nn.Identity()()
    h1 = nn.Tanh()(nn.Linear(5, 4)(input))
    return nn.gModule([input], [nn.Linear(4, 2)(h1)])


def mlp_batch_operators():
    input = -nn.Identity()
    h1 = input - nn.Linear(5, 4) - nn.Sigmoid()
    return nn.gModule([input], [h1 - nn.Linear(4, 2) - nn.LogSoftMax()])


def two_inputs_add():
    x1, x2 = nn.Identity()(), nn.Identity()()
    total = [x1, nn.Linear(3, 4)(x2)] - nn.CAddTable()
    return nn.gModule([x1, x2], [nn.Linear(4, 1)(total)])


def two_inputs_two_outputs():
    h1, h2 = nn.Linear(5, 4)(), nn.Linear(3, 4)()
    hh1 = nn.Linear(4, 1)(nn.Tanh()(h1))
    hh2 = nn.Linear(4, 1)(nn.Tanh()(h2))
    madd = nn.CAddTable()([hh1, hh2])
    return nn.gModule([h1, h2], [nn.Sigmoid()(madd), nn.Tanh()(madd)])


def node_used_twice():
    x = nn.Identity()()
    h = nn.Linear(3, 3)(x)
    return nn.gModule([x], [nn.CMulTable()([nn.Tanh()(h), nn.Sigmoid()(h), h])])


def split_table():
    x = nn.Identity()()
    n1, n2, n3 = nn.SplitTable(2)(nn.Reshape(3, 2)(nn.Linear(4, 6)(x))).split(3)
    y = nn.CAddTable()([nn.CMulTable()([n1, nn.Sigmoid()(n2)]), nn.Tanh()(n3)])
    return nn.gModule([x], [y])


def nested_table_io():
    a, b = nn.Identity()(), nn.Identity()()
    j = nn.JoinTable(2)([a, b])
    n = nngraph.nest([nn.Linear(5, 2)(j), [nn.Tanh()(j)]])
    return nn.gModule([a, b], [n, nn.SelectTable(1)(nn.Identity()([b, a]))])


def rnn_cell(inputs=3, hidden=4):
    input, prev_h = nn.Identity()(), nn.Identity()()
    i2h, h2h = nn.Linear(inputs, hidden)(input), nn.Linear(hidden, hidden)(prev_h)
    return nn.gModule([input, prev_h], [nn.Tanh()(nn.CAddTable()([i2h, h2h]))])


def rnn_two_steps():
    input1, input2, prev_h = (nn.Identity()() for _ in range(3))
    net1 = rnn_cell(3, 3)([input1, prev_h])
    net2 = rnn_cell(3, 3)([input2, net1])
    return nn.gModule([input1, input2, prev_h], [net2])


def rnn_charrnn(size=5, hidden=4, layers=2):
    inputs = [nn.Identity()() for _ in range(1 + layers)]
    x, outputs = nn.OneHot(size)(inputs[0]), []
    for prev_h in inputs[1:]:
        width = hidden if outputs else size
        sums = [nn.Linear(width, hidden)(x), nn.Linear(hidden, hidden)(prev_h)]
        x = nn.Tanh()(nn.CAddTable()(sums))
        outputs.append(x)
    return nn.gModule(inputs, [*outputs, nn.LogSoftMax()(nn.Linear(hidden, size)(x))])


def lstm_charrnn(size, hidden, layers):
    inputs = [nn.Identity()() for _ in range(1 + 2 * layers)]
    x, outputs = nn.OneHot(size)(inputs[0]), []
    for i in range(1, layers + 1):
        prev_c, prev_h = inputs[2 * i - 1], inputs[2 * i]
        i2h = nn.Linear(hidden if outputs else size, 4 * hidden)(x).annotate(name=f"i2h_{i}")
        h2h = nn.Linear(hidden, 4 * hidden)(prev_h).annotate({"name": f"h2h_{i}"})
        sums = nn.Reshape(4, hidden)(nn.CAddTable()([i2h, h2h]))
        n1, n2, n3, n4 = nn.SplitTable(2)(sums).split(4)
        in_gate, forget_gate, out_gate = nn.Sigmoid()(n1), nn.Sigmoid()(n2), nn.Sigmoid()(n3)
        kept, new = nn.CMulTable()([forget_gate, prev_c]), nn.CMulTable()([in_gate, nn.Tanh()(n4)])
        next_c = nn.CAddTable()([kept, new])
        x = nn.CMulTable()([out_gate, nn.Tanh()(next_c)])
        outputs += [next_c, x]
    decoded = nn.Linear(hidden, size)(x).annotate(name="decoder")
    return nn.gModule(inputs, [*outputs, nn.LogSoftMax()(decoded)])


def gru_charrnn(size=5, hidden=4):
    inputs = [nn.Identity()(), nn.Identity()()]
    x, prev_h = nn.OneHot(size)(inputs[0]), inputs[1]

    def summed(x, h):
        return nn.CAddTable()([nn.Linear(size, hidden)(x), nn.Linear(hidden, hidden)(h)])

    update, reset = nn.Sigmoid()(summed(x, prev_h)), nn.Sigmoid()(summed(x, prev_h))
    gated = nn.CMulTable()([reset, prev_h])
    p2, p1 = nn.Linear(hidden, hidden)(gated), nn.Linear(size, hidden)(x)
    candidate = nn.Tanh()(nn.CAddTable()([p1, p2]))
    zh = nn.CMulTable()([update, candidate])
    zhm1 = nn.CMulTable()([nn.AddConstant(1)(nn.MulConstant(-1)(update)), prev_h])
    next_h = nn.CAddTable()([zh, zhm1])
    return nn.gModule(inputs, [next_h, nn.LogSoftMax()(nn.Linear(hidden, size)(next_h))])


def lstm_textbook():
    i, prev_c, prev_h = (nn.Identity()() for _ in range(3))

    def summed():
        return nn.CAddTable()([nn.Linear(3, 4)(i), nn.Linear(4, 4)(prev_h)])

    in_gate, forget_gate, in_gate2 = nn.Sigmoid()(summed()), nn.Sigmoid()(summed()), nn.Tanh()(summed())
    sums = [nn.CMulTable()([forget_gate, prev_c]), nn.CMulTable()([in_gate, in_gate2])]
    next_c = nn.CAddTable()(sums)
    next_h = nn.CMulTable()([nn.Sigmoid()(summed()), nn.Tanh()(next_c)])
    return nn.gModule([i, prev_c, prev_h], [next_c, next_h])


def criterion_in_graph():
    x, t = nn.Identity()(), nn.Identity()()
    return nn.gModule([x, t], [nn.MSECriterion()([nn.Linear(3, 2)(x), t])])


def conv_branch():
    x = nn.Identity()()
    a = nn.SpatialConvolution(1, 2, 3, 3, 1, 1, 1, 1)(x)
    b = nn.SpatialConvolution(1, 2, 1, 1)(x)
    v = nn.View(32).setNumInputDims(3)(nn.ReLU()(nn.CAddTable()([a, b])))
    return nn.gModule([x], [nn.LogSoftMax()(nn.Linear(32, 3)(v))])


def build(name):
    if name.startswith("lstm_charrnn"):
        return lstm_charrnn(*((4, 3, 2) if "2" in name else (5, 4, 1)))
    return globals()[name]()


def value(x):
    if isinstance(x, list):
        return [value(y) for y in x]
    return getattr(torch, x["t"] + "Tensor")(x["data"]).view(*x["size"])


def assert_equal(ours, theirs):
    if isinstance(theirs, list):
        assert isinstance(ours, torch.Table)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_equal(a, b)
        return
    theirs = np.array(theirs["data"]).reshape(theirs["size"])
    assert tuple(ours.size()) == theirs.shape
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-10, atol=1e-12)


def run(net, case):
    flat, grads = net.getParameters()
    flat.copy(value(case["flat_params"]))
    grads.zero()
    output = net.forward(value(case["input"]))
    assert net.output is output
    assert_equal(output, case["output"])
    assert_equal(net.backward(value(case["input"]), value(case["gradOutput"])), case["gradInput"])
    assert_equal(net.gradInput, case["gradInput"])
    assert_equal(grads, case["flat_grads"])


GRAPHS = [name for name in CASES if not name.startswith("bptt")]


@pytest.mark.parametrize("name", GRAPHS)
def test_case(name):
    case, net = CASES[name], build(name)
    assert (net.layer is None) == (name == "criterion_in_graph")
    assert [str(m) for m in net.modules] == case["modules_order"]
    assert str(net) == case["tostring"]
    order = [node.data for node in net.forwardnodes]
    for node, (inputs, module, select, split, label) in zip(net.forwardnodes, case["nodes"], strict=True):
        data = node.data
        assert [order.index(d) + 1 for d in data.mapindex] == inputs
        assert (data.module and str(data.module)) == module
        assert (data.selectindex, data.nSplitOutputs) == (select, split)
        assert data.annotations["name"] == label if label else data.annotations.name is None
    flat, _ = net.getParameters()
    params, _ = net.parameters()
    assert [p.storageOffset() for p in params] == case["param_offsets"]
    assert len(flat.view(-1)) == case["flat_params"]["size"][0]
    run(net, case)


@pytest.mark.parametrize("name", GRAPHS)
def test_case_node_by_node(name):
    net = build(name)
    nngraph.setDebug(True)
    try:
        run(net.clone(), CASES[name])
    finally:
        nngraph.setDebug(False)


@pytest.mark.parametrize("kind", ["lstm", "rnn"])
def test_back_propagation_through_time(kind):
    case = CASES[f"bptt_{kind}"]
    net = lstm_charrnn(5, 4, 1) if kind == "lstm" else rnn_charrnn(5, 4, 1)
    flat, grads = net.getParameters()
    flat.copy(value(case["params"]))
    grads.zero()
    clones = [net.clone("weight", "bias", "gradWeight", "gradBias") for _ in range(3)]
    criterion, loss = nn.ClassNLLCriterion(), 0
    x, y, states = value(case["x"]), value(case["y"]), [value(case["init_state"])]
    for t, clone in enumerate(clones, 1):
        *state, prediction = clone.forward([x[[], t], *states[-1]])
        assert_equal(prediction, case["predictions"][t - 1])
        states.append(state)
        loss += criterion.forward(prediction, y[[], t])
    assert_equal(torch.Table(states[-1]), case["final_state"])
    assert loss / 3 == pytest.approx(case["loss"], rel=1e-12)
    back = [torch.zeros(2, 4) for _ in states[0]]
    for t in (3, 2, 1):
        by_loss = criterion.backward(clones[t - 1].output[len(back) + 1], y[[], t])
        _, *back = clones[t - 1].backward([x[[], t], *states[t - 1]], [*back, by_loss])
    assert_equal(torch.Table(back), case["d_init_state"])
    assert_equal(grads, case["grads"])
