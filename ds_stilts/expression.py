"""A number that changes while a phase runs, as a user writes it: `1 - t`, `max(0.1, 0.5 * t)`, `(t < 0.3) + 0.2`.

`t` is the share of the phase that is done, from 0 to 1. Parsed into Python's syntax tree and evaluated node by node:
nothing else that Python can do has a meaning here.
"""

import ast
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": np.minimum, "max": np.maximum, "exp": np.exp, "sqrt": np.sqrt, "cos": np.cos
}  # fmt: skip
_NUM_ARGUMENTS = {"min": 2, "max": 2, "exp": 1, "sqrt": 1, "cos": 1}
_MEANING = f"numbers, t, + - * / ** < <= > >=, brackets and {', '.join(_FUNCTIONS)}"


def evaluate(text: str, t: np.ndarray) -> np.ndarray:
    """The values of an expression, fp64, one for each of `t`; a comparison is 1 or 0.

    Raises:
        ValueError: it has no meaning, or no finite value for one of them.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"'{text}' is no expression of t; it is made of {_MEANING}") from None
    with np.errstate(all="ignore"):
        values = np.broadcast_to(np.asarray(_value(tree, t, text), np.float64), t.shape)
    if not np.isfinite(values).all():
        raise ValueError(f"'{text}' has no finite value at t = {t[~np.isfinite(values)][0]:g}")
    return values


def over_a_phase(text: str) -> np.ndarray:
    """Its values, fp64 [1001], at evenly spaced t from 0 to 1: what a recipe is checked by.

    Raises:
        ValueError: as `evaluate`.
    """
    return evaluate(text, np.linspace(0.0, 1.0, 1001))


def _value(node: ast.AST, t: np.ndarray, text: str) -> Any:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float()):
            return np.float64(node.value)
        case ast.Name(id="t"):
            return t
        case ast.UnaryOp() if type(node.op) in _UNARY:
            return _UNARY[type(node.op)](_value(node.operand, t, text))
        case ast.BinOp() if type(node.op) in _BINARY:
            return _BINARY[type(node.op)](_value(node.left, t, text), _value(node.right, t, text))
        case ast.Compare(ops=[only], comparators=[right]) if type(only) in _BINARY:
            return np.asarray(_BINARY[type(only)](_value(node.left, t, text), _value(right, t, text)), np.float64)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            if len(arguments) == _NUM_ARGUMENTS[name]:
                return _FUNCTIONS[name](*(_value(argument, t, text) for argument in arguments))
    raise ValueError(f"'{ast.unparse(node)}' in '{text}' means nothing here; an expression is made of {_MEANING}")
