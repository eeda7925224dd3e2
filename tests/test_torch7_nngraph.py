"""nngraph against numbers printed by the original Torch7, in double precision."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import fnn
import fnn.torch7 as torch
import transforms
from fnn.errors import LayerError
from fnn.torch7 import graph, nn, nngraph
from tests.torch7_cases import assert_equal, cases, value

pytestmark = pytest.mark.unoptimised

CASES = {case["id"]: case for case in cases("graphs")}


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
        methods = {"__init__": __init__, "__tostring__": text, "__module__": "fnn"}
        setattr(nn, name, type(name, (nn.Module,), methods))


local("CAddTable", fnn.add)
local("CMulTable", fnn.multiply)
local("JoinTable", fnn.join, lambda d: {"axis": d - 1})
local("SplitTable", fnn.split, lambda d: {"axis": d - 1})
local("SelectTable", selected, lambda i: {"index": i - 1})
local("Reshape", fnn.view, lambda *n: {"shape": n, "dimensions": 1})
local("OneHot", one_hot, lambda n: {"count": n})
local("MulConstant", times, lambda c: {"by": c})
local("AddConstant", plus, lambda c: {"by": c})
local("Narrow", fnn.narrow, lambda d, i, n: {"axis": d - 1, "start": i - 1, "length": n})


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

    in_gate, forget_gate, in_gate2 = (
        nn.Sigmoid()(summed()),
        nn.Sigmoid()(summed()),
        nn.Tanh()(summed()),
    )
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
    for node, (inputs, module, select, split, label) in zip(
        net.forwardnodes, case["nodes"], strict=True
    ):
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


NODE_BY_NODE = [
    "node_used_twice",
    "split_table",
    "nested_table_io",
    "rnn_two_steps",
    "lstm_charrnn_1layer",
    "criterion_in_graph",
]


@pytest.mark.parametrize("name", NODE_BY_NODE)
def test_case_node_by_node(name, capsys):
    net = build(name).clone()
    net.verbose = True
    run(net, CASES[name])
    assert capsys.readouterr().out.count(" V : ") == 2 * len(net.forwardnodes)


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


# The first tutorial's cells.


def test_recurrent_cell_of_the_tutorial():
    inputs = []
    for _ in range(2):
        inputs.append(nn.Identity()())
    input, prev_h = inputs
    i2h, h2h = nn.Linear(3, 2)(input), nn.Linear(2, 2)(prev_h)
    net = nn.gModule(inputs, [nn.Tanh()(nn.CAddTable()([i2h, h2h]))])
    assert net.forward([torch.randn(1, 3), torch.randn(1, 2)]).size().tolist() == [1, 2]
    nothing = [torch.Tensor([0, 0, 0]), torch.Tensor([0, 0])]  # backward knows better
    x, h = net.backward(nothing, torch.randn(1, 2))
    assert (x.size().tolist(), h.size().tolist()) == ([1, 3], [1, 2])
    assert isinstance(net.get(1), nn.Identity)


def test_lstm_of_the_tutorial():
    input, prev_c, prev_h = inputs = [nn.Identity()() for _ in range(3)]
    sums = nn.CAddTable()([nn.Linear(3, 8)(input), nn.Linear(2, 8)(prev_h)])
    gates = nn.Sigmoid()(nn.Narrow(2, 1, 6)(sums))
    in_transform = nn.Tanh()(nn.Narrow(2, 7, 2)(sums))
    in_gate, forget_gate = nn.Narrow(2, 1, 2)(gates), nn.Narrow(2, 3, 2)(gates)
    out_gate = nn.Narrow(2, 5, 2)(gates)
    kept = nn.CMulTable()([forget_gate, prev_c])
    new = nn.CMulTable()([in_gate, in_transform])
    next_c = nn.CAddTable()([kept, new])
    next_h = nn.CMulTable()([out_gate, nn.Tanh()(next_c)])
    net = nn.gModule(inputs, [next_c, next_h])
    order = (
        "Identity Linear Identity Linear CAddTable Narrow Sigmoid Narrow Identity CMulTable "
        "Narrow Narrow Tanh CMulTable CAddTable Narrow Tanh CMulTable"
    )
    assert [type(module).__name__ for module in net.modules] == order.split()
    assert len(net.forwardnodes) == 24
    zeros = [torch.zeros(1, 3), torch.zeros(1, 2), torch.zeros(1, 2)]
    c, h = net.forward(zeros)
    assert c.size().tolist() == h.size().tolist() == [1, 2]
    back = net.backward(zeros, [torch.zeros(1, 2), torch.zeros(1, 2)])
    assert [x.tolist() for x in back] == [[[0, 0, 0]], [[0, 0]], [[0, 0]]]


# Calls and operators.


def test_calls_make_nodes_of_nodes_and_run_with_data():
    linear, x = nn.Linear(3, 2), torch.ones(3)
    node = linear()
    assert isinstance(node, nngraph.Node)
    assert node.data.module is linear
    assert str(node) == "nngraph.Node"
    assert (-linear).data.module is linear
    assert linear(x) is linear.output
    output, gradInput = linear(x, torch.ones(2))
    assert output is linear.output
    assert gradInput is linear.gradInput
    assert nn.CAddTable()([x, x]).tolist() == [2, 2, 2]
    loss, _ = nn.MSECriterion()(x, x)
    assert loss == 0
    both = nn.CAddTable()([node, nn.Identity()()])
    assert both.children[1] is node
    assert both.children[node] == 1
    assert [type(child.data.module) for child in both.children] == [nn.Linear, nn.Identity]


def nodes():
    return nn.Identity()(), nn.Identity()()


def unused_element():
    x = nn.Identity()()
    first, _ = nn.SplitTable(1)(x).split(2)
    nn.gModule([x], [first])


def left_hanging():
    x, _ = nodes()
    h = nn.Tanh()(x)
    nn.Sigmoid()(h)
    nn.gModule([x], [h])


def input_left_out():
    x, y = nodes()
    nn.gModule([x], [nn.CAddTable()([x, y])])


def input_not_used():
    x, y = nodes()
    nn.gModule([x, y], [nn.Tanh()(x)])


def inner_input():
    x, _ = nodes()
    h = nn.Tanh()(x)
    nn.gModule([h], [nn.Tanh()(h)])


MISTAKES = {
    "inputs[2] is nil (typo / bad index?)": lambda: nn.CAddTable()([nn.Tanh()(), None]),
    "inputs[1] is nil": lambda: nn.Tanh()(None),
    "cannot pass an empty table of inputs": lambda: nn.Tanh()([]),
    "inputs[1] is an nn.Module, specifically a nn.Tanh, but": lambda: nn.Tanh()(nn.Tanh()),
    "Did you forget a second set of parens": lambda: nn.Tanh() - nn.Tanh(),
    "inputs[1] should be an nngraph.Node but is of type string": lambda: nn.Tanh()("x"),
    "inputs[2] should be an nngraph.Node but is of type torch.DoubleTensor": lambda: nn.CAddTable()(
        [nn.Tanh()(), torch.ones(2)]
    ),
    "Use [input1, input2] to pass multiple inputs.": lambda: nn.CAddTable()(*nodes()),
    "Don't pass the same input twice.": lambda: nn.CAddTable()([nodes()[0]] * 2),
    "stands twice in one table": lambda: nn.gModule([nodes()[0]], [nn.Tanh()()] * 2),
    "outputs[1] is an nn.Module, specifically a nn.Tanh": lambda: nn.gModule(
        [nodes()[0]], [nn.Tanh()]
    ),
    "inputs: given a single nngraph.Node, wanted a list": lambda: nn.gModule(*nodes()),
    "outputs: given a single nn.Tanh, wanted a list": lambda: nn.gModule([nodes()[0]], nn.Tanh()),
    "no inputs are not supported": lambda: nn.gModule([], [nodes()[0]]),
    "an input should have no inputs": inner_input,
    "1 of split(2) outputs from the node declared at": unused_element,
    "does not connect to gmodule output": left_hanging,
    "has no inputs, and is not an input": input_left_out,
    "Expected nnop.Parameters node, found : nn.Identity": input_left_out,
    "Expected nnop.Parameters node, module not found in node": lambda: nn.gModule(
        [nodes()[0]], [nngraph.Node()]
    ),
    "outputs from the node declared at": input_not_used,
    "what is this in the nest input?": lambda: nngraph.nest([nodes()[0], nn.Tanh()]),
    "expecting table of 2 inputs": lambda: rnn_cell().forward(torch.ones(3)),
    "Got 1 inputs instead of 2": lambda: rnn_cell().forward([torch.ones(3)]),
    "backward without forward": lambda: mlp().backward(torch.ones(5), torch.ones(2)),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistake(text):
    with pytest.raises(LayerError) as error:
        MISTAKES[text]()
    assert text in str(error.value)


def test_a_failed_graph_leaves_its_nodes_as_they_were():
    x, y = nodes()
    total = nn.CAddTable()([x, y])
    with pytest.raises(LayerError, match="is not an input"):
        nn.gModule([x], [total])
    net = nn.gModule([x, y], [total])
    assert net.forward([torch.ones(2), torch.ones(2)]).tolist() == [2, 2]


def test_split_of_another_number():
    x = nn.Identity()()
    net = nn.gModule([x], [nn.CAddTable()(list(nn.SplitTable(1)(x).split(3)))])
    assert net.forward(torch.ones(3, 2)).tolist() == [3, 3]
    with pytest.raises(LayerError, match="wanted a tuple of 3"):
        net.forward(torch.ones(2, 2))
    net.verbose = True
    with pytest.raises(LayerError, match=r"split\(3\) cannot split 2 outputs"):
        net.forward(torch.ones(2, 2))


def test_number_of_gradients():
    net = two_inputs_two_outputs()
    net.forward([torch.ones(5), torch.ones(3)])
    with pytest.raises(LayerError, match="Got 1 gradOutputs instead of 2"):
        net.backward(None, [torch.ones(1)])


# Tables of one element.


def test_tables_of_one_element_keep_their_depth():
    x = nn.Identity()()
    deep = nngraph.nest([[nn.Tanh()(x)]])
    flat = nngraph.JustElement()(nngraph.JustElement()(deep))
    net = nn.gModule([x], [deep, flat, nn.SplitTable(1)(x).split(1)])
    assert net.layer is not None
    for net.verbose in (False, True):
        deep, flat, row = net.forward(torch.zeros(1, 2))
        assert (len(deep), len(deep[1]), deep[1][1].tolist()) == (1, 1, [[0, 0]])
        assert flat.tolist() == [[0, 0]]
        assert row.tolist() == [0, 0]
        ones = torch.ones(1, 2)
        assert net.backward(None, [[[ones]], ones, ones[1]]).tolist() == [[3, 3]]


# What is inside.


def test_what_nodes_and_modules_hold_after_one_program():
    net, x = mlp(), torch.randn(5)
    assert net.forwardnodes[3].data.input is None
    output = net.forward(x)
    assert output is net.get(4).output
    linear = net.get(2)
    assert (linear.weight * x + linear.bias - linear.output).abs().max() < 1e-14
    data = net.forwardnodes[4].data
    assert data.module is net.get(3)
    assert data.input == [linear.output]
    assert data.gradOutput is None
    net.backward(x, torch.ones(2))
    assert (data.gradOutput[1] - net.get(4).gradInput).abs().max() == 0
    assert net.forwardnodes[4].label().split(r"\l") == [
        "module = nn.Tanh",
        "input = {Tensor[4]}",
        "gradOutput = {Tensor[4]}",
    ]
    net.clearState()
    assert data.input is None


def test_what_comes_back_to_nodes():
    """A gradient from each user; to look at inputs first changes nothing."""
    first, second = nn.Identity()(), nn.Identity()()
    net = nn.gModule([first, second], [nn.CSubTable()([nn.MulConstant(2)(first), first]), second])
    x, g = torch.ones(2, 3), torch.Tensor([[1, 2, 4], [3, 5, 7]])
    for look in ("input", "gradOutput"):
        net.forward([x[1], x[2]])
        net.backward([x[1], x[2]], [g[1], g[2]])
        assert None not in [getattr(node.data, look) for node in net.forwardnodes]
        back = {node.data: node.data.gradOutput for node in net.forwardnodes}
        assert sorted(part.tolist() for part in back[first.data]) == [[-1, -2, -4], [2, 4, 8]]
        assert [part.tolist() for part in back[second.data]] == [[3, 5, 7]]
        (pair,) = back[net.innode.data]
        assert [part.tolist() for part in pair] == [[1, 2, 4], [3, 5, 7]]
        assert net.modules[1].gradInput.tolist() == [1, 2, 4]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a network"])
def test_a_graph_goes_back_from_what_its_last_forward_was_given(inside):
    """Also for another input, and as that has been changed since."""
    node = nn.Identity()()
    linear = nn.Linear(3, 2)
    graph = nn.gModule([node], [nn.Tanh()(linear(node))])
    net = nn.Sequential().add(graph).add(nn.MulConstant(2)) if inside else graph
    earlier, later, g = torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 2)
    net.forward(earlier)
    y = np.asarray(net.forward(later)) / (1 + inside)
    by_linear = (1 + inside) * np.asarray(g) * (1 - y**2)
    for given, scale in ((earlier, 1), (later, 3)):
        later.mul(scale)
        net.zeroGradParameters()
        net.backward(given, g)
        np.testing.assert_allclose(
            np.asarray(linear.gradWeight), by_linear.T @ np.asarray(later), rtol=1e-12
        )


def test_gradients_by_steps():
    case, net = CASES["rnn_cell"], rnn_cell()
    flat, grads = net.getParameters()
    flat.copy(value(case["flat_params"]))
    x, g = value(case["input"]), value(case["gradOutput"])
    for net.verbose in (False, True):
        grads.zero()
        net.forward(x)
        net.accGradParameters(x, g)
        assert_equal(net.updateGradInput(x, g), case["gradInput"])
        assert_equal(grads, case["flat_grads"])


def test_noise_is_drawn_node_by_node():
    x = nn.Identity()()
    dropout = nn.Dropout(0.5)
    net = nn.gModule([x], [nn.CAddTable()([dropout(x), x])])
    torch.manualSeed(1)
    output = net.forward(torch.ones(100))
    torch.manualSeed(1)
    assert (nn.Dropout(0.5).forward(torch.ones(100)) + 1 - output).abs().max() == 0
    assert (net.backward(None, torch.ones(100)) - dropout.noise - 1).abs().max() == 0
    net.evaluate()
    assert net.forward(torch.ones(3)).tolist() == [2, 2, 2]


def test_a_compiled_step():
    net, x, y = rnn_cell(), [torch.randn(2, 3), torch.randn(2, 4)], torch.randn(2, 4)
    other, criterion = net.clone(), nn.MSECriterion()

    def step(net):
        net.zeroGradParameters()
        loss = criterion.forward(net.forward(x), y)
        net.backward(x, criterion.backward(net.output, y))
        net.updateParameters(0.1)
        return loss

    compiled = transforms.jit(step)
    for _ in range(3):
        assert compiled(net) == pytest.approx(step(other), rel=1e-12)


def test_methods_of_all_modules():
    net = mlp()
    other, pairs = net.clone(), []
    net.map(other, lambda a, b: pairs.append((a, b)))
    assert pairs == list(zip(net.modules, other.modules, strict=True))
    with pytest.raises(LayerError, match="different structure"):
        net.map(rnn_cell(), print)
    assert net.runForwardFunction("forward", torch.ones(5)) is net.output
    found = net.runForwardFunction(lambda module, x: [*x, str(module)], [])
    assert found == [str(module) for module in net.modules]
    net.share(other, "weight")
    other.get(2).weight.fill(0)
    assert net.get(2).weight.sum() == 0
    assert net.float().forward(torch.ones(5).float()).type() == "torch.FloatTensor"
    net.name = "perceptron"
    assert str(net) == "perceptron"


def test_replace():
    net = mlp()
    net.replace(lambda m: nn.Sigmoid() if isinstance(m, nn.Tanh) else m)
    assert [type(m).__name__ for m in net.modules] == ["Identity", "Linear", "Sigmoid", "Linear"]
    hidden = net.get(4).weight.zero() and net.get(2)
    net.forward(torch.ones(5))
    assert (torch.sigmoid(hidden.output) - net.get(3).output).abs().max() < 1e-15


def test_a_long_graph_is_copied():
    x = node = nn.Identity()()
    for _ in range(1500):
        node = nn.Identity()(node)
    net = nn.gModule([x], [node])
    other = net.clone()
    assert len(other.modules) == len(net.modules) == 1501
    assert other.forwardnodes[1].data is other.innode.data is not net.innode.data
    assert other.bg.topsort()[1].data is other.outnode.data


# Names and drawings.


def test_annotate_nodes():
    first = nn.Identity()()
    second = nn.Tanh()(first).annotate(name="explicit", description="says what")
    nngraph.annotateNodes()
    assert first.data.annotations["name"] == "first"
    assert second.data.annotations.name == "explicit"
    assert second.label() == r"desc = says what\nmodule = nn.Tanh"
    place = first.data.annotations._debugLabel
    assert place.startswith(f"[{__file__}]:")
    assert place.endswith("_test_annotate_nodes")


def test_labels_flag_what_is_no_number():
    x = nn.Identity()()
    net = nn.gModule([x], [nn.Linear(2, 1)(x)])
    for number, flag in ((float("nan"), "NaN"), (float("inf"), "inf"), (-float("inf"), "-inf")):
        net.forward(torch.Tensor([1, number]))
        assert net.forwardnodes[2].label() == rf"module = nn.Identity\linput = {{Tensor[2]{flag}}}"


def test_dot():
    x = nn.Identity()()
    h = nn.Linear(3, 2)(x).annotate(name="hidden", graphAttributes={"color": "blue"})
    net = nn.gModule([x], [nn.Tanh()(h)])
    for node in net.forwardnodes:
        node.annotate(graphAttributes={**node.graphNodeAttributes(), "tooltip": 'a "place"'})
    tip = r' tooltip="a \"place\""];'
    assert net.fg.todot("cell").split("\n") == [
        "digraph G {",
        'labelloc="t";',
        'label="cell";',
        "node [shape = oval]; ",
        r'n1[label="Node1\nmodule = nn.Tanh"' + tip,
        r'n2[label="Node2\n"' + tip,
        r'n3[label="hidden (3)\nmodule = nn.Linear(3 -> 2)" color=blue' + tip,
        r'n4[label="Node4\nmodule = nn.Identity"' + tip,
        r'n5[label="Node5\n"' + tip,
        "n1 -> n2;",
        "n3 -> n1;",
        "n4 -> n3;",
        "n5 -> n4;",
        "}",
    ]
    assert nngraph.simple_print.todot(net).endswith("];\nn3 -> n1;\n}")
    assert "Identity" not in nngraph.simple_print.todot(net.fg)


def test_simple_drawings_keep_the_numbers_of_nodes():
    """Torch7's text."""
    x = nn.Identity()()
    a, b = nn.Identity()(nn.SplitTable(1)(x)).split(2)
    h = nn.CAddTable()([nn.Contiguous()(a), nn.Identity()(b)])
    net = nn.gModule([x], [h, nn.Sigmoid()(b)])
    lines = nngraph.simple_print.todot(net.fg).split("\n")
    assert [line.partition(" tooltip")[0] for line in lines[2:]] == [
        r'n1[label="Node1\nmodule = nn.CAddTable\lmapindex = {Node4,Node5}"',
        r'n3[label="Node3\nmodule = nn.Sigmoid"',
        r'n4[label="Node4\nmodule = nn.Contiguous"',
        r'n10[label="Node10\nmodule = nn.SplitTable"',
        *("n4 -> n1;", "n10 -> n3;", "n10 -> n1;", "n10 -> n4;", "}"),
    ]


