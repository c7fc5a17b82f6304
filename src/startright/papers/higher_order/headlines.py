"""What the chapter says first, in words: the page explains its symbols below."""

from collections.abc import Sequence

from startright.measured import Count, Fact, Measured, listed
from startright.papers.higher_order.findings import Said, costs_of, flat, net_name, sentences, span
from startright.studies import Record, frame


@sentences
def layers_interact(records: Sequence[Record]) -> Said:
    """C4: what a step of second order does without the interactions between tensors, and with them."""
    table = frame(records).query("adam_steps > 0")
    facts: dict[str, Fact] = {}
    parts = []
    for net, part in table.groupby("net", sort=False):
        raised = facts[f"raised, {net}"] = Count.of(part["diagonal"] > part["before"])
        size = facts[f"over before, {net}"] = Measured.of(part["diagonal"] / part["before"], 1)
        parts.append(f"{size} on the {net_name(net).replace(', ', ' for ')} (n = {raised.n})")
    with_them = facts["lowered with them"] = Count.of(table["cubic"] < table["before"])
    text = (
        f"On trained networks a step that leaves out how tensors interact multiplies the loss by "
        f"{listed(parts)}; the paper's step, which keeps it, lowers the loss in {with_them} runs."
    )
    return text, facts


@sentences
def price(records: Sequence[Record]) -> Said:
    """C2: what the derivatives cost, in gradients."""
    passes, tangents = (flat(costs_of(records, way, third=False)) for way in ("double_backward", "tangents"))
    facts: dict[str, Fact] = {
        name: Measured.of(values, machine=True)
        for name, values in (("passes", passes), ("tangents", tangents))
    }
    text = (
        f"The second derivatives between all groups of parameters cost {span(passes, '.1f')} gradients by "
        f"backward passes, and {span(tangents, '.1f')} when they are carried forward with the values (one "
        f"measurement each)."
    )
    return text, facts
