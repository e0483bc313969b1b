"""Models of samples (images, tables) that oracle.py exports: a name and a recipe. Every layer type of `anneal explain --layers` that
reads images or what becomes of them stands in one of them; `COVERED` is checked against that list."""

TRAIN = "train: {batch: 16, epochs: 1, seed: 1}\noptim: {name: sgd, lr: 0.05}\n"
IMAGES = "data: {path: images, validation: 16}\n" + TRAIN

WINDOWS = """model:
  name: graph
  layers:
    - {type: conv, name: c1, filters: 8, kernel: [3, 5], pad: same, stride: [2, 1]}
    - {type: conv, name: c2, filters: 8, kernel: 3, pad: [2, 1, 1, 2], dilation: [2, 1], groups: 2, bias: false}
    - {type: batchnorm, name: bn, act: leaky_relu, eps: 1e-3}
    - {type: depthwise, name: dw, kernel: 3, pad: 1, act: hardswish}
    - {type: conv-transpose, name: up, filters: 6, kernel: 3, stride: 2, pad: 1, output_pad: 1, groups: 2}
    - {type: groupnorm, name: gn, groups: 3, act: silu}
    - {type: maxpool, name: mp, kernel: 3, stride: 2, pad: 1}
    - {type: avgpool, name: ap, kernel: [2, 3], stride: 1, pad: [0, 1]}
    - {type: avgpool, name: aq, kernel: 3, stride: 2, pad: 1, count_include_pad: true}
    - {type: upsample, name: u1, scale: [2, 1], mode: bilinear}
    - {type: upsample, name: u2, scale: [1, 3]}
    - {type: pad, name: p, pad: [1, 0, 2, 1]}
    - {type: shortcut, name: s, stride: 2, channels: 9}
    - flatten
    - {type: dense, name: fc, units: 12, act: elu}
    - {type: layernorm, name: ln}
    - {type: dense, name: out, units: 4}
"""

GRAPH = """model:
  name: graph
  layers:
    - {type: conv, name: a, from: [input], filters: 6, kernel: 3, pad: 1, act: gelu}
    - {type: conv, name: b, from: [input], filters: 6, kernel: 3, pad: 1, act: softplus}
    - {type: add, name: sum, from: [a, b]}
    - {type: sub, name: difference, from: [a, b]}
    - {type: global-avgpool, name: squeeze, from: [sum]}
    - {type: dense, name: excite, units: 6, act: sigmoid}
    - {type: mul, name: scaled, from: [sum, excite]}
    - {type: concat, name: all, from: [scaled, difference], axis: 3}
    - {type: slice, name: part, axis: 3, begin: 1, end: -2}
    - {type: slice, name: rows, axis: 1, begin: 2}
    - {type: scale, name: twice, factor: 2}
    - {type: dropout, name: drop, p: 0.3}
    - {type: softmax, name: sm}
    - {type: transpose, name: turned, perm: [0, 2, 1, 3]}
    - {type: leaky-relu, name: l1, slope: 0.2}
    - {type: elu, name: l2, alpha: 0.7}
    - {type: gelu, name: l3, approx: tanh}
    - {type: silu, name: l4}
    - {type: tanh, name: l5}
    - {type: hardswish, name: l6}
    - {type: reshape, name: r, shape: [0, -1, 9]}
    - {type: batchnorm, name: bn3}
    - {type: groupnorm, name: gn3, groups: 3}
    - {type: layernorm, name: ln3}
    - flatten
    - {type: dense, name: h, units: 10, act: relu}
    - {type: batchnorm, name: bn2}
    - {type: sigmoid, name: l7}
    - {type: softplus, name: l8}
    - {type: relu, name: l9}
    - {type: dense, name: o, units: 4}
    - {type: log-softmax, name: out}
"""