def drawn(text):
    """The nodes of a drawing: their lines by name."""
    space = "{http://www.w3.org/2000/svg}"
    groups = ET.fromstring(text).iter(f"{space}g")
    return [(g.get("data-name"), [t.text for t in g.iter(f"{space}text")]) for g in groups]


def test_drawing(tmp_path):
    net = lstm_charrnn(4, 3, 2)
    text = net._repr_html_()
    assert nngraph.display(net)._repr_svg_() == net.fg._repr_svg_() == text
    found = drawn(text)
    assert [name for name, _ in found] == [f"n{node.id}" for node in net.fg.nodes]
    assert dict(found)[f"n{net.forwardnodes[6].id}"][1] == "module = nn.Linear(4 -> 12)"
    assert text.count('<path d="M') == 1 + len(net.fg.edges)
    assert text.count("<title>[") == len(net.fg.nodes)
    graph.dot(net.fg, "two & more", str(tmp_path / "lstm"))
    assert (tmp_path / "lstm.dot").read_text() == net.fg.todot("two & more")
    assert "two &amp; more" in (tmp_path / "lstm.svg").read_text()
    assert graph.dot(net.fg, "two")._repr_svg_() == str(graph.dot(net.fg, "two"))


def test_debugging_draws_the_failing_node_red(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = nn.Identity()()
    net = nn.gModule([x], [nn.Linear(4, 2)(nn.Tanh()(x))])
    with pytest.raises(LayerError) as error:
        net.forward(torch.ones(3))
    assert any("In the node declared at" in note for note in error.value.__notes__)
    nngraph.setDebug(True)
    try:
        with pytest.raises(LayerError) as error:
            net.forward(torch.ones(3))
    finally:
        nngraph.setDebug(False)
    assert any("In the node declared at" in note for note in error.value.__notes__)
    assert any("In 3 module of nn.gModule: nn.Linear(4 -> 2)" in n for n in error.value.__notes__)
    text = (tmp_path / "nngraph_1in_1out.svg").read_text()
    red = [group for group in text.split("<g ") if 'fill="red"' in group]
    assert len(red) == 1
    assert "nn.Linear(4 -&gt; 2)" in red[0]
    assert "input = {Tensor[3]}" in red[0]
    assert "fillcolor=red" in (tmp_path / "nngraph_1in_1out.dot").read_text()
    assert "fillcolor" not in net.fg.todot()


# Graphs of anything.


def test_graph():
    a, b, c, d = map(graph.Node, "abcd")
    g = graph.Graph()
    g.add([graph.Edge(a, b), graph.Edge(a, c), graph.Edge(b, d), graph.Edge(c, d)])
    assert [node.id for node in (a, b, c, d)] == [1, 2, 3, 4]
    assert [node.data for node in g.topsort()] == list("abcd")
    assert [node.data for node in g.reverse().topsort()] == list("dbca")
    assert [node.data for node in g.clone().nodes] == list("abcd")
    assert g.roots() == [a]
    assert g.leaves() == [d]
    assert g.nodes[c] == 3
    assert (g.edges[2].from_, getattr(g.edges[2], "from"), g.edges[2].to) == (a, a, c)
    orders = {"dfs": "dbca", "bfs": "abcd"}
    for name, order in orders.items():
        found = []
        getattr(a, name)(lambda node, found=found: found.append(node.data))
        assert found == list(order)
    assert len(a.graph().edges) == 4
    assert not g.hasCycle()
    g.add(graph.Edge(d, a))
    assert g.hasCycle()
    assert a.hasCycle()
    with pytest.raises(LayerError, match="Graph has cycles"):
        g.topsort()
    assert len(drawn(g._repr_svg_())) == 4
