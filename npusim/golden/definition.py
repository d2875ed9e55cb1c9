"""A kernel as its file describes it: variants, knobs, options, and how to build one case."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

from npusim.errors import KernelError, UsageError
from npusim.golden.comparison import Array, Comparator
from npusim.golden.specs import ScalarSpec, TensorSpec

Golden = Callable[[dict[str, Array]], Mapping[str, Array]]
"""Takes every argument by name, returns the expected array of each output by name."""

Knob = int | bool | str

_KNOB_TYPES = {int: "an integer", bool: "true or false", str: "a text"}
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, eq=False)
class KernelCase:
    """One kernel, built with fixed constants, ready to be run and verified.

    Attributes:
        name: Name of the kernel.
        variant: Name of the variant it was built from.
        parameters: What it was built with, JSON values only: ``options``, ``changed_knobs`` (those
            set by hand), ``knobs`` (all of them), and what the kernel adds.
        entry: The kernel; called with the arrays of ``specs`` in their order.
        specs: Its arguments.
        golden: Computes the expected outputs; gets copies, so it may work in place.
        faithful_golden: A golden that also rounds where the kernel rounds, for tight regression
            checks; None if there is none.
        compare: Comparator by output name; an output without one is compared with ``allclose``.

    Raises:
        KernelError: If no spec is an output, or ``compare`` names something else than an output.
    """

    name: str
    variant: str
    parameters: dict[str, Any]
    entry: Callable[..., Any]
    specs: tuple[TensorSpec | ScalarSpec, ...]
    golden: Golden
    faithful_golden: Golden | None = None
    compare: dict[str, Comparator] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "specs", tuple(self.specs))
        names = [spec.name for spec in self.outputs]
        if not names:
            msg = f"kernel {self.name}: no output among its specs; set is_output=True on one"
            raise KernelError(msg)
        for name in self.compare:
            if name not in names:
                msg = (
                    f"kernel {self.name}: compare names {name!r}; expected one of "
                    f"{', '.join(names)}; correct the name or set is_output=True"
                )
                raise KernelError(msg)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Specs of the tensors that are compared with the golden."""
        return tuple(s for s in self.specs if isinstance(s, TensorSpec) and s.is_output)


@dataclass(frozen=True, eq=False)
class KernelDefinition:
    """A kernel with all its variants.

    Attributes:
        name: Name of the kernel.
        summary: One line for the list of kernels.
        variants: Frozen tiling dataclass by variant name; its fields are the knobs (int, bool or
            str). The tiling checks its own values and raises GuardError.
        options: Allowed values by option name; the first is the default.
        build: Makes the case from a tiling and the options. ``case`` fills in the name, the
            variant, and as parameters the knobs and options.
        note: A sentence for who runs it, beneath the options in the list of kernels.

    Raises:
        KernelError: If there is no variant or an option allows nothing.
    """

    name: str
    summary: str
    variants: Mapping[str, Any]
    options: Mapping[str, tuple[Any, ...]]
    build: Callable[[Any, dict[str, Any]], KernelCase]
    note: str = ""

    def __post_init__(self) -> None:
        empty = [name for name, allowed in self.options.items() if not allowed]
        if empty or not self.variants:
            what = f"option {empty[0]} allows no value" if empty else "there is no variant"
            msg = f"kernel {self.name}: {what}; expected at least one; add it"
            raise KernelError(msg)

    def knobs(self, variant: str) -> dict[str, Knob]:
        """Names and values of the knobs of ``variant``.

        Raises:
            UsageError: If there is no such variant.
        """
        tiling = self._tiling(variant)
        return {name: getattr(tiling, name) for name in _knob_types(tiling)}

    def case(
        self,
        variant: str,
        knobs: Mapping[str, Knob] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> KernelCase:
        """The case of ``variant`` with some knobs and options changed.

        Args:
            variant: One of ``variants``.
            knobs: New values by knob name; a text is parsed to the type of the knob.
            options: Values by option name; a text that spells an allowed value means that value.
                Options that are left out take their default.

        Raises:
            UsageError: If a name or value is not one that the kernel knows.
            GuardError: If the kernel cannot run with these constants.
        """
        tiling = self._tiling(variant)
        parsed = self._parsed_knobs(variant, tiling, knobs or {})
        tiling = replace(tiling, **parsed)
        chosen = self._chosen_options(options or {})
        case = self.build(tiling, dict(chosen))
        parameters = {
            "options": chosen,
            "changed_knobs": parsed,
            "knobs": asdict(tiling),
            **self._changed_options(chosen),
            **case.parameters,
        }
        return replace(case, name=self.name, variant=variant, parameters=parameters)

    def _changed_options(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """What of ``chosen`` is not the default, as a parameter; none where all of it is."""
        changed = {name: v for name, v in chosen.items() if v != self.options[name][0]}
        return {"changed_options": changed} if changed else {}

    def _tiling(self, variant: str) -> Any:
        if variant not in self.variants:
            msg = (
                f"kernel {self.name}: no variant {variant!r}; expected one of "
                f"{', '.join(self.variants)}"
            )
            raise UsageError(msg)
        return self.variants[variant]

    def _parsed_knobs(
        self, variant: str, tiling: Any, knobs: Mapping[str, Knob]
    ) -> dict[str, Knob]:
        types = _knob_types(tiling)
        parsed: dict[str, Knob] = {}
        for name, value in knobs.items():
            if name not in types:
                msg = (
                    f"kernel {self.name}, variant {variant}: no knob {name!r}; expected one of "
                    f"{', '.join(types) or 'none'}"
                )
                raise UsageError(msg)
            try:
                parsed[name] = _parse_knob(value, types[name])
            except ValueError as error:
                msg = (
                    f"kernel {self.name}: knob {name} is {value!r}; expected "
                    f"{_KNOB_TYPES[types[name]]}, "
                    f"for instance {getattr(tiling, name)}"
                )
                raise UsageError(msg) from error
        return parsed

    def _chosen_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        chosen = {name: allowed[0] for name, allowed in self.options.items()}
        for name, value in options.items():
            if name not in self.options:
                msg = (
                    f"kernel {self.name}: no option {name!r}; expected one of "
                    f"{', '.join(self.options) or 'none'}"
                )
                raise UsageError(msg)
            # Spelling, not equality: True == 1, and a command line only has texts.
            spelled = {str(allowed).casefold(): allowed for allowed in self.options[name]}
            if str(value).casefold() not in spelled:
                msg = (
                    f"kernel {self.name}: option {name} is {value!r}; expected one of "
                    f"{', '.join(str(allowed) for allowed in self.options[name])}"
                )
                raise UsageError(msg)
            chosen[name] = spelled[str(value).casefold()]
        return chosen


def _knob_types(tiling: Any) -> dict[str, type]:
    hints = get_type_hints(type(tiling))
    return {
        item.name: hints[item.name]
        for item in fields(tiling)
        if item.init and hints[item.name] in _KNOB_TYPES
    }


def _parse_knob(value: Knob, kind: type) -> Knob:
    """``value`` as ``kind``; a ValueError if it does not spell one."""
    if type(value) is kind:
        return value
    if isinstance(value, str):
        if kind is bool and value.casefold() in _FLAGS:
            return _FLAGS[value.casefold()]
        if kind is int:
            return int(value)
    msg = f"{value!r} is not of type {kind.__name__}"
    raise ValueError(msg)
