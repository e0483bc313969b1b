"""What oracle.py exports to Keras beside the models of ../export: layers with settings that Keras says in a way of its own. And what is
refused, and the words that name it."""
import samples
from samples import IMAGES

# a stride and a dilation at once; borders of pools larger and smaller than "same" ones, over numbers of both signs; a filter a channel
# with strides that differ; groups and dilation of a transposed convolution
BORDERS = """model:
  name: graph
  layers:
    - {type: conv, name: c1, filters: 6, kernel: 3, stride: 2, dilation: 2, pad: [2, 1]}
    - {type: maxpool, name: m1, kernel: [3, 2], stride: [1, 2], pad: [1, 0, 0, 1]}
    - {type: conv-transpose, name: up, filters: 4, kernel: [3, 2], stride: 1, dilation: 2, pad: 1, groups: 2, bias: false}
    - {type: conv-transpose, name: u2, filters: 4, kernel: 2, stride: 3, output_pad: 2}
    - {type: depthwise, name: dw, kernel: 3, stride: [2, 1], pad: 1}
    - {type: conv, name: multiplied, filters: 8, kernel: 3, groups: 4, pad: [0, 1]}
    - {type: avgpool, name: a1, kernel: 4, stride: 3, pad: 1}
    - {type: relu, name: r}
    - {type: maxpool, name: m2, kernel: 2, stride: 2, pad: 1}
    - {type: conv, name: fork, filters: 5, kernel: 1}
    - {type: conv, name: left, from: [fork], filters: 5, kernel: 1}
    - {type: conv, name: right, from: [fork], filters: 5, kernel: 1}
    - {type: conv, name: right2, from: [right], filters: 5, kernel: 1}
    - {type: sub, name: difference, from: [right2, left]}
    - {type: add, name: "sum+(two)", from: [difference, right]}
    - {type: dense, name: out, units: 4}
"""
PARTS = """model:
  name: graph
  layers:
    - {type: conv, name: a, from: [input], filters: 6, kernel: 3, pad: 1, act: gelu}
    - {type: slice, name: channels, axis: 3, begin: 1, end: -2}
    - {type: slice, name: rows, axis: 1, begin: 2}
    - {type: slice, name: columns, axis: 2, begin: -9, end: 12}
    - {type: reshape, name: two, shape: [0, -1, 3]}
    - {type: slice, name: of_two, axis: 2, begin: 0, end: 2}
    - {type: transpose, name: turned, perm: [0, 2, 1]}
    - {type: slice, name: first, axis: 1, begin: 1}
    - flatten
    - {type: slice, name: some, axis: 1, begin: 3, end: -1}
    - {type: gelu, name: exact}
    - {type: gelu, name: tanh, approx: tanh}
    - {type: hardswish, name: hard}
    - {type: dense, name: out, units: 4}
"""
# what Keras has no layers for is left out
TIME = "".join(line for line in samples.TIME.splitlines(True) if "position" not in line and "self-attention" not in line)
# samples where a convolution has rows, and where a softmax has classes
TURNED = """model:
  name: graph
  layers:
    - {type: transpose, name: turn, perm: [1, 0, 2, 3]}
    - {type: conv, name: c, filters: 3, kernel: 1}
    - {type: transpose, name: back, perm: [1, 0, 2, 3]}
    - {type: dense, name: out, units: 4}
"""
LAST = """model:
  name: graph
  layers:
    - {type: dense, name: h, units: 5}
    - {type: transpose, name: turn, perm: [1, 0]}
    - {type: softmax, name: s}
    - {type: transpose, name: back, perm: [1, 0]}
    - {type: dense, name: out, units: 4}
"""
# a pool's borders over numbers of both signs: even windows, more than half before
WIDE = """model:
  name: graph
  layers:
    - {type: conv, name: c, filters: 3, kernel: 3}
    - {type: maxpool, name: m, kernel: 2, stride: 2, pad: 1}
    - {type: dense, name: out, units: 4}
"""
SAMPLES = {"borders": BORDERS + IMAGES, "parts": PARTS + IMAGES, "recurrent": TIME + IMAGES}
# models with layers that Keras 2 has not
KERAS_3 = {"graph"}
STRANGE = {"turned": TURNED + IMAGES, "last": LAST + IMAGES, "wide": WIDE + IMAGES}
REFUSED = {
    "turned": "layer 'c' (conv2d): what it reads is not samples first",
    "last": "layer 's' (softmax): its last dimension is the samples",
    "wide": "layer 'm' (maxpool2d): Keras has no borders like its own",
    "time": "layer 'pos.places' (reshape): the weights 'pos.weight' alone",
    "series-rnn": "a state that is given",
    "series-autoregressive": "a state that is given",
    "charlm-lstm": "a model that writes text (charlm)",
    "transformer": "a model that writes text (transformer)",
    "seq2seq": "a translator (seq2seq)",
}
