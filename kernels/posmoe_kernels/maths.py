"""Functions that kernels share: codes, activations and the Möbius bias, as the runtime's core computes them.

The polynomials are those of runtime/core/kernels_math.inc, so that the same input gives the same codes but for the last
bit. They are plain arithmetic: Triton's interpreter runs them too.
"""

import triton
import triton.language as tl


@triton.jit
def encode(x, inverse_step):
    """Codes clamp(round(x · inverse_step)), halves to the even number, int8."""
    magic = 12582912.0  # 1.5 · 2²³: adding it rounds to the nearest integer
    bounded = tl.minimum(tl.maximum(x * inverse_step, -127.0), 127.0)
    return ((bounded + magic) - magic).to(tl.int8)


@triton.jit
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return 1.0 / (1.0 + tl.exp(tl.minimum(-x, 88.0)))


@triton.jit
def gelu(x):
    """x Φ(x), by a rational approximation of erf(x / √2)."""
    t = tl.minimum(tl.maximum(x, -5.65), 5.65)
    u = t * t
    p = 4.398525004935446e-08
    p = p * u + 1.2575964730220925e-05
    p = p * u + 3.4255891268804723e-04
    p = p * u + 9.383012359354575e-03
    p = p * u + 6.835671619046328e-02
    p = p * u + 7.978845415964431e-01
    q = 1.1705934236286791e-06
    q = q * u + 7.400094644901418e-05
    q = q * u + 1.8989481999808283e-03
    q = q * u + 2.881730023271782e-02
    q = q * u + 2.5233872351380987e-01
    q = q * u + 1.0
    return (0.5 * x) * (1.0 + t * p / q)


@triton.jit
def tanh(x):
    """tanh of x ≥ 0."""
    u = x * x
    p = -6.11315e-3
    p = p * u + 2.101005e-2
    p = p * u - 5.385406e-2
    p = p * u + 1.3332794e-1
    p = p * u - 3.3333329e-1
    small = x + x * (u * p)
    large = 1.0 - 2.0 / (tl.exp(tl.minimum(x + x, 80.0)) + 1.0)
    return tl.where(x < 0.625, small, large)


@triton.jit
def atanh(x):
    """atanh of 0 ≤ x < 1."""
    u = x * x
    p = 1.5875631e-1
    p = p * u + 6.416336e-2
    p = p * u + 1.1486682e-1
    p = p * u + 1.4262487e-1
    p = p * u + 2.000052e-1
    p = p * u + 3.3333331e-1
    small = x + x * (u * p)
    large = 0.5 * tl.log((1.0 + x) / (1.0 - x))
    return tl.where(x < 0.5, small, large)


@triton.jit
def mobius(v2, vb, b2, c, root):
    """Factors s and t of log₀(exp₀(v) ⊕ b) = s v + t b, from |v|², v·b and |b|², c the curvature, root its root."""
    rim = 0.996
    norm = tl.sqrt(tl.maximum(v2, 1e-12)) * root
    s = tl.minimum(tanh(norm), rim) / norm
    x2 = s * s * v2
    twice = 2.0 * c * (s * vb)
    bottom = tl.maximum(1.0 + twice + c * c * x2 * b2, 1e-6)
    alpha = (1.0 + twice + c * b2) * s / bottom
    beta = (1.0 - c * x2) / bottom
    y2 = alpha * alpha * v2 + 2.0 * alpha * beta * vb + beta * beta * b2
    length = tl.sqrt(tl.maximum(y2, 1e-12)) * root
    scale = atanh(tl.minimum(length, rim)) / length
    return alpha * scale, beta * scale


@triton.jit
def then(a, b, c, d):
    """h ↦ a h + b, then h ↦ c h + d: the operator whose scan is the recurrence."""
    return a * c, c * b + d


@triton.jit
def both_ways(z, x, column, first, last, SPLIT: tl.constexpr):
    """h_t = (1 − z_t) h_{t−1} + z_t x_t over axis 0: the columns below SPLIT downwards, the others upwards.

    `first` and `last` [rows, 1] mark the ends of sentences, where the state starts from nothing.
    """
    decay, new = 1.0 - z, z * x
    _, down = tl.associative_scan((tl.where(first, 0.0, decay), new), 0, then)
    _, up = tl.associative_scan((tl.where(last, 0.0, decay), new), 0, then, reverse=True)
    return tl.where(column < SPLIT, down, up)