TIME = """model:
  name: graph
  layers:
    - {type: conv, name: c, from: [input], filters: 4, kernel: 3, pad: 1}
    - {type: to-time, name: t}
    - {type: conv1d, name: cc, filters: 8, kernel: 3, dilation: 2, causal: true, act: relu}
    - {type: position, name: pos}
    - {type: self-attention, name: at, heads: 2, causal: true}
    - {type: layernorm, name: ln}
    - {type: time-dense, name: td, units: 10, act: tanh}
    - {type: self-attention, name: au, heads: 5}
    - {type: lstm, name: lstm, units: 5, layers: 2, bidirectional: true}
    - {type: batchnorm, name: bn}
    - {type: gru, name: gru, units: 6, bidirectional: true}
    - {type: gru, name: before, units: 6, reset: before}
    - {type: rnn, name: rnn, units: 6}
    - {type: conv1d, name: cs, filters: 5, kernel: 3, stride: 2, pad: 1}
    - {type: rnn-relu, name: relu6, units: 6, bidirectional: true}
    - {type: time-pool, name: last, from: [relu6], mode: last}
    - {type: time-pool, name: mean, from: [relu6], mode: mean}
    - {type: time-pool, name: most, from: [relu6], mode: max}
    - {type: concat, name: pools, from: [last, mean, most]}
    - {type: dense, name: out, units: 4}
"""

HEADS = """model:
  name: graph
  layers:
    - {type: conv, name: c, from: [input], filters: 4, kernel: 3, act: relu}
    - {type: global-avgpool, name: pool}
    - {type: dense, name: first, from: [pool], units: 4}
    - {type: dense, name: second, from: [pool], units: 3}
    - {type: dense, name: third, from: [pool], units: 1}
    - {type: to-time, name: t, from: [c]}
    - {type: gru, name: g, units: 8}
    - {type: time-dense, name: steps, units: 5}
  heads:
    - {from: first, loss: cross-entropy}
    - {from: second, loss: cross-entropy, label: label2}
    - {from: third, loss: huber, label: label3}
    - {from: steps, loss: ctc}
"""

TWO_INPUTS = """model:
  name: graph
  layers:
    - {type: conv, name: c, from: [input], filters: 4, kernel: 3, act: relu}
    - {type: global-avgpool, name: pool}
    - {type: flatten, name: flat, from: [input2]}
    - {type: dense, name: d, units: 6, act: relu}
    - {type: concat, name: both, from: [pool, d]}
    - {type: dense, name: out, units: 4}
"""

SAMPLES = {
    "lenet5": "model: {name: lenet5}\n" + IMAGES,
    "cnn2": "model: {name: cnn2}\n" + IMAGES,
    "mlp": "model: {name: mlp, hidden: [20, 10], dropout: 0.1}\n" + IMAGES.replace("validation", "normalize: false, validation"),
    "resnet-cifar": "model: {name: resnet-cifar, depth: 8}\n" + IMAGES.replace("seed: 1", "seed: 1, ema: 0.9"),
    "resnet": "model: {name: resnet, depth: 18}\n" + IMAGES.replace("0.05", "1e-4"),
    "bottleneck": "model: {name: resnet, depth: 50, stem: small}\n" + IMAGES.replace("0.05", "1e-4"),
    "windows": WINDOWS + IMAGES,
    "graph": GRAPH + IMAGES,
    "time": TIME + IMAGES,
    "bf16": "model: {name: lenet5}\n" + IMAGES.replace("seed: 1", "seed: 1, precision: bf16"),
    "heads": HEADS + IMAGES.replace("path: images", "path: heads"),
    "values": "model: {name: mlp, hidden: [16]}\ndata: {path: values, label_type: value, validation: 16}\nloss: {name: huber}\n" + TRAIN,
    "table": "model: {name: mlp, hidden: [16]}\ndata: {path: table, validation: 16}\n" + TRAIN,
    "inputs": TWO_INPUTS + IMAGES.replace("path: images", "path: inputs"),
}
FASHION = {
    "fashion-lenet5": "model: {name: lenet5}\ndata: {path: fashion-mnist, validation: 58000}\n" + TRAIN.replace("16", "128"),
    "fashion-cnn2": "model: {name: cnn2}\ndata: {path: fashion-mnist, validation: 59000}\n" + TRAIN.replace("16", "128"),
}
# layers of tokens, which images cannot have; sequences.py has them
ELSEWHERE = {"embedding"}
